"""SLURM on this machine alone, for tests: started as root in a temporary folder, with its own ports.

``python tests/support/cluster.py COMMAND …`` runs a command within it, such as ``sinfo`` or ``bash``.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
SETTINGS = """
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for as long as a credential is good, two minutes by default.
AuthInfo=socket={folder}/munge/socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=1,bf_interval=5
# As many processors as the tests ask for, whatever the machine has.
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Generous, for machines that are busy with something else.
KillWait=120
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes=localhost Default=YES MaxTime=60 PriorityTier=1 GraceTime=120
PartitionName=high Nodes=localhost MaxTime=60 PriorityTier=10 PreemptMode=OFF
"""
PATIENCE_SECONDS = 60


def missing() -> str | None:
    """Return why no cluster can be started here, None if one can."""
    if os.geteuid() != 0:
        return "SLURM can be started by root only"
    absent = [program for program in PROGRAMS if where(program) is None]
    return f"not installed: {', '.join(absent)} (Debian: apt-get install slurm-wlm munge)" if absent else None


def where(program: str) -> str | None:
    """Return a program's path, None if it is not installed; daemons may be outside of $PATH."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Start SLURM, yield the environment in which its commands find it, and stop it with all of its jobs."""
    # Not in a test's folder: socket paths must be short, and munge requires folders that nobody else may write to.
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, ExitStack() as daemons:
        folder = Path(name)
        folder.chmod(0o755)
        environment = {**outside(), "SLURM_CONF": str(folder / "slurm.conf")}
        for part in ("state", "spool"):
            (folder / part).mkdir()
        ports = {"controller_port": free_port(), "node_port": free_port()}
        (folder / "slurm.conf").write_text(SETTINGS.format(folder=folder, **ports))
        start_munge(folder / "munge", daemons)
        daemons.enter_context(daemon(["slurmctld", "-D", "-c"], environment))
        daemons.enter_context(daemon(["slurmd", "-D", "-c", "-N", "localhost"], environment))
        daemons.callback(end_jobs, environment)
        wait_until(lambda: "idle" in output_of(["sinfo", "-h", "-o", "%T"], environment), folder)
        yield environment


def outside() -> dict[str, str]:
    """Return this process's environment without what a surrounding SLURM job has put there."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_", "SRUN_"))}


def start_munge(folder: Path, daemons: ExitStack) -> None:
    """Start the daemon that authenticates messages, as its own user where there is one."""
    folder.mkdir()
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    options = [f"--{name}={folder / path}" for name, path in (("socket", "socket"), ("key-file", "key"))]
    options += [f"--{name}-file={folder / name}" for name in ("pid", "log", "seed")]
    try:
        user: str | None = pwd.getpwnam("munge").pw_name
    except KeyError:
        user = None
    if user is not None:
        for path in (folder, key):
            shutil.chown(path, user)
    daemons.enter_context(daemon(["munged", "--foreground", *options], dict(os.environ), user))
    wait_until((folder / "socket").exists, folder)


@contextmanager
def daemon(command: Sequence[str], environment: dict[str, str], user: str | None = None) -> Iterator[None]:
    """Run a daemon, and terminate it at the end."""
    path = where(command[0])
    assert path is not None
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([path, *command[1:]], env=environment, user=user, start_new_session=True, **quiet) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def end_jobs(environment: dict[str, str]) -> None:
    """Cancel all jobs at once, so that none outlives the cluster."""
    output_of(["scancel", "--signal=KILL", "--full", "--user=root"], environment)
    output_of(["scancel", "--user=root"], environment)
    deadline = time.monotonic() + 20
    while output_of(["squeue", "-h"], environment).strip() and time.monotonic() < deadline:
        time.sleep(0.2)


def output_of(command: Sequence[str], environment: dict[str, str]) -> str:
    """Return the standard output of a command."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def wait_until(condition: Callable[[], bool], folder: Path) -> None:
    """Wait until the condition holds.

    Raises RuntimeError with the daemons' logs if it takes too long.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(folder.rglob("*log")))
            raise RuntimeError(f"SLURM did not start\n{logs}")
        time.sleep(0.1)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with cluster() as environment:
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
