"""``verify``: healthy runs hold, planted faults are caught, and the run is left as it is."""

import sys

import pytest

from support.command_line import train
from support.runs import NETWORKS

FAULTS = '''
import torch
from ganexp.losses import NonSaturating


class Restless(NonSaturating):
    """Draws from a generator that no seed reaches."""

    def generator(self, fake, real=None):
        rng = torch.Generator()
        rng.seed()
        return super().generator(fake, real) + torch.rand((), generator=rng) * fake.mean()


class Forgetful(NonSaturating):
    """Counts its calls, and no checkpoint knows of it."""

    calls = 0

    def generator(self, fake, real=None):
        self.calls += 1
        return super().generator(fake, real) * self.calls
'''


@pytest.fixture
def at_once(monkeypatch):
    """What goes on in a new process goes on in this one, which has imported everything."""
    from ganexp.training import fit, launcher

    monkeypatch.setattr(launcher, "launch", lambda run, *_, **__: fit.train(run))


@pytest.fixture
def faulty(here, monkeypatch):
    """A user's package with losses that cannot be repeated."""
    (here / "faults.py").write_text(FAULTS)
    monkeypatch.syspath_prepend(here)
    yield
    sys.modules.pop("faults", None)


def test_a_healthy_run_holds_and_is_not_touched(ganexp, finished, at_once):
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    outcome = ganexp("verify", f"run={finished}", "steps=2", "ranks=1")
    assert outcome.status == 0
    (line,) = outcome.out.splitlines()
    assert line.startswith("resume: holds: 2 batches, a stop and 2 more end where 4 do: all ")
    assert line.endswith(" tensors are the same, bit for bit")
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


CAUGHT = {
    "Restless": "4 batches from the start differ from themselves too",
    "Forgetful": "something that training changes is not in the checkpoint",
}


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "why"), CAUGHT.items(), ids=CAUGHT)
def test_what_cannot_be_repeated_is_caught(ganexp, run, faulty, at_once, loss, why):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("ganexp.losses.NonSaturating", f"faults.{loss}"))
    outcome = ganexp("verify", f"run={run}", "steps=2", "ranks=1", f"trust=faults.{loss}")
    assert outcome.status == 1
    assert outcome.complaint == "resume: not as it should be"
    assert outcome.out.startswith("resume: FAILS: 2 batches, a stop and 2 more differ from 4 by up to ")
    assert why in outcome.out


REFUSED = {
    "steps=0": "steps=0: it must be 1 or more",
    "ranks=two": "ranks=two: ",
    "imagse=3": "imagse: no such option; did you mean images?",
    "model.latent=3": "keeps its model",
    "run=nowhere": "nowhere is not a run's folder",
}


@pytest.mark.parametrize(("argument", "answer"), REFUSED.items(), ids=REFUSED)
def test_what_it_cannot_check_is_refused(ganexp, finished, argument, answer):
    outcome = ganexp("verify", f"run={finished}", argument)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_code_from_elsewhere_is_not_run(ganexp, run):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("ganexp.losses.NonSaturating", "os.system"))
    outcome = ganexp("verify", f"run={run}")
    assert outcome.status == 2
    assert "add trust=os.system" in outcome.complaint


@pytest.mark.slow
def test_two_processes_are_compared_with_one_and_batch_norm_is_named_as_the_reason(ganexp, here):
    plain = train(here / "plain", *NETWORKS, "normalization=spectral")
    outcome = ganexp("verify", f"run={plain}", "steps=2")
    assert outcome.status == 0
    resumed, ranks = outcome.out.splitlines()
    assert resumed.startswith("resume: holds: ")
    assert ranks.startswith("ranks: holds: 2 processes end where 1 does after 2 batches: in double precision they ")
    batch = train(here / "batch", *NETWORKS)
    outcome = ganexp("verify", f"run={batch}", "steps=2")
    assert outcome.status == 0
    ranks = outcome.out.splitlines()[1]
    assert ranks.startswith("ranks: holds: 2 processes differ from 1 by up to ")
    assert "as they must: 8 layers of batch normalization normalize by a process's own images" in ranks
