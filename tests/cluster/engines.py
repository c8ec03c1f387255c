"""The engines that the shipped files are for, started on this machine: HyperQueue from its Python package, and Slurm."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from jobs import Killer

HERE = pathlib.Path(__file__).resolve().parent
CONTRIB = HERE.parent.parent / "contrib"


def on_path(folder, binary):
    """An environment in which `safelight` is the binary."""
    link = pathlib.Path(folder) / "safelight"
    link.symlink_to(binary)
    return dict(os.environ, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")


def files():
    """The shipped files as far as they can be judged without an engine: scripts parse, Kubernetes knows all keys."""
    for script in [*CONTRIB.glob("*/*.sh"), *CONTRIB.glob("*/*.sbatch")]:
        subprocess.run(["bash", "-n", script], check=True)
    try:
        import yaml
        from kubernetes_validate import ValidationError, validate
    except ImportError as problem:
        print(f"skipped schemas of Kubernetes: {problem}")
        return {}
    seen = 0
    for path in sorted((CONTRIB / "kubernetes").glob("*.yaml")):
        job = yaml.safe_load(path.read_text())
        for version in ("1.31", "1.33"):
            validate(job, version, strict=True)
            seen += 1
        planted = yaml.safe_load(path.read_text().replace("onExitCodes", "onExitCode"))
        try:
            validate(planted, "1.33", strict=True)
        except ValidationError:
            continue
        raise AssertionError(f"a planted mistake in {path} was not seen")
    indexed = yaml.safe_load((CONTRIB / "kubernetes" / "indexed-job.yaml").read_text())["spec"]
    variables = {one["name"]: one["value"] for one in indexed["template"]["spec"]["containers"][0]["env"]}
    assert variables["SAFELIGHT_SHARDS"] == str(indexed["completions"]) == str(indexed["maxFailedIndexes"])
    return {"manifests": seen}


def hyperqueue(binary, job, count, asked):
    """contrib/hyperqueue/denoise.sh with three workers; processes of its first round are killed."""
    try:
        from hyperqueue import LocalCluster
        from hyperqueue.cluster import WorkerConfig
    except ImportError as problem:
        print(f"skipped HyperQueue: {problem}")
        return None
    with tempfile.TemporaryDirectory() as folder, LocalCluster() as cluster:
        for _ in range(3):
            cluster.start_worker(WorkerConfig(cores=1))
        environment = on_path(folder, binary)
        environment["HQ_SERVER_DIR"] = str(cluster.cluster.server_dir)
        environment["PATH"] = f"{HERE}{os.pathsep}{pathlib.Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        killer = Killer(job, min(asked.kills, count), asked.seed)
        killer.start()
        ended = subprocess.run([CONTRIB / "hyperqueue" / "denoise.sh", job, str(count), "1"], cwd=folder, env=environment,
                               capture_output=True, text=True, timeout=900)
        killed = killer.stop()
    assert ended.returncode in (0, 10, 12), f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return {"kills": killed, "exit_code": ended.returncode}


def parallel(binary, job, count, asked):
    """contrib/parallel/denoise.sh with this machine twice in place of others; processes are killed, and tried again."""
    if not shutil.which("parallel"):
        print("skipped GNU parallel: it is not installed (Debian: parallel)")
        return None
    with tempfile.TemporaryDirectory() as folder:
        hosts = pathlib.Path(folder) / "hosts"
        hosts.write_text("2/:\n")
        killer = Killer(job, min(asked.kills, 2), asked.seed)  # three tries are all there are
        killer.start()
        ended = subprocess.run([CONTRIB / "parallel" / "denoise.sh", job, hosts, str(count)], cwd=folder,
                               env=on_path(folder, binary), capture_output=True, text=True, timeout=900)
        killed = killer.stop()
    assert ended.returncode in (0, 10, 12), f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return {"kills": killed, "exit_code": ended.returncode}


SLURM = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
KillWait=30
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster of one node with four processors, from Debian's packages slurmctld, slurmd, slurm-client and munge."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.environment = dict(os.environ, SLURM_CONF=str(self.folder / "slurm.conf"))

    def __enter__(self):
        os.chmod(self.folder, 0o755)
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for path in (self.folder / "munge", key):
            shutil.chown(path, "munge", "munge")
        ports = [free_port(), free_port()]
        (self.folder / "slurm.conf").write_text(
            SLURM.format(host=socket.gethostname(), folder=self.folder, controller=ports[0], daemon=ports[1]))
        munge = self.folder / "munge"
        self.munged = subprocess.Popen(
            ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground", f"--key-file={key}",
             f"--socket={munge}/socket", f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed"],
            stderr=subprocess.DEVNULL)
        wait_until(lambda: (munge / "socket").exists(), "munge")
        self.daemons = [subprocess.Popen([name, "-D"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                        for name in ("slurmctld", "slurmd")]
        wait_until(lambda: "idle" in self.tell("sinfo", "--noheader", "-o", "%t"), "the node")
        return self

    def __exit__(self, *_):
        self.tell("scancel", "--user=root", "--signal=KILL", "--full")
        for daemon in self.daemons[::-1] + [self.munged]:
            daemon.terminate()
            daemon.wait(30)

    def tell(self, *command, **options):
        ended = subprocess.run(command, env=dict(self.environment, **options), capture_output=True, text=True)
        return ended.stdout if ended.returncode == 0 else f"{ended.returncode} {ended.stderr}"

    def states(self, job):
        return [state for state in self.tell("squeue", "--noheader", "--jobs", job, "-o", "%T").split() if state.isupper()]


def slurm(binary, job, count, asked):
    """contrib/slurm/submit.sh; tasks are killed, one is stopped by a signal and goes back to the queue by itself."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "munged", "setpriv") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        print(f"skipped Slurm: {', '.join(missing) or 'root'} is wanted (Debian: slurmctld slurmd slurm-client munge)")
        return None
    with tempfile.TemporaryDirectory(prefix="safelight-slurm-") as folder, Slurm(folder) as cluster:
        work = pathlib.Path(folder) / "work"
        work.mkdir()
        cluster.environment = dict(cluster.environment, PATH=on_path(work, binary)["PATH"])
        limits = ["--cpus-per-task=1", "--mem=200M"]
        killer = Killer(job, max(1, count // 3), asked.seed)
        killer.start()
        said = subprocess.run([CONTRIB / "slurm" / "submit.sh", job, str(count), *limits], cwd=work, env=cluster.environment,
                              capture_output=True, text=True)
        numbers = re.findall(r"job (\d+)", said.stdout)
        assert said.returncode == 0 and len(numbers) == 2, f"{said.stdout}{said.stderr}"
        array, gather = numbers
        stopped, requeued = False, set()
        deadline = time.monotonic() + 600
        while cluster.states(array) or cluster.states(gather):
            running = cluster.tell("squeue", "--noheader", "--array", "--states=R", "--jobs", array, "-o", "%i").split()
            if running and not stopped:
                stopped = True
                cluster.tell("scancel", "--batch", "--signal=USR1", running[-1])
            waiting = cluster.tell("squeue", "--noheader", "--array", "--states=PD", "--jobs", array, "-o", "%i %r")
            requeued.update(line.split()[0] for line in waiting.splitlines() if line.endswith("BeginTime"))
            assert time.monotonic() < deadline, cluster.tell("squeue", "--array")
            time.sleep(0.5)
        killed = killer.stop()
        assert requeued, "no task was stopped and went back to the queue"
        # Slurm repeats what was stopped and not what was killed: the others again as the file says, and gather again.
        for file, options, variables in [("denoise", [f"--array=1-{count}"], {"SHARDS": str(count)}), ("gather", [], {})]:
            ended = subprocess.run(["sbatch", "--wait", *options, *limits, CONTRIB / "slurm" / f"{file}.sbatch", job],
                                   cwd=work, env=dict(cluster.environment, **variables), capture_output=True, text=True)
            logs = {path.name: path.read_text() for path in work.glob("*.log")}
            assert ended.returncode in (0, 10, 12), f"{file}: {ended.returncode} {ended.stderr}\n{logs}"
    return {"kills": killed, "stopped_and_requeued": len(requeued), "exit_code": ended.returncode}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(holds, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come up in {seconds} s"
        time.sleep(0.2)
