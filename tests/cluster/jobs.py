"""Runs of the program over one archive, and what makes it hard for them."""
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

from trees import differences, leftovers, snapshot

TABLE = """
  - resize: {scale: 0.5}
  - measure: [mean, sharpness]
  - write: {folder: images, format: png}
  - table: {folder: table, rows: 256, partition_by: [format]}
"""
PAIRS = """
  - patches: {size: 16, mode: random, max: 2}
  - corrupt: [gaussian_noise: {sigma: [2, 55]}]
  - measure: [psnr]
  - pairs: {folder: pairs, layout: imagefolder, validation: 0.1, test: 0.1}
  - pairs: {folder: tar, layout: webdataset, shard_size: 1MB}
"""
# Seconds without a sign of life after which an owner counts as dead; 60 where nothing is said.
PATIENCE = ["--patience", "5"]
# Ends of a shard after which nothing of it is left to do.
THROUGH = (0, 10, 12)


ARCHIVE = "input: {{path: {input}}}"
# Two folders of seven, for jobs that write much.
PART = 'input: {{path: {input}, include: ["[01]/**"]}}'


def pipeline(folder, name, steps, given=ARCHIVE):
    """A pipeline's file over the archive; its output is given to each run."""
    path = pathlib.Path(folder) / f"{name}.yaml"
    given = given.format(input=pathlib.Path(folder) / "archive")
    path.write_text(f"version: 1\nname: {name}\n{given}\noutput: {folder}/unset\nsteps:{steps}limits: {{max_vanished: 100%}}\n")
    return path


def hosts_can_be_made():
    """Whether processes can be put on hosts of their own: another name, other numbers of processes, no network."""
    return subprocess.run(["unshare", "--uts", "--net", "--pid", "--fork", "true"], capture_output=True).returncode == 0


class Runner:
    """Calls the program for one pipeline and output."""

    def __init__(self, binary, pipeline, output):
        self.binary, self.pipeline, self.output = str(binary), str(pipeline), str(output)

    def command(self, *arguments):
        return [self.binary, arguments[0], self.pipeline, "--set", f"output={self.output}", *arguments[1:]]

    def start(self, *arguments, host=None, fault=None):
        """A process; on a host of its own where one is named. Its end takes the host along."""
        command = self.command(*arguments)
        if host:
            inner = ["sh", "-c", 'hostname "$0"; exec "$@"', host]
            command = ["unshare", "--uts", "--net", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc", *inner, *command]
        environment = dict(os.environ, **({"SAFELIGHT_TEST_FAULT": fault} if fault else {}))
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True)

    def call(self, *arguments, **options):
        """Runs to the end; gives the exit code (negative: the signal) and the messages."""
        process = self.start(*arguments, **options)
        _, said = process.communicate(timeout=900)
        return process.returncode, said

    def expect(self, codes, *arguments, **options):
        code, said = self.call(*arguments, **options)
        assert code in codes, f"{arguments} of {self.output} ended with {code}, not {codes}:\n{said}"
        return code

    def generation(self, lease):
        """Of a lease, such as `0003-of-0016` or `gather`: one more each time that it is taken."""
        leases = pathlib.Path(self.output, ".safelight", "shards").glob(f"{lease}.g*")
        return max((int(found.suffix[2:]) for found in leases if found.suffix[2:].isdigit()), default=0)

    def through(self, command, lease, kills=(), host=None):
        """Runs a command until it is through. Kills it with -9 so many seconds after it has its lease, and starts it on another
        host, which waits until the lease counts as that of a dead owner. Gives how often it was killed and taken over."""
        told = {"kills": 0, "taken_over": 0}
        for tries, after in enumerate([*kills, None]):
            before = self.generation(lease)
            process = self.start(*command, "--progress", "quiet", *PATIENCE, host=host and f"{host}-{tries}")
            if after is not None:
                while process.poll() is None and self.generation(lease) <= before:
                    time.sleep(0.01)
                try:
                    process.wait(after)
                except subprocess.TimeoutExpired:
                    process.kill()
            _, said = process.communicate(timeout=900)
            through = process.returncode in THROUGH
            told["taken_over"] += int(before > 0 and (through or self.generation(lease) > before))
            if through:
                return told
            assert process.returncode == -signal.SIGKILL, f"{command}: {process.returncode}\n{said}"
            told["kills"] += 1
        return told

    def shard(self, number, count, kills=(), host=None, options=()):
        """Runs a shard until it is through, with kills in between."""
        command = ["run", "--shard", f"{number}/{count}", *options]
        return self.through(command, lease(number, count), kills, host and f"{host}-{number}")

    def shards(self, count, kills=0, most=0.5, host=None, seed=0, at_once=3, options=()):
        """Runs all shards, `at_once` of them at a time, with so many kills at random moments."""
        rng = random.Random(seed)
        plan = {number: [] for number in range(1, count + 1)}
        for _ in range(kills):
            plan[rng.randrange(1, count + 1)].append(rng.uniform(0.02, most))
        gate, told, failed = threading.Semaphore(at_once), [], []

        def one(number):
            with gate:
                try:
                    told.append(self.shard(number, count, plan[number], host, options))
                except BaseException as problem:  # told by the thread that waits
                    failed.append(problem)

        threads = [threading.Thread(target=one, args=(number,)) for number in rng.sample(sorted(plan), count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return {key: sum(one[key] for one in told) for key in ("kills", "taken_over")}

    def gather(self, *arguments, codes=(0, 10, 12)):
        return self.expect(codes, "gather", "--wait", "--progress", "quiet", *PATIENCE, *arguments)

    def check(self, wanted, what):
        """Fails where the output is not the one wanted, byte for byte, or says itself that something is amiss."""
        told = differences(snapshot(self.output), wanted) + [f"left over: {path!r}" for path in leftovers(self.output)]
        assert told == [], f"{what}: {len(told)} differences, among them\n" + "\n".join(told[:20])
        self.expect((0,), "verify")


def lease(number, count):
    """The name of a shard's lease."""
    return f"{number:04}-of-{count:04}"


def processes_of(text):
    """Numbers of the processes that have a text in an argument of theirs and are the program itself."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                arguments = pathlib.Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.path.basename(arguments[0]) == b"safelight" and any(os.fsencode(text) in part for part in arguments[1:]):
                found.append(int(name))
    return found


class Killer(threading.Thread):
    """Kills processes of a pipeline with -9 at random moments, so many, until told to stop."""

    def __init__(self, pipeline, kills, seed, pause=(0.05, 0.6)):
        super().__init__(daemon=True)
        self.pipeline, self.left, self.killed, self.pause = str(pipeline), kills, 0, pause
        self.rng, self.over = random.Random(seed), threading.Event()

    def run(self):
        while self.left and not self.over.wait(self.rng.uniform(*self.pause)):
            victims = processes_of(self.pipeline)
            if victims:
                try:
                    os.kill(self.rng.choice(victims), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.left, self.killed = self.left - 1, self.killed + 1

    def stop(self):
        self.over.set()
        self.join()
        return self.killed
