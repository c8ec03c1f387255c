"""Shards, killed and taken over, come to what one machine comes to, byte for byte: files, tables, lists, manifest.

Usage: python tests/cluster/run.py target/release/safelight [--pictures 5000] [--shards 1,3,8] [--kills 12] [--seed 0]
       [--only files,hosts,takeover,missing,gather,hyperqueue,parallel,slurm]

Hosts are processes with names, process numbers and networks of their own (`unshare`, as root). Parts whose engine is not
there are skipped, and why is printed.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

import archive
import engines
from jobs import PAIRS, PART, PATIENCE, TABLE, Runner, hosts_can_be_made, lease, pipeline, processes_of
from trees import differences, show_that_differences_are_seen, snapshot


def told(part, start, **figures):
    figures = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in figures.items())
    print(f"{part:<34} {time.monotonic() - start:6.1f} s  {figures}", flush=True)


class Cluster:
    def __init__(self, asked, folder):
        self.asked, self.folder = asked, pathlib.Path(folder)
        self.binary = pathlib.Path(asked.binary).absolute()
        self.host = "node" if hosts_can_be_made() else None
        if not self.host:
            print("no hosts of their own: unshare is not permitted here, so that dead owners are found by their numbers")
        self.table = pipeline(folder, "table", TABLE)
        self.pairs = pipeline(folder, "pairs", PAIRS, PART)
        self.current = None
        self.synth = pipeline(folder, "synth", "\n  - write: {folder: images}\n", "input: {{synth: dead_leaves, count: 60, size: 48}}")
        archive.make(self.folder / "archive", asked.pictures, asked.seed)

    def runner(self, pipeline, name):
        """Of the output of this name, which is moved to where all are made: messages in the manifest have that path."""
        place, kept = self.folder / "output", self.folder / "kept"
        if self.current != name:
            kept.mkdir(exist_ok=True)
            if place.exists():
                place.rename(kept / self.current)
            if (kept / name).exists():
                (kept / name).rename(place)
            self.current = name
        return Runner(self.binary, pipeline, place)

    def reference(self, pipeline, name, *arguments):
        """What one machine makes of it."""
        start, runner = time.monotonic(), self.runner(pipeline, f"{name}-alone")
        runner.expect((0, 10, 12), "run", "--progress", "quiet", *arguments)
        told(f"{name}: one machine", start)
        return snapshot(runner.output)

    def planted(self):
        start = time.monotonic()
        small = self.runner(pipeline(self.small(), "small", TABLE), "small")
        small.expect((10,), "run", "--progress", "quiet")
        wanted, seen = snapshot(small.output), show_that_differences_are_seen(small.output)
        again = self.runner(small.pipeline, "small-again")
        again.expect((10,), "run", "--progress", "quiet", "--set", "limits.threads=1")
        again.check(wanted, "with one thread")
        told("planted differences", start, seen=seen)

    def small(self):
        """A folder with an archive of 120 pictures."""
        folder = self.folder / "small"
        if not folder.exists():
            archive.make(folder / "archive", 120, self.asked.seed)
        return folder

    def shards(self, runner, count, wanted, what, options=()):
        start = time.monotonic()
        kills = min(self.asked.kills, 4 * count)
        figures = runner.shards(count, kills, host=self.host, seed=self.asked.seed + count, options=options)
        between = time.monotonic()
        runner.gather(*options)
        gathered = time.monotonic() - between
        runner.check(wanted, what)
        told(what, start, kills=figures["kills"], taken_over=figures["taken_over"], s_gather=round(gathered, 2))

    def hosts(self):
        """Two nights over as many shards, and the second over others."""
        wanted = self.reference(self.table, "table")
        for count in self.asked.shards:
            self.shards(self.runner(self.table, f"table-{count}"), count, wanted, f"table: {count} shards")
        archive.change(self.folder / "archive", self.asked.seed + 1)
        wanted = self.reference(self.table, "table", "--prune")
        for before, count in zip(self.asked.shards, self.asked.shards[1:] + self.asked.shards[:1]):
            runner = self.runner(self.table, f"table-{before}")
            self.shards(runner, count, wanted, f"table: the next night, {before} to {count}", ["--prune"])
        count = self.asked.shards[len(self.asked.shards) // 2]
        for name, job in [("pairs", self.pairs), ("synth", self.synth)]:
            wanted = self.reference(job, name)
            self.shards(self.runner(job, name), count, wanted, f"{name}: {count} shards")

    def takeover(self):
        """A shard that hangs is taken over by another host, then wakes up again and has to leave all as it is."""
        start, count, number = time.monotonic(), 3, 2
        wanted = self.reference(self.table, "takeover")
        runner = self.runner(self.table, "takeover")
        hung = runner.start("run", "--shard", f"{number}/{count}", "--progress", "quiet", *PATIENCE, host=self.host and f"{self.host}-hung")
        while not runner.generation(lease(number, count)):
            assert hung.poll() is None, "it ended before it could hang; take more pictures"
            time.sleep(0.005)
        time.sleep(0.05)
        pids = processes_of(runner.output)
        assert len(pids) == 1, "it ended before it could hang; take more pictures"
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        code, said = runner.call("gather", "--progress", "quiet")
        assert code == 1, f"gathered while a shard was at work: {code} {said}"
        for other in (1, 3):
            runner.shard(other, count, host=self.host)
        if not self.host:
            os.kill(pids[0], signal.SIGCONT)
            hung.wait()
        waited = runner.shard(number, count, host=self.host)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        _, said = hung.communicate(timeout=120)
        if self.host:
            assert hung.returncode not in (0, 10, 12) and "taken over" in said, f"{hung.returncode}: {said}"
        runner.gather()
        runner.check(wanted, "after a takeover")
        told("a shard that hung, taken over", start, taken_over=waited["taken_over"])

    def missing(self):
        """Shards that never ran and that were killed are named, and done alone afterwards."""
        start = time.monotonic()
        wanted = self.reference(self.table, "missing")
        runner = self.runner(self.table, "missing")
        runner.shard(1, 4, host=self.host)
        runner.shard(3, 4, host=self.host)
        code, said = runner.call("run", "--shard", "4/4", "--progress", "quiet", *PATIENCE, host=self.host, fault="kill@9")
        assert "killed before" in said, f"{code}: {said}"
        code, said = runner.call("gather", "--wait", "--progress", "quiet", *PATIENCE)
        assert code == 20 and "2/4" in said and "4/4" in said and "1/4" not in said, f"{code}: {said}"
        assert differences(snapshot(runner.output), wanted), "nothing is missing"
        runner.shard(2, 4, host=self.host)
        runner.shard(4, 4, host=self.host)
        runner.gather()
        runner.check(wanted, "after shards were missing")
        told("shards that were missing, done alone", start)

    def gather(self):
        """Killed before each of its writes, then done again."""
        for name, steps in [("gathered", TABLE), ("gathered-pairs", PAIRS)]:
            start = time.monotonic()
            job = pipeline(self.small(), name, steps)
            wanted = self.reference(job, name)
            runner = self.runner(job, name)
            runner.shards(3)
            before = self.folder / f"{name}-before"
            shutil.copytree(runner.output, before, symlinks=True)
            place = 0
            while True:
                place += 1
                shutil.rmtree(runner.output)
                shutil.copytree(before, runner.output, symlinks=True)
                code, said = runner.call("gather", "--progress", "quiet", fault=f"kill@{place}")
                if code in (0, 10, 12):
                    break
                assert code == -signal.SIGABRT and "killed before" in said, f"{place}: {code} {said}"
                runner.gather()
                runner.check(wanted, f"gather killed before its write {place}")
            assert place > 20, f"{place} writes are too few to be all"
            told(f"{name}: killed before each write", start, writes=place - 1)
        # Over the whole archive at moments that nobody chose.
        start = time.monotonic()
        wanted = self.reference(self.table, "gather")
        runner = self.runner(self.table, "gather")
        runner.shards(3, host=self.host)
        rng = random.Random(self.asked.seed)
        kills = [rng.uniform(0.005, 0.15) for _ in range(5)]
        figures = runner.through(["gather", "--wait"], "gather", kills, self.host)
        runner.check(wanted, "gather killed at random")
        assert figures["kills"], "gathered before it could be killed; take more pictures"
        told("gather killed at random", start, **figures)

    def files(self):
        start = time.monotonic()
        told("shipped files", start, **engines.files())

    def engine(self, name, run):
        start = time.monotonic()
        wanted = self.reference(self.table, name)
        runner = self.runner(self.table, name)
        count = self.asked.shards[-1]
        # What engines start gets a pipeline, and no more.
        job = self.folder / f"{name}.yaml"
        job.write_text(self.table.read_text().replace(f"{self.folder}/unset", runner.output))
        figures = run(self.binary, job, count, self.asked)
        if figures is None:
            assert not self.asked.only, f"{name} was asked for and is not here"
            return
        runner.check(wanted, name)
        told(f"{name}: {count} shards", start, **figures)


PARTS = "files,hosts,takeover,missing,gather,hyperqueue,parallel,slurm"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--shards", type=lambda text: [int(n) for n in text.split(",")], default=[1, 3, 8])
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help=f"parts, of {PARTS}; what is named here has to be possible")
    asked = parser.parse_args()
    parts = (asked.only or PARTS).split(",")
    with tempfile.TemporaryDirectory(prefix="safelight-cluster-") as folder:
        cluster = Cluster(asked, folder)
        cluster.planted()
        for part in parts:
            if part in ("hyperqueue", "parallel", "slurm"):
                cluster.engine(part, getattr(engines, part))
            else:
                getattr(cluster, part)()
    print("all equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
