"""Command ``ganexp new``: a folder that trains as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ganexp.config.composition import template_dir
from support.template import FILES


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_the_template_into_a_new_folder_whose_configuration_composes(ganexp, here):
    written = ganexp("new", "a b/mine")
    assert written.status == 0
    assert files(here / "a b/mine") == FILES
    assert "cd 'a b/mine' && python -m ganexp --config-dir conf experiment=mine" in written.out
    for name in FILES:
        assert (here / "a b/mine" / name).read_bytes() == (template_dir() / name).read_bytes()
    shown = ganexp("--config-dir", "a b/mine/conf", "experiment=mine", "--cfg", "job").out
    config = yaml.safe_load(shown)
    assert config["model"]["_target_"] == "mine.games.ModeSeeking"
    assert config["loss"]["_target_"] == "mine.losses.Smoothed"
    assert config["data"]["source"]["_target_"] == "mine.data.shapes"
    assert config["model"]["generator"].keys() == {"_target_", "latent", "channels", "image_size", "width"}


def test_an_empty_folder_is_filled_and_any_other_left_as_it_is(ganexp, here):
    (here / "empty").mkdir()
    assert ganexp("new", "empty").status == 0
    (here / "full").mkdir()
    (here / "full" / ".hidden").write_text("mine")
    refused = ganexp("new", "full")
    assert refused.status == 2
    assert refused.complaint == "full: not empty, and nothing is overwritten; choose a new or an empty folder"
    assert files(here / "full") == {".hidden"}
    assert "exists and is no folder" in ganexp("new", "full/.hidden").complaint
    assert ganexp("new", "full/.hidden/below").complaint.startswith("cannot read or write full/.hidden/below: ")


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--force",), ("",)])
def test_it_takes_one_folder(ganexp, here, arguments):
    assert ganexp("new", *arguments).complaint == "new takes one folder: python -m ganexp new FOLDER"
    assert not list(here.iterdir())


@pytest.mark.slow
def test_its_tests_pass_and_each_command_of_its_page_trains(ganexp, here):
    folder = here / "mine"
    assert ganexp("new", folder).status == 0
    source = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(tests, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    commands = re.findall(r"^    python -m ganexp (.*?)(?:  #.*)?$", (folder / "README.md").read_text(), re.MULTILINE)
    training = [command for command in commands if "experiment=mine" in command]
    assert len(training) == 2

    def run(*command):
        arguments = [sys.executable, "-m", "ganexp", *command]
        ended = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    for number, command in enumerate(training):
        small = ["images=256", "trainer=cpu", "scoring.samples=64", f"run_dir=run{number}"]
        printed = run(*command.split(), *small)
        assert (folder / f"run{number}" / "samples" / "latest.png").is_file()
    (trust,) = set(re.findall(r"trust=\S+", printed))
    replaced = {
        "run=DIR": "run=run1",
        "resume=DIR": "resume=run1",
        "images=120000": "images=512",
        "out=FOLDER": "out=drawn",
    }
    for command in commands:
        if command not in training:
            words = [trust if word.startswith("trust=") else replaced.get(word, word) for word in command.split()]
            printed = run(*words)
            assert "list" not in words or "mine" in printed
    assert len(list((folder / "drawn").glob("*.png"))) >= 64
