import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import safelight

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SAFELIGHT", ROOT / "target/release/safelight")
MEASURE = """\
version: 1
name: measure
input: {path: sample_data/archive, exclude: ["broken/**"]}
output: out
steps:
  - measure: [mean]
  - table
"""


def tree(folder):
    """Hashes of all that a run leaves for readers."""
    files = [path for path in Path(folder).rglob("*") if path.is_file() and ".safelight" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_run_is_told_in_numbers():
    job = safelight.Job(MEASURE)
    assert job.name == "measure" and job.output == Path("out").resolve()
    plan = job.plan(items=True)
    assert plan["todo"] == plan["total"] == len(plan["items"]) and plan["error"] is None
    summary = job.run()
    assert (summary["done"], summary["failed"], summary["stop"], summary["exit"]) == (plan["total"], 0, None, 0)
    assert job.run()["skipped"] == plan["total"]
    status = job.status()
    assert status["done"] == plan["total"] and status["last_run"]["exit"] == 0
    assert job.verify()["problems"] == []
    (part,) = Path("out/table").glob("part-*.parquet")
    part.write_bytes(b"")
    assert [problem["problem"] for problem in job.verify()["problems"]] == ["changed"]


def test_a_pipeline_is_a_path_a_text_or_a_dict(here):
    Path("measure.yaml").write_text(MEASURE)
    parsed = {
        "version": 1,
        "name": "measure",
        "input": {"path": "sample_data/archive", "exclude": ["broken/**"]},
        "output": Path("out"),
        "steps": [{"measure": ["mean"]}, "table"],
    }
    jobs = [safelight.Job(form) for form in ("measure.yaml", Path("measure.yaml"), MEASURE, parsed)]
    assert len({json.dumps([job.plan()[key] for key in ("job", "output", "reasons", "steps")]) for job in jobs}) == 1
    again = pickle.loads(pickle.dumps(safelight.Job(MEASURE, set={"name": "other"})))
    assert again.name == "other"


def test_keys_can_be_set():
    job = safelight.Job(
        MEASURE,
        set={
            "name": "other",
            "output": Path("else where"),
            "limits.threads": 1,
            "input.exclude": ["broken/**", "scans/**"],
            "steps.0.measure.what": ["mean", "contrast"],
        },
    )
    assert job.name == "other" and job.output.name == "else where"
    assert job.run()["exit"] == 0
    assert {"mean", "contrast"} <= set(safelight.read_table(job).column_names)
    with pytest.raises(safelight.PipelineError, match="limits.thread"):
        safelight.Job(MEASURE, set={"limits.thread": 1})


def test_items_that_fail_are_counted_not_raised():
    job = safelight.Job(MEASURE, set={"input.exclude": [], "limits.max_failures": 5})
    summary = job.run()
    assert summary["failed"] == 2 and summary["exit"] == 10 and summary["stop"] is None
    assert job.run()["exit"] == 12
    assert job.run(retry=True)["exit"] == 10
    failures = job.status(failures=True)["failures"]
    assert sorted(failure["path"] for failure in failures) == ["broken/not-an-image.jpg", "broken/truncated.jpg"]
    stopped = safelight.Job(MEASURE, set={"input.exclude": [], "limits.max_failures": 0, "output": "other"}).run()
    assert (stopped["stop"], stopped["exit"]) == ("too_many_failures", 11)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(safelight.PipelineError) as raised:
        safelight.Job(MEASURE.replace("mean", "maen").replace("version: 1", "version: 1\nsed: 3"))
    assert len(raised.value.mistakes) == 2 and "did you mean" in str(raised.value)
    assert [mistake["line"] for mistake in raised.value.mistakes] == [2, 7]
    with pytest.raises(safelight.PipelineError, match="nowhere.yaml"):
        safelight.Job("nowhere.yaml")


def test_refusals_have_the_exit_code_of_the_program():
    job = safelight.Job(MEASURE)
    with pytest.raises(safelight.JobError, match="nothing has been run") as raised:
        job.status()
    assert raised.value.exit == 2
    job.run()
    with pytest.raises(safelight.JobError, match="measure") as raised:
        safelight.Job(MEASURE, set={"name": "other"}).run()
    assert raised.value.exit == 78
    with pytest.raises(safelight.JobError, match="nothing matches|no image|no input|matches") as raised:
        safelight.Job(MEASURE, set={"output": "other", "input.include": ["*.xyz"]}).run()
    assert raised.value.exit == 78


@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="the program is not built: make build")
def test_dicts_are_those_of_the_program():
    Path("measure.yaml").write_text(MEASURE)
    job = safelight.Job("measure.yaml")

    def program(*words):
        done = subprocess.run([PROGRAM, *words, "measure.yaml", "--json"], capture_output=True)
        return json.loads(done.stdout)

    def told(plan):
        # What follows from the memory that a process has at the moment.
        for key in ("items_bytes", "at_a_time", "limit_bytes"):
            (plan["estimates"] or {}).pop(key, None)
        return plan

    assert told(job.plan(items=True)) == told(program("plan", "--items"))
    job.run()
    assert told(job.plan()) == told(program("plan"))
    assert job.status(failures=True) == program("status", "--failures")
    assert job.status(shards=True) == program("status", "--shards")
    assert job.verify() == program("verify")


