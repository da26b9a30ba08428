"""Who is best: at equal budgets, under one protocol, as far as seeds can tell."""

import json

import numpy as np
import pytest

from ganexp.comparison import budgets
from ganexp.comparison.comparison import compare
from ganexp.comparison.finding import find_runs
from ganexp.comparison.run_record import read_run
from ganexp.errors import UserError
from ganexp.records import summary
from support.synthetic import PROTOCOL, entry, write_run, write_seeds


def compared(folder, score=None, budget="images", at=None):
    return compare(find_runs([str(folder)]), score, budget, at)


def only(comparison):
    (ranking,) = comparison.ranked.rankings
    return ranking


def test_runs_that_differ_only_in_their_seed_are_one_experiment(tmp_path):
    write_seeds(tmp_path, [3.0, 5.0, 7.0])
    ranking = only(compared(tmp_path))
    (one,) = ranking.entries
    assert (one.mean, one.deviation, ranking.best_of(one)) == (5.0, 2.0, 3.0)
    assert sorted(one.by_seed.items()) == [("0", 3.0), ("1", 5.0), ("2", 7.0)]


def test_where_and_how_a_run_is_made_and_watched_makes_it_no_other_experiment(tmp_path):
    write_run(tmp_path / "a", seed=0)
    write_run(tmp_path / "b", seed=1, logger={}, callbacks={"x": 1}, data_root="/elsewhere", trainer={"devices": 8})
    write_run(tmp_path / "c", seed=2, optimizer={"generator": {"_target_": "torch.optim.Adam", "lr": 0.1}})
    # A precision that is not told is another than one that is.
    assert [len(each.runs) for each in compared(tmp_path).experiments] == [1, 1, 1]
    write_run(tmp_path / "d", seed=3, logger={}, trainer={"devices": 8, "precision": "32-true"})
    assert sorted(len(each.runs) for each in compared(tmp_path).experiments) == [1, 1, 2]


def test_the_best_is_first_in_the_direction_of_the_score(tmp_path):
    write_seeds(tmp_path / "low", [3.0, 3.5], "hinge")
    write_seeds(tmp_path / "low", [4.0, 4.5], "lsgan")
    assert [each.experiment.name for each in only(compared(tmp_path / "low")).entries] == ["loss=hinge", "loss=lsgan"]
    for loss, value in {"hinge": 1.0, "lsgan": 2.0}.items():
        run = write_run(tmp_path / "high" / loss, scores=(value,), loss=loss, name="is")
        entries = [entry("is", value, 100, higher_is_better=True)]
        (run / "scores.json").write_text(json.dumps({"scores": entries}))
    assert [each.experiment.name for each in only(compared(tmp_path / "high")).entries] == ["loss=lsgan", "loss=hinge"]


def test_scores_are_read_at_the_largest_budget_that_all_finished_runs_have_spent(tmp_path):
    write_run(tmp_path / "short", scores=(9.0, 5.0), loss="hinge")
    write_run(tmp_path / "long", scores=(8.0, 6.0, 1.0), loss="lsgan")
    ranking = only(compared(tmp_path))
    assert ranking.at == 200
    assert [each.mean for each in ranking.entries] == [5.0, 6.0]
    assert [each.mean for each in only(compared(tmp_path, at=100)).entries] == [8.0, 9.0]


def test_at_equal_seconds_a_slow_run_is_read_earlier_and_scoring_takes_no_time(tmp_path):
    slow = write_run(tmp_path / "slow", scores=(9.0, 5.0, 4.0, 3.0), loss="hinge", speed=25.0)
    write_run(tmp_path / "fast", scores=(9.5, 8.0, 7.0, 6.0), loss="lsgan", speed=50.0)
    assert budgets.seconds(read_run(slow), np.array([0.0, 50.0, 100.0, 400.0])).tolist() == [0, 2, 4, 16]
    by_seconds = only(compared(tmp_path, budget="seconds"))
    assert by_seconds.at == 8
    assert {each.experiment.name: each.mean for each in by_seconds.entries} == {"loss=hinge": 5.0, "loss=lsgan": 6.0}
    assert only(compared(tmp_path)).entries[0].mean == 3.0


def test_at_equal_updates_of_the_generator_each_run_counts_its_own(tmp_path):
    write_run(tmp_path / "each_batch", scores=(9.0, 5.0, 4.0, 3.0), loss="hinge")
    critic = write_run(tmp_path / "fifth", scores=(8.0, 6.0, 5.0, 2.0), loss="wasserstein")
    summary.update(critic, images_per_update={"discriminator": 10, "generator": 40})
    ranking = only(compared(tmp_path, budget="updates"))
    assert ranking.at == 10
    assert [each.mean for each in ranking.entries] == [2.0, 5.0]


def test_of_batches_that_do_not_divide_an_interval_the_nearest_score_is_read():
    spent = np.array([192.0, 400.0, 608.0])
    assert [budgets.nearest(spent, budget) for budget in (0, 296, 297, 600, 9999)] == [0, 0, 1, 2, 2]
    assert budgets.reaches(spent, 712)
    assert not budgets.reaches(spent, 713)


def test_scores_of_different_protocols_are_not_ranked_together(tmp_path):
    other = {**PROTOCOL, "reference": {**PROTOCOL["reference"], "split": "train"}}
    write_run(tmp_path / "a", loss="hinge")
    write_run(tmp_path / "b", loss="lsgan")
    write_run(tmp_path / "c", scores=(1.0,) * 3, loss="minimax", protocol=other)
    comparison = compared(tmp_path)
    ranked = [[each.experiment.name for each in ranking.entries] for ranking in comparison.ranked.rankings]
    assert ranked == [["loss=hinge", "loss=lsgan"], ["loss=minimax"]]
    assert comparison.ranked.differences == ["reference.split: all against train"]


