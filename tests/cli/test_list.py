"""Command ``ganexp list``: every option with its description."""

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
