"""The page on exporting from its first block to its last, in an empty folder."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganexp.cli import main
from support.pages import blocks

GANEXP = "python -m ganexp"
SHORT = "images=256"


@pytest.mark.slow
def test_every_block_of_the_page_works(tmp_path, monkeypatch, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    for block in blocks("export.md"):
        if block.title:
            Path(block.title).write_text(block.text)
            assert "ganexp" not in block.text
            assert len(block.text.splitlines()) <= 10
            continue
        for command in block.text.splitlines():
            if command.startswith(GANEXP):
                arguments = [SHORT if word.startswith("images=") else word for word in shlex.split(command)[3:]]
                assert main.main(arguments) == 0, capsys.readouterr().err
            else:
                subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True)
    assert "largest difference from the model on 8 inputs" in capsys.readouterr().out
    with Image.open("digits.png") as picture:
        assert picture.size == (640, 64)
        assert len(picture.getcolors(maxcolors=1000)) > 2
