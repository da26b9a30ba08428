"""Systems other than Linux: Windows, which lacks what only POSIX has, and Apple's GPUs, which lack float64."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ganexp
from devices.test_scoring_devices import images, scoring, updated
from ganexp import noise
from ganexp.numerics import float64
from support import not_posix
from support.games import played, tiny_with
from support.stand_in_device import DEVICE, stand_in_device

SOURCE = Path(ganexp.__file__).parent
POSIX_ONLY = re.compile(
    r"signal\.(SIGHUP|SIGUSR\d|SIGKILL|SIGALRM|SIGQUIT|SIGPIPE)\b"
    rf"|os\.({'|'.join((*not_posix.FUNCTIONS, 'getuid', 'symlink'))})\b"
    r"|^\s*(import|from) (fcntl|pwd|grp|termios)\b"
)


def with_line_before(path):
    """Return each line of a file and the line before it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return zip(lines, ["", *lines], strict=False)


def test_names_that_only_posix_has_are_guarded():
    unguarded = {
        f"{path.relative_to(SOURCE)}: {line.strip()}"
        for path in SOURCE.rglob("*.py")
        for line, before in with_line_before(path)
        if POSIX_ONLY.search(line) and "hasattr" not in line + before
    }
    allowed = {
        # Both follow a guard a few lines above.
        "data/machine.py: return len(os.sched_getaffinity(0))",
        'data/machine.py: total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")',
    }
    assert unguarded <= allowed


@pytest.fixture
def without_float64(monkeypatch):
    """Make the stand-in device one of those that have no float64."""
    monkeypatch.setattr(float64, "WITHOUT_FLOAT64", {DEVICE.type})


def test_apple_gpus_have_no_float64():
    assert float64.float64_device(torch.device("mps")) == torch.device("cpu")
    assert float64.float64_device(torch.device("cuda", 1)) == torch.device("cuda", 1)


def test_scores_need_no_float64_on_the_device(without_float64, tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path))
    drawn = images(2)
    expected = updated(scoring(torch.device("cpu")), drawn, device="cpu")
    with stand_in_device(float64=False) as device:
        scores = updated(scoring(device), drawn, device=device)
    assert scores.keys() == expected.keys()
    assert [score.value for score in scores.values()] == pytest.approx([e.value for e in expected.values()], rel=1e-12)


def test_truncated_noise_needs_no_float64(monkeypatch):
    monkeypatch.setattr(float64, "WITHOUT_FLOAT64", {"cpu"})
    drawn = noise.truncated_normal((1000,), torch.Generator().manual_seed(0), 0.5)
    assert 0.45 < drawn.abs().max() <= 0.5


@pytest.mark.parametrize("model", ["dcgan_small", "cyclegan", "wgan_gp", "biggan"])
@pytest.mark.thinned(2)
def test_training_needs_no_float64_on_the_device(model, without_float64):
    with stand_in_device(float64=False) as device:
        assert played(tiny_with(model, {}), 2, device).read_terms()


@pytest.mark.slow
def test_commands_run_without_posix(tmp_path):
    run = subprocess.run(
        [sys.executable, not_posix.__file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE.parent), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert (tmp_path / "samples" / "grid.png").is_file()
    assert (tmp_path / "first" / "checkpoints" / "last.ckpt").is_file()
