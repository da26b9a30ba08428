"""The page on data: its examples from the first block to the last, in an empty folder."""

import runpy
import shlex
from pathlib import Path

import pytest

from ganexp.cli import main
from support.pages import blocks

GANEXP = "python -m ganexp"
QUICK = ["images=64", "metric=none", "callbacks.samples=null"]


@pytest.mark.slow
def test_every_block_of_the_page_works(tmp_path, monkeypatch, capsys):
    pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    commands = 0
    for block in blocks("data.md"):
        if block.title:
            Path(block.title).write_text(block.text)
            continue
        for command in block.text.replace("\\\n", " ").splitlines():
            if not command.startswith(GANEXP):
                runpy.run_path(shlex.split(command)[1])
                continue
            words = shlex.split(command)[3:]
            is_training = any(word.startswith("images=") for word in words)
            arguments = [word for word in words if not word.startswith("images=")]
            assert main.main([*arguments, *(QUICK if is_training else [])]) == 0, capsys.readouterr().err
            commands += 1
    assert commands >= 6
    assert "60 images of 3x16x16, 2 classes" in capsys.readouterr().out
