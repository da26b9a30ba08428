"""Recipes beside published scores: complete, true to the configuration, and shown at the start of a run."""

import re
from dataclasses import replace

import pytest
import yaml

from config.test_experiments import RECIPES, SMALL, recipe
from ganexp.cli.list import show_recipes
from ganexp.config import composition, recipes
from ganexp.config.recipes import Difference, Recipe, Result
from ganexp.metrics.published import published
from support.pages import DOCS
from support.parts import thinned

ALL = {one.name: one for one in recipes.recipes()}


def test_every_recipe_has_details_and_no_details_are_left_over():
    details = yaml.safe_load((composition.conf_dir() / "recipes.yaml").read_text())
    assert details.keys() == set(RECIPES)


@pytest.mark.parametrize("name", thinned(RECIPES, 3))
def test_scores_are_those_that_the_configuration_names(name):
    config = composition.resolve(recipe(name))
    named = {**(config["published"] or {}), "data": config["data"]["name"]}
    expected = [entry for entry in published() if config["published"] and entry.items() >= named.items()]
    assert ALL[name].scores == expected
    assert bool(expected) == (config["published"] is not None)


@pytest.mark.parametrize("name", RECIPES)
def test_a_published_score_has_a_source_and_stands_only_beside_its_own_game(name):
    one = ALL[name]
    if one.scores:
        assert "arXiv" in one.source
        assert one.code is not None or one.differs
        assert not {difference.kind for difference in one.differs} & {"game", "data"}
        # What the protocol states can be scored.
        assert {entry["metric"] for entry in one.scores} <= set(recipe(name).metric)
    else:
        assert (one.unscored is None) != (one.small_of is None)


@pytest.mark.parametrize("name", RECIPES)
def test_a_small_recipe_says_what_it_is_the_small_form_of_and_has_no_published_score(name):
    one = ALL[name]
    assert (one.small_of is not None) == (name in SMALL)
    if name in SMALL:
        assert one.scores == []
        assert one.small_of in recipes.notice(name)
        assert "arXiv" in one.small_of or one.small_of in RECIPES


def test_the_page_is_what_the_command_prints(capsys):
    show_recipes([])
    assert (DOCS / "recipes.md").read_text() == capsys.readouterr().out


def test_each_difference_is_on_the_page_with_its_reason():
    one = Recipe("mine", "Mine.", [], None, None, None, "no score", None, [Difference("game", "no flips", "speed")], [])
    assert "- differs in the game: no flips. Why: speed." in recipes.section(one)
    assert "- differs: in nothing that is known" in recipes.section(replace(one, differs=[]))
    assert "| the game |" in recipes.page([one])


def test_a_result_from_before_a_change_says_so():
    before, after = Result("fid 3", "train", "results.md", "the change"), Result("fid 2", "train", "results.md")
    assert recipes.result_line(before) == "- trained here, before the change: fid 3, by `train` (results.md)"
    assert recipes.result_line(after) == "- trained here: fid 2, by `train` (results.md)"


def test_a_run_of_a_recipe_that_differs_says_so_in_one_line(monkeypatch):
    differing = Difference("game", "no flips", "speed")
    one = Recipe("mine", "Mine.", [], None, None, None, "no score", None, [differing, differing], [])
    monkeypatch.setattr(recipes, "recipes", lambda: [one, replace(one, name="equal", differs=[])])
    line = "experiment=mine differs from what is published in the game: python -m ganexp list recipes mine"
    assert recipes.notice("mine") == line
    assert recipes.notice("equal") is None
    assert recipes.notice("a user's own") is None


def test_list_shows_one_recipe_or_all(ganexp):
    assert ganexp("list", "recipes", "sngan_cifar10").out.startswith("## sngan_cifar10\n")
    assert re.findall(r"^## (\w+)$", ganexp("list", "recipes").out, re.MULTILINE) == RECIPES
    assert "did you mean sngan_cifar10?" in ganexp("list", "recipes", "sngan_cifar").complaint
