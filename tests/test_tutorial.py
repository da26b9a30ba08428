"""The tutorial from its first block to its last, in an empty folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ganexp.cli import main
from support.pages import blocks

GANEXP = "python -m ganexp"
FEW = "128"
"""Images of each run, so that each passes a few batches; the larger budget of the resumed run is twice as many."""


def commands(block):
    """Return the commands of a block, each on one line."""
    return block.text.replace("\\\n", " ").splitlines()


def shorter(command):
    """Return a command of the page with a budget that takes seconds, and nothing else changed."""
    budget = str(2 * int(FEW)) if "resume=" in command else FEW
    return re.sub(r"\bimages=[\d_]+", f"images={budget}", command)


def run(command, capsys):
    """Run one line of the page as its reader would."""
    if command.startswith(GANEXP):
        status = main.main(shlex.split(shorter(command).removeprefix(GANEXP)))
        assert status == 0, f"{command}\n{capsys.readouterr().err}"
    else:
        program, *arguments = shlex.split(command)
        subprocess.run([sys.executable if program == "python" else program, *arguments], check=True)


@pytest.mark.slow
def test_every_block_of_the_tutorial_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # As python -m does.
    monkeypatch.syspath_prepend(str(tmp_path))
    for block in blocks("tutorial.md"):
        if block.title:
            path = Path(block.title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        else:
            assert block.language == "bash"
            for command in commands(block):
                run(command, capsys)
    assert {path.name for path in Path("runs").iterdir()} == {
        *("first", "hinge", "pictures", "shapes", "smoothed", "smoother")
    }
    for folder in Path("runs").iterdir():
        assert (folder / "samples" / "latest.png").stat().st_size > 0
        assert (folder / "scores.json").stat().st_size > 0
    assert len(list(Path("drawn").rglob("*.png"))) > 64
    assert "smoothed" in Path("comparison/report.html").read_text()


def test_the_test_shortens_budgets_and_nothing_else():
    typed = [each for block in blocks("tutorial.md") if block.language == "bash" for each in commands(block)]
    assert sum(each.startswith(GANEXP) for each in typed) >= 10
    for command in typed:
        kept = [word for word in shlex.split(command) if not word.startswith("images=")]
        assert [word for word in shlex.split(shorter(command)) if not word.startswith("images=")] == kept
