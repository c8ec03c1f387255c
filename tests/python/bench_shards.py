"""What doing a job in shards costs, and what gathering takes: make bench-shards [N=1000000] [PICTURES=300].

First, two shards of one thread each, at the same time, against one run with two threads, in turn: the ratio of their times
(medians). Then N pictures of one pixel, measured in eight shards: the time and memory of `gather`.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM, COUNT, PICTURES = Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3])
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
SHARDS = 8


def call(*arguments, **options):
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([str(PROGRAM), *map(str, arguments)], check=True, **silent, **options)


def scaling(folder):
    """The denoiser over copies of sample pictures, by one process and by two."""
    source = [p for p in sorted((ROOT / "sample_data/archive").rglob("*")) if p.suffix in (".png", ".jpg") and p.stat().st_size > 20_000]
    (folder / "in").mkdir()
    for number in range(PICTURES):
        picture = source[number % len(source)]
        shutil.copy(picture, folder / "in" / f"{number:05}{picture.suffix}")
    pipeline = folder / "job.yaml"
    pipeline.write_text(
        f"version: 1\ninput: {folder}/in\noutput: {folder}/out\nsteps:\n"
        f"  - restore: {{model: {ROOT}/sample_data/models/denoise.onnx}}\n  - write\n  - table\n"
    )
    times = {"one": [], "two": [], "gather": []}
    for _ in range(ROUNDS):
        for kind in ("one", "two"):
            shutil.rmtree(folder / "out", ignore_errors=True)
            start = time.monotonic()
            if kind == "one":
                call("run", pipeline, "--set", "limits.threads=2")
            else:
                one = "limits.threads=1"
                shards = [
                    subprocess.Popen(
                        [str(PROGRAM), "run", str(pipeline), "--shard", f"{n}/2", "--shard-by", "size", "--set", one],
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                    for n in (1, 2)
                ]
                assert all(shard.wait() == 0 for shard in shards)
                took = time.monotonic() - start
                call("gather", pipeline, "--set", one)
                times["gather"].append(time.monotonic() - start - took)
                times[kind].append(took)
                continue
            times[kind].append(time.monotonic() - start)
    one, two = statistics.median(times["one"]), statistics.median(times["two"])
    ratios = [b / a for a, b in zip(times["one"], times["two"])]
    print(f"{PICTURES} pictures: a run of two threads {one:.2f} s, two shards of one thread {two:.2f} s, "
          f"ratio {two / one:.3f} (single ratios {min(ratios):.3f} to {max(ratios):.3f}); "
          f"gathering them {statistics.median(times['gather']):.2f} s")


def gathering(folder):
    """Many made pictures of one pixel, with a table."""
    pipeline = folder / "job.yaml"
    (folder / "in").mkdir()
    # A BMP of one pixel; each has its own colour.
    head = bytes.fromhex("424d3a000000000000003600000028000000010000000100000001001800000000000400000000000000000000000000000000000000")
    for number in range(COUNT):
        if number % 1000 == 0:
            (folder / "in" / f"{number // 1000:04}").mkdir()
        (folder / "in" / f"{number // 1000:04}" / f"{number:07}.bmp").write_bytes(head + number.to_bytes(3, "little") + b"\0")
    pipeline.write_text(
        f"version: 1\ninput: {folder}/in\noutput: {folder}/out\nsteps:\n  - measure: [mean, contrast, pixel_hash]\n  - table\n"
    )
    start = time.monotonic()
    for number in range(1, SHARDS + 1):
        call("run", pipeline, "--progress", "quiet", "--shard", f"{number}/{SHARDS}")
    print(f"{COUNT} pictures of one pixel in {SHARDS} shards, one after the other: {time.monotonic() - start:.1f} s")
    # The largest child so far is a shard.
    shard = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.monotonic()
    gather = subprocess.Popen([str(PROGRAM), "gather", str(pipeline), "--progress", "quiet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(gather.pid, 0)
    took = time.monotonic() - start
    assert os.waitstatus_to_exitcode(status) == 0
    print(f"a shard took at most {shard / 1024:.0f} MiB; gather {took:.1f} s and {usage.ru_maxrss / 1024:.0f} MiB")


for part in (scaling, gathering):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        part(Path(folder))
