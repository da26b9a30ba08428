"""Progress of training in a notebook: one line, updated in place."""

import logging
import sys
from types import SimpleNamespace

import pytest

from ganexp.callbacks.progress import ImageProgress
from ganexp.terminal.notebook import notebook_line
from support.tiny import fit, make_gan


@pytest.fixture
def notebook(monkeypatch):
    """What the kernel of a notebook is given to show, and IPython's own shell."""
    shown = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data["text/plain"]))
    shell = SimpleNamespace(kernel=object())
    display = SimpleNamespace(display=lambda data, raw, display_id: handle)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown, shell


def test_a_notebook_shows_one_line_that_ends_with_the_last_image(notebook, caplog):
    shown, _ = notebook
    with caplog.at_level(logging.INFO, logger="ganexp"):
        fit(make_gan(images=16), 2, [ImageProgress()])
    assert shown[0].startswith("8/16 images")
    assert shown[-1].startswith("16/16 images")
    assert not [record for record in caplog.records if "images" in record.message]


def test_a_terminal_is_no_notebook(notebook, monkeypatch):
    shown, shell = notebook
    shell.kernel = None
    assert notebook_line() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_line() is None
    fit(make_gan(images=16), 2, [ImageProgress()])
    assert shown == []
