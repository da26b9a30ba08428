"""The command line in this process, and tiny runs to use it on."""

import resource
import shutil
import signal
from dataclasses import dataclass

import pytest
from PIL import Image

from ganexp.cli import main
from support.runs import NETWORKS, UNSCORED


@dataclass
class Outcome:
    """The output and the exit status of a command."""

    status: int
    out: str
    err: str

    @property
    def complaint(self):
        """Its one line of complaint: without a traceback, and with nothing after it."""
        lines = self.err.splitlines()
        assert "Traceback" not in self.err, self.err
        assert [line for line in lines if line.startswith("ganexp: ")] == lines[-1:]
        return lines[-1].removeprefix("ganexp: ")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ganexp(here, capsys):
    """Runs a command in an empty current folder."""

    def run(*arguments):
        capsys.readouterr()
        status = main.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def file_size_limit():
    """Lets no file grow beyond a number of bytes, which fails like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of a labelled model, whose folder no test may write to."""
    return train(tmp_path_factory.mktemp("finished") / "run", "model=cdcgan", *CONDITIONAL)


CONDITIONAL = ["model.generator.network.width=8", "model.discriminator.network.width=8"]


@pytest.fixture
def run(finished, tmp_path):
    """A copy of that run."""
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory):
    """A finished run of a model without labels."""
    return train(tmp_path_factory.mktemp("unlabelled") / "run", *NETWORKS)


@pytest.fixture
def pictures(tmp_path):
    """A folder of 70 small images without labels."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(70):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(folder / f"{number:02d}.png")
    return folder


def train(folder, *overrides):
    assert main.main([f"run_dir={folder}", *UNSCORED, "images=256", *overrides]) == 0
    return folder
