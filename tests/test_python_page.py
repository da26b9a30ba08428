"""The examples of docs/python.md run and print what the page says."""

import doctest
import re
import shutil

import pytest

import ganexp as package
from support.pages import DOCS, FENCE

PAGE = (DOCS / "python.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TRAIN, TRANSLATE, PARTS = "Train, load, sample", "Translate", "Losses, penalties, networks and metrics by themselves"
BUDGET = re.compile(r'"images=[\d_]+"')
FEW = '"images=64", "data.batch_size=64", "trainer=cpu"'


def examples(section):
    """Return the text of a section's interactive examples."""
    return "".join(match["text"] for match in FENCE.finditer(SECTIONS[section]) if match["language"] == "pycon")


def require_true(text):
    """Run interactive examples, which must print what they show."""
    written = []
    test = doctest.DocTestParser().get_doctest(text, {}, "examples", "python.md", 0)
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=written.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(written)


def test_parts_by_themselves_compute_what_the_page_says():
    require_true(examples(PARTS))


def test_a_loaded_model_does_what_the_page_says(finished, here):
    shutil.copytree(finished, here / "runs" / "digits")
    loaded, trainings = re.subn(r"ganexp\.train\(\[.*\]\)", 'ganexp.load("runs/digits")', examples(TRAIN))
    assert trainings == 1
    require_true(loaded)


@pytest.mark.slow
@pytest.mark.parametrize("section", [TRAIN, TRANSLATE])
def test_models_are_trained_as_the_page_says(section, here):
    short, trainings = BUDGET.subn(FEW, examples(section))
    assert trainings == 1
    require_true(short)


def test_every_section_with_examples_is_run():
    assert {section for section in SECTIONS if examples(section)} == {TRAIN, TRANSLATE, PARTS}


def test_the_page_names_what_the_package_promises():
    promise = SECTIONS["What stays"]
    assert all(f"`{name}`" in promise for name in package.__all__ if not name.startswith("_"))
