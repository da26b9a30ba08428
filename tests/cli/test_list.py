"""Command ``ganexp list``: every option with its description."""

import pytest

from ganexp.cli import analyze
from ganexp.config.composition import conf_dir, groups, sweeps_dir


def test_every_option_of_every_group_is_listed_and_described(ganexp):
    shown = ganexp("list").out
    available = {**groups(conf_dir()), "sweeps": [path.stem for path in sweeps_dir().glob("*.yaml")]}
    for group, options in available.items():
        assert group in shown.splitlines()
        for line in options:
            assert f"  {line} " in shown
    options = [line for line in shown.splitlines() if line.startswith("  ")]
    assert len(options) == sum(map(len, available.values()))
    assert [line for line in options if len(line.split(maxsplit=1)) < 2] == []


def test_one_group_alone(ganexp):
    shown = ganexp("list", "loss").out
    assert shown.splitlines()[0] == "loss"
    assert {line.split()[0] for line in shown.splitlines()[1:]} == set(groups(conf_dir())["loss"])


def test_an_unknown_group_is_refused_with_the_nearest(ganexp):
    assert "modle: no such group; did you mean model?" in ganexp("list", "modle").complaint
    assert "one group at most" in ganexp("list", "model", "loss").complaint
    assert "python -m ganexp list" in ganexp("list", "--help").out


def test_analyze_takes_several_trusted_names_as_its_refusal_prints_them():
    paths, _ = analyze.split(["run=DIR", "trust=mine.Generator,mine.Discriminator", "analysis=walk"], ["walk"])
    assert paths.trust == ["mine.Generator", "mine.Discriminator"]


@pytest.fixture
def mine(here):
    for group, text in {
        "loss": "# Mine.\nlabel: 1",
        "mine": "# A group.\n{}",
        "sweeps": "# @package _global_\n# My sweep.\n{}",
    }.items():
        path = here / "my conf" / group / "own.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return here / "my conf"


@pytest.mark.parametrize("flag", [["--config-dir=my conf"], ["--config-dir", "my conf"], ["-cd", "my conf"]])
def test_options_of_a_folder_of_the_users_are_listed_as_training_sees_them(ganexp, mine, flag):
    shown = [line.split(maxsplit=1) for line in ganexp("list", *flag).out.splitlines()]
    for line in (["own", "Mine."], ["mine"], ["own", "A group."], ["own", "My sweep."], ["sweeps"]):
        assert shown.count(line) == 1
    everything = [line.split(maxsplit=1) for line in ganexp("list").out.splitlines()]
    assert [line for line in everything if line not in shown] == []
    assert "own" in {line.split()[0] for line in ganexp("list", *flag, "loss").out.splitlines()}
    assert "own" in {line.split()[0] for line in ganexp("list", "loss", *flag).out.splitlines()}
    assert "did you mean mine?" in ganexp("list", *flag, "mien").complaint


def test_a_config_folder_that_is_missing_is_named(ganexp, here):
    assert ganexp("list", "--config-dir=nowhere").complaint.startswith("--config-dir=nowhere: there is no such folder")
    for command in ("list", "train"):
        assert "--config-dir= has no value; expected: a folder" in ganexp(command, "--config-dir=").complaint
    assert "leave --config-dir out" in ganexp("list", "matrix", f"--config-dir={here}").complaint
