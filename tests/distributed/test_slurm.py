"""What a SLURM job knows of itself, with a stand-in for scontrol; tests/slurm has the real one."""

import signal

import pytest

from ganexp.config import composition
from ganexp.distributed import slurm
from ganexp.distributed.slurm import BatchJob

SHOWN = """JobId=7 JobName=wrap
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   JobState={state} Reason=None Dependency=(null)
   PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime={time}
   Command=(null)"""


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """Sets what ``scontrol`` says and its status; returns the file of how it was called."""

    def install(says, status=0):
        (tmp_path / "says").write_text(says)
        program = tmp_path / "scontrol"
        stream = 2 if status else 1
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/called\ncat {tmp_path}/says >&{stream}\nexit {status}\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return tmp_path / "called"

    return install


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "7"}, None),
        ({"SLURM_JOB_ID": "7", "ENVIRONMENT": "BATCH"}, BatchJob("7")),
        ({"SLURM_JOB_ID": "7", "ENVIRONMENT": "BATCH", "SLURM_STEP_ID": "1"}, BatchJob("7", "1")),
        (
            {"SLURM_JOB_ID": "9", "ENVIRONMENT": "BATCH", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"},
            BatchJob("7_2"),
        ),
    ],
    ids=["no SLURM", "an interactive session", "a script", "a step of it", "a task of an array"],
)
def test_a_batch_job_is_known_by_its_environment(monkeypatch, environment, expected):
    for name in ("ENVIRONMENT", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert slurm.batch_job() == expected


@pytest.mark.parametrize(
    ("state", "time", "preempted"),
    [
        ("RUNNING", "2026-01-01T00:00:09", True),
        ("RUNNING", "None", False),
        ("COMPLETING", "None", False),
        ("COMPLETING", "2026-01-01T00:00:09", False),
    ],
    ids=["preempted", "killed by hand", "cancelled", "cancelled after it was preempted"],
)
def test_only_preemption_is_a_reason_to_go_on_after_sigterm(scontrol, state, time, preempted):
    called = scontrol(SHOWN.format(state=state, time=time))
    assert BatchJob("7").should_requeue(signal.SIGTERM) is preempted
    assert called.read_text() == "show job 7\n"


def test_a_warning_that_the_job_asked_for_is_one_and_ctrl_c_is_none():
    wanted = {
        number: BatchJob("7").should_requeue(number) for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)
    }
    assert wanted == {signal.SIGUSR1: True, signal.SIGUSR2: True, signal.SIGINT: False}


def test_what_slurm_refuses_is_told_in_its_words(scontrol):
    scontrol("Requested operation is presently disabled for job 7", status=1)
    with pytest.raises(slurm.NotRequeued, match=r"^Requested operation is presently disabled for job 7$"):
        BatchJob("7").requeue()


def test_without_scontrol_the_job_is_not_requeued(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(slurm.NotRequeued, match="scontrol"):
        BatchJob("7").requeue()


def test_a_job_that_is_started_again_finds_its_folder(monkeypatch):
    monkeypatch.setattr(composition, "batch_job", lambda: BatchJob("7_2", "0"))
    assert composition.start_name("%Y") == "slurm-7_2-0"
    monkeypatch.setattr(composition, "batch_job", lambda: None)
    assert composition.start_name("%Y").isdigit()