def test_versions_and_the_seed_of_fakes_do_not_set_protocols_apart(tmp_path):
    fakes = {**PROTOCOL["fakes"], "seed": 7}
    write_run(tmp_path / "a", seed=0)
    write_run(tmp_path / "b", seed=7, protocol={**PROTOCOL, "versions": {"torch": "2.4"}, "fakes": fakes})
    assert len(only(compared(tmp_path)).entries[0].readings) == 2


def test_what_cannot_be_ranked_is_left_out_with_its_reason(tmp_path):
    write_run(tmp_path / "whole", scores=(9.0, 5.0, 4.0, 3.0))
    summary.update(write_run(tmp_path / "crashed", seed=1, status="crashed"), reason="the weights w are not finite")
    write_run(tmp_path / "running", scores=(9.0,), seed=2, status="running", budget=400)
    write_run(tmp_path / "unscored", scores=(), seed=3)
    write_run(tmp_path / "unlabelled", scores=(9.0, 5.0, 4.0, 3.0), seed=4)
    (tmp_path / "unlabelled" / "scores.json").unlink()
    comparison = compared(tmp_path)
    assert [len(each.readings) for each in only(comparison).entries] == [1]
    assert {run.folder.name: why for run, why in comparison.ranked.left_out} == {
        "crashed": "crashed: the weights w are not finite; last scored at 300 of 400 images",
        "running": "running; last scored at 100 of 400 images",
        "unscored": "finished; it has no fid_classifier",
        "unlabelled": "finished; it has no fid_classifier",
    }


def test_a_run_that_stopped_early_does_not_shorten_the_budget_of_the_others(tmp_path):
    write_run(tmp_path / "whole", scores=(9.0, 5.0, 4.0))
    write_run(tmp_path / "stopped", scores=(8.0,), seed=1, status="stopped", budget=300)
    assert only(compared(tmp_path)).at == 300


def test_copies_and_repetitions_count_once(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    write_run(tmp_path / "c", scores=(9.0, 5.0), budget=300, status="crashed")
    comparison = compared(tmp_path)
    assert [run.folder.name for run in comparison.runs] == ["a"]
    assert [remark.replace(str(tmp_path), "") for remark in comparison.remarks] == [
        "/b is a copy of /a: left out",
        "/c has the same seed 0 as /a: left out",
    ]


def test_without_any_score_there_is_no_ranking_but_an_answer(tmp_path):
    write_run(tmp_path / "a", scores=())
    comparison = compared(tmp_path)
    assert comparison.ranked.rankings == []
    assert [why for _, why in comparison.ranked.left_out] == ["finished; it has no scores"]


def test_a_score_that_no_run_has_is_refused_with_those_that_there_are(tmp_path):
    write_run(tmp_path / "a")
    with pytest.raises(UserError, match=r"score=kid: no run has it; they have fid_classifier"):
        compared(tmp_path, "kid")


def test_runs_that_do_not_tell_their_updates_are_left_out_of_a_budget_of_updates(tmp_path):
    run = write_run(tmp_path / "old")
    (run / "summary.json").unlink()
    comparison = compared(tmp_path, budget="updates")
    assert comparison.ranked.rankings == []
    assert [why for _, why in comparison.ranked.left_out] == ["finished; it does not record its updates"]


def test_experiments_are_told_apart_by_the_options_chosen_and_the_values_given(tmp_path):
    for loss in ("hinge", "lsgan"):
        run = write_run(tmp_path / loss, loss=loss)
        # What the option brings with it is not told again.
        text = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(f"{text}penalty: {{weight: {loss.count('s')}}}\n")
    assert [each.settings for each in compared(tmp_path).experiments] == [{"loss": "hinge"}, {"loss": "lsgan"}]
    summary.update(run, command="python -m ganexp loss=lsgan penalty.weight=1")
    assert [each.name for each in compared(tmp_path).experiments] == [
        "loss=hinge, penalty.weight=0",
        "loss=lsgan, penalty.weight=1",
    ]
    for each in ("hinge", "lsgan"):
        (tmp_path / each / "summary.json").unlink()
    assert [each.name for each in compared(tmp_path).experiments] == [
        "loss=Hinge, penalty.weight=0",
        "loss=Lsgan, penalty.weight=1",
    ]


def test_the_sweep_that_a_run_is_of_tells_nothing_of_it(tmp_path):
    for loss, named in [("hinge", {"sweeps": "loss_normalization"}), ("lsgan", {})]:
        run = write_run(tmp_path / loss, loss=loss)
        summary.update(run, choices={"loss": loss, **named})
    assert [list(each.settings) for each in compared(tmp_path).experiments] == [["loss"]] * 2


def test_settings_are_told_in_the_order_in_which_they_were_given(tmp_path):
    for loss, width in [("hinge", 8), ("lsgan", 16)]:
        run = write_run(tmp_path / loss, loss=loss, model={"width": width})
        choices = {"normalization": f"norm_{width}", "loss": loss}
        summary.update(run, command=f"python -m ganexp loss={loss} normalization=norm_{width}", choices=choices)
    assert [list(each.settings) for each in compared(tmp_path).experiments] == [["loss", "normalization"]] * 2
