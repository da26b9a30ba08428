"""The page on starting from other weights, from its first block to its last, in an empty folder."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.pages import blocks

GANEXP = "python -m ganexp"
FEW, UNSCORED = "images=128", "metric=none"


@pytest.mark.slow
def test_every_block_of_the_page_works(ganexp, here):
    for block in blocks("transfer.md"):
        if block.title:
            Path(block.title).write_text(block.text)
            continue
        for command in block.text.replace("\\\n", " ").splitlines():
            if command.startswith(GANEXP):
                arguments = shlex.split(re.sub(r"\bimages=[\d_]+", FEW, command).removeprefix(GANEXP))
                unscored = [] if UNSCORED in arguments else [UNSCORED]
                outcome = ganexp(*arguments, *unscored, "data.batch_size=32", "trainer=cpu")
                assert outcome.status == 0, outcome.err
            else:
                subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True)
    started = [json.loads((here / "runs" / name / "summary.json").read_text())["init"] for name in STARTED]
    assert [(init["loaded"], init["of"]) for init in started] == [(started[0]["of"], started[0]["of"])] * len(STARTED)


STARTED = ("shapes", "frozen", "selected")
