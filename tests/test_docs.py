"""The documentation's site: it builds, leaves no page out, and its patches apply and train."""

import csv
import html
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ganexp.cli.list import description
from ganexp.config.composition import conf_dir, groups
from support.browsing import browser
from support.pages import DOCS, blocks

REPOSITORY = DOCS.parent
PATCHED = {
    "loss": "smoothed",
    "penalty": "logit_norm",
    "model": "mode_seeking",
    "data": "patches",
    "metric": "mean_classifier",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; building it warns of each broken link, which ends a strict build."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    build = pytest.importorskip(
        "mkdocs.commands.build", reason="mkdocs-material is not installed: pip install 'ganexp[docs]'"
    )
    pytest.importorskip("material")
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(REPOSITORY / "mkdocs.yml"), site_dir=str(folder))
    # MkDocs' plugins leave handlers that would speak in other tests.
    handlers = {name: list(logging.getLogger(name).handlers) for name in (None, "mkdocs")}
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build.build(config)
    finally:
        config.plugins.on_shutdown()
        for name, before in handlers.items():
            logging.getLogger(name).handlers[:] = before
    return folder


def pages_in(nav):
    """Yield the pages of a navigation, nested sections included."""
    for entry in nav:
        (target,) = entry.values()
        yield from [target] if isinstance(target, str) else pages_in(target)


def test_every_page_is_in_the_navigation_once():
    named = sorted(pages_in(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"]))
    assert named == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.slow
def test_the_site_builds_strictly_with_every_page(site):
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file()
    assert not list(site.rglob("*.py"))


def test_the_reference_has_every_option_of_every_group_with_its_values(site):
    for group, names in groups(conf_dir()).items():
        page = (site / "reference" / f"{group.partition('/')[0]}.html").read_text()
        shown = html.unescape(re.sub(r"<[^>]+>", "", page))
        place = group.replace("/", "-")
        for name in names:
            assert page.count(f'id="{place}--{name}"') == 1
            assert (conf_dir() / group / f"{name}.yaml").read_text().strip() in shown


def test_no_page_loads_anything_from_elsewhere(site):
    loaded = re.compile(r'<(?:script|img|iframe)\b[^>]*\bsrc="?(?:https?:)?//|<link\b[^>]*rel="?stylesheet[^>]*//')
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text()), page


def test_each_cell_of_a_wide_table_after_the_first_names_its_column(site):
    page = (site / "conditioning.html").read_text()
    wide, *_ = re.findall(r"<table data-wide.*?</table>", page, re.DOTALL)
    names = re.findall(r"<th>(.*?)</th>", wide)
    cells = re.findall(r'<td(?: data-column="(.*?)")?>', wide)
    assert cells == ["", *names[1:]] * (len(cells) // len(names))
    assert "data-wide" not in (site / "appendix" / "models.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_scrolls_sideways_and_every_picture_is_there(site, tmp_path, width):
    scrolling = (
        "[...document.querySelectorAll('html, article *')].filter(e => e.scrollWidth > e.clientWidth + 1"
        " && (e.tagName == 'HTML' || getComputedStyle(e).overflowX == 'auto')).map(e => e.innerText)"
    )
    missing = "[...document.images].filter(e => !e.naturalWidth).map(e => e.src)"
    with browser(tmp_path) as context:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        for file in sorted(site.rglob("*.html")):
            page.goto(file.as_uri())
            assert page.evaluate(scrolling) == [], file
            assert page.evaluate(missing) == [], file


def test_a_patch_adds_one_option_by_one_python_file_and_one_yaml(tmp_path):
    copy = patched(tmp_path)
    for patch in patches():
        files = re.findall(r"^\+\+\+ b/(\S+)$", patch, re.MULTILINE)
        assert sorted(Path(file).suffix for file in files) == [".py", ".yaml"]
    for group, name in PATCHED.items():
        assert name not in groups(conf_dir())[group]
        text = description(copy / "conf" / group / f"{name}.yaml")
        assert text.endswith((".", ")"))
        assert 10 <= len(text) <= 140


@pytest.mark.slow
def test_the_patched_sources_train_with_every_addition(tmp_path):
    copy = patched(tmp_path)
    chosen = [f"{group}={name}" for group, name in PATCHED.items()]
    small = [
        "model.generator.width=8",
        "model.discriminator.width=8",
        "trainer=cpu",
        "scoring.samples=64",
        "images=64",
        "data.source.size=64",
    ]
    command = [sys.executable, "-m", "ganexp", *chosen, *small, "run_dir=run"]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (score,) = json.loads((copy / "run" / "scores.json").read_text())["scores"]
    assert score["name"] == "mean_classifier"
    config = yaml.safe_load((copy / "run" / "config.yaml").read_text())
    assert config["loss"]["_target_"] == "ganexp.losses.Smoothed"
    assert config["model"]["_target_"] == "ganexp.variants.mode_seeking.ModeSeeking"
    with (copy / "run" / "metrics.csv").open() as file:
        assert any("logit_norm" in name for name in csv.DictReader(file).fieldnames)


def patches():
    """Return the patches of the page, each a text."""
    return [block.text for block in blocks("extending.md") if block.language == "diff"]


def patched(folder):
    """Return a copy of the sources and the configuration with every patch of the page."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for part in ("src", "conf", "sweeps"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    assert len(patches()) == len(PATCHED)
    for patch in patches():
        # Without a repository around it git takes the paths as they are.
        alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
        subprocess.run(["git", "apply", "-"], cwd=folder, input=patch, text=True, check=True, env=alone)
    return folder