def test_progress_is_told_from_the_calling_thread(capfd):
    events = []
    total = safelight.Job(MEASURE).run(progress=events.append)["total"]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "planned" and kinds[-1] == "ended"
    assert kinds.count("finished") == kinds.count("started") == total
    assert capfd.readouterr() == ("", "")
    safelight.Job(MEASURE, set={"output": "other"}).run(progress=True)
    assert f"{total}/{total} images, 0 failed" in capfd.readouterr().err
    with pytest.raises(TypeError, match="progress"):
        safelight.Job(MEASURE).run(progress=3)


def test_an_exception_of_progress_stops_the_run():
    copies(200)

    def fail(event):
        if event["event"] == "finished":
            raise RuntimeError("enough")

    job = safelight.Job(MEASURE, set={"input": "many", "limits.threads": 1, "steps.0.measure": ["niqe"]})
    with pytest.raises(RuntimeError, match="enough"):
        job.run(progress=fail)
    done = job.status()["done"]
    assert 0 < done < 200
    assert job.run()["done"] == 200 - done


def copies(count):
    """So many pictures that differ, in the folder `many`."""
    Path("many").mkdir()
    for number in range(count):
        array = np.random.default_rng(number).integers(0, 256, (200, 300, 3), np.uint8)
        Path(f"many/{number:03}.png").write_bytes(safelight.encode(array))


def test_an_interrupt_stops_cleanly(here):
    copies(200)
    script = textwrap.dedent(
        """
        import safelight
        job = safelight.Job(open("measure.yaml").read())
        first = True
        def tell(event):
            global first
            if event["event"] == "finished" and first:
                first = False
                print("begun", flush=True)
        try:
            job.run(progress=tell)
        except KeyboardInterrupt:
            print("interrupted", job.status()["done"], job.verify()["problems"], flush=True)
        """
    )
    pipeline = MEASURE.replace("mean", "niqe") + "limits: {threads: 1}\n"
    Path("measure.yaml").write_text(pipeline.replace('{path: sample_data/archive, exclude: ["broken/**"]}', "many"))
    running = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    word, done, problems = said.split()
    assert word == "interrupted" and problems == "[]" and 0 < int(done) < 200
    summary = safelight.Job("measure.yaml").run()
    assert summary["done"] == 200 - int(done) and summary["exit"] == 0


def test_shards_together_are_one_run():
    whole = safelight.Job(MEASURE, set={"output": "whole"})
    whole.run()
    job = safelight.Job(MEASURE)
    done = [job.run(shard=(number, 3))["done"] for number in (1, 2)] + [job.run(shard="3/3")["done"]]
    assert sum(done) == whole.status()["done"]
    assert not Path("out/table").exists()
    states = [shard["state"] for shard in job.status(shards=True)["shards"]]
    assert len(states) == 3 and len(set(states)) == 1
    gathered = job.gather()
    assert (gathered["exit"], gathered["shards"], gathered["unfinished"]) == (0, 3, [])
    assert tree("out/table") == tree("whole/table")
    assert job.gather()["exit"] == 0 and job.run()["skipped"] == sum(done)


def test_a_shard_that_is_missing_is_named():
    job = safelight.Job(MEASURE)
    job.run(shard=(1, 2))
    gathered = job.gather()
    assert (gathered["exit"], gathered["stop"]) == (20, "shards_missing")
    assert [shard["shard"] for shard in gathered["unfinished"]] == [2]


def test_the_engine_says_which_shard(monkeypatch):
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    job = safelight.Job(MEASURE)
    job.run(shard="auto/2")
    states = {shard["shard"]: shard["state"] for shard in job.status(shards=True)["shards"]}
    assert states[2] != states[1]


@pytest.mark.parametrize("wrong", ["0/3", (4, 3), "x", "auto"])
def test_wrong_shards_are_refused(wrong, monkeypatch):
    for name in ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="shard"):
        safelight.Job(MEASURE).run(shard=wrong)
    with pytest.raises(TypeError, match="shard"):
        safelight.Job(MEASURE).run(shard=3)


def test_vanished_outputs_go_when_asked():
    shutil.copytree("sample_data/archive/2019", "archive")
    pipeline = MEASURE.replace("measure: [mean]", "write: {folder: images, format: png}")
    job = safelight.Job(pipeline, set={"input.path": "archive", "limits.max_vanished": "100%"})
    total = job.run()["done"]
    Path("archive/lake.jpg").unlink()
    summary = job.run(accept_input=True)
    assert (summary["vanished"], summary["pruned"]) == (1, 0) and Path("out/images/lake.png").exists()
    assert job.run(prune=True, accept_input=True)["pruned"] == 1 and not Path("out/images/lake.png").exists()
    assert total == job.status()["done"] + 1


def test_two_jobs_run_at_once():
    from concurrent.futures import ThreadPoolExecutor

    jobs = [safelight.Job(MEASURE, set={"output": f"out{number}"}) for number in range(2)]
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        assert [summary["exit"] for summary in pool.map(lambda job: job.run(), jobs)] == [0, 0]
    assert time.monotonic() - start < 60
