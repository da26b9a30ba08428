"""A Bayesian search: resumable, shared by workers, and pruned."""

import csv
import os
import subprocess
import sys

import pytest

from ganexp.errors import UserError
from ganexp.records import summary
from ganexp.sweeps.search import TRIAL, Search, require_scores
from ganexp.sweeps.status import Outcome
from support.runs import NETWORKS

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'ganexp[sweeps]'")

TrialState = optuna.trial.TrialState
SCORED = ["metric=fid_classifier", "scoring.samples=60", "scoring.every=64", "+extractor.classifier.epochs=1"]
PRUNER = [f"callbacks.pruning.pruner.{key}=" for key in ("n_startup_trials", "n_warmup_steps")]
EAGER = [f"{PRUNER[0]}1", f"{PRUNER[1]}0"]
ALIKE = [*NETWORKS, *SCORED, *EAGER, "trainer=cpu", "data.batch_size=64", "images=128", "sweep_dir=search"]
SPACE = {"x": optuna.distributions.FloatDistribution(-1.0, 1.0)}


def known(folder):
    return optuna.load_study(study_name="ganexp", storage=f"sqlite:///{folder}/study.db")


def table(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def make(folder, **settings):
    fixed = {"url": f"sqlite:///{folder}/study.db", "space": SPACE, "fixed": ["a=1"], "direction": "minimize"}
    return Search(folder, **{**fixed, "trials": 6, "seed": 0, "pruned": True, **settings})


def finished(value, higher_is_better=False):
    score = {"name": "fid", "value": value, "spread": None, "higher_is_better": higher_is_better}
    return Outcome(summary.FINISHED, score=score)


def parabola(jobs, first):
    chosen = [float(next(each for each in job if each.startswith("x=")).removeprefix("x=")) for job in jobs]
    return [finished((x - 0.5) ** 2) for x in chosen]


@pytest.mark.slow
def test_a_search_repeats_itself_also_when_it_was_interrupted(tmp_path):
    make(tmp_path / "whole").run(parabola, 1)
    make(tmp_path / "parts", trials=3).run(parabola, 1)
    make(tmp_path / "parts").run(parabola, 1)
    whole, parts = known(tmp_path / "whole"), known(tmp_path / "parts")
    assert len(whole.trials) == 6
    assert [trial.params for trial in whole.trials] == [trial.params for trial in parts.trials]
    assert len({trial.params["x"] for trial in whole.trials}) == 6


def test_a_trial_left_behind_by_a_signal_or_a_kill_goes_on_under_its_number(tmp_path):
    def stopped(jobs, first):
        launched.append(jobs)
        return [Outcome(summary.STOPPED)]

    launched = []
    make(tmp_path).run(stopped, 1)
    assert [trial.state for trial in known(tmp_path).trials] == [TrialState.RUNNING]

    def again(jobs, first):
        launched.append(jobs)
        return parabola(jobs, first)

    make(tmp_path, trials=2).run(again, 1)
    assert launched[0] == launched[1]
    assert f"{TRIAL}=0" in launched[1][0]
    assert [trial.state for trial in known(tmp_path).trials] == [TrialState.COMPLETE] * 2


def test_two_workers_share_a_study_and_neither_repeats_the_others_trial(tmp_path):
    def with_another(jobs, first):
        if not ran:
            ran.append(1)
            # The other worker tries to take this trial over, and finds it running.
            make(tmp_path).run(busy_at_first, 1)
        return parabola(jobs, first)

    def busy_at_first(jobs, first):
        return [Outcome(summary.RUNNING)] if f"{TRIAL}=0" in jobs[0] else parabola(jobs, first)

    ran = []
    make(tmp_path).run(with_another, 1)
    trials = known(tmp_path).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert len({trial.params["x"] for trial in trials}) == 6


def test_the_launcher_is_given_several_trials_at_once_and_failures_are_told(tmp_path):
    def launch(jobs, first):
        firsts.append((first, len(jobs)))
        return [Outcome(summary.CRASHED), Outcome(summary.PRUNED), finished(float("nan")), finished(1.0)][: len(jobs)]

    firsts = []
    make(tmp_path).run(launch, 4)
    assert firsts == [(0, 4), (4, 2)]
    states = [trial.state for trial in known(tmp_path).trials]
    assert states == [TrialState.FAIL, TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE, *states[:2]]


WRONG = {
    "is wrong for fid: choose maximize": lambda jobs, first: [finished(1.0, higher_is_better=True)],
    "a search needs a score to go by": lambda jobs, first: [Outcome(summary.FINISHED)],
}


@pytest.mark.parametrize(("answer", "launch"), WRONG.items(), ids=WRONG)
def test_scores_that_do_not_fit_the_search_are_refused(tmp_path, answer, launch):
    with pytest.raises(UserError, match=answer):
        make(tmp_path).run(launch, 1)


def test_a_study_of_another_space_or_direction_is_not_gone_on_with(tmp_path):
    for folder in ("space", "direction"):
        make(tmp_path / folder, trials=1, space={"x": optuna.distributions.CategoricalDistribution(["1"])}).run(
            parabola, 1
        )
    with pytest.raises(UserError, match="holds a search of another space"):
        make(tmp_path / "space").run(parabola, 1)
    with pytest.raises(UserError, match="the study's direction is minimize"):
        make(tmp_path / "direction", direction="maximize").run(parabola, 1)


@pytest.mark.slow
def test_a_search_prunes_what_is_behind_and_is_gone_on_with_by_the_same_command(ganexp, here):
    command = ["-m", "+sweeps=bayes_dcgan", "loss=choice(hinge,lsgan)", "normalization=spectral", *ALIKE]
    assert ganexp(*command, "hydra.sweeper.trials=2").status == 0
    first = table(here / "search")
    outcome = ganexp(*command, "hydra.sweeper.trials=4")
    assert outcome.status == 0, outcome.err
    rows, trials = table(here / "search"), known(here / "search").trials
    assert "search: the study has 2 of 4 trials" in outcome.err
    assert len(rows) == len(trials) == 4
    assert {row["folder"] for row in first} < {row["folder"] for row in rows}
    assert "pruned" in {row["status"] for row in rows}
    told = {str(trial.params["optimizer.generator.lr"]): trial for trial in trials}
    for row in rows:
        trial = told[row["optimizer.generator.lr"]]
        assert trial.state == (TrialState.COMPLETE if row["status"] == "finished" else TrialState.PRUNED)
        assert trial.value == pytest.approx(float(row["fid_classifier"]))
        assert row["images"] == ("128" if row["status"] == "finished" else "64")
        assert len(trial.intermediate_values) == (2 if row["status"] == "finished" else 1)


def test_without_optuna_one_line_says_what_to_install(ganexp, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    outcome = ganexp("-m", "+sweeps=bayes_dcgan", *ALIKE)
    assert outcome.status == 2
    assert outcome.complaint == "a Bayesian search needs Optuna: pip install 'ganexp[sweeps]'"


def test_a_search_without_a_choice_is_refused(ganexp):
    fixed = ["loss=hinge", "normalization=batch", "optimizer.discriminator.lr=1e-4", "optimizer.generator.lr=1e-4"]
    outcome = ganexp("-m", "+sweeps=bayes_dcgan", *fixed)
    assert outcome.status == 2
    assert "a search needs something to choose" in outcome.complaint


@pytest.mark.slow
def test_two_workers_of_the_command_line_search_together(tmp_path):
    command = [sys.executable, "-m", "ganexp", "-m", "+sweeps=bayes_dcgan", "hydra.sweeper.trials=5", *ALIKE]
    options = {"cwd": tmp_path, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, "stderr": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **options) for _ in range(2)]
    said = [worker.communicate(timeout=600)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    trials = known(tmp_path / "search").trials
    assert len(trials) == len({str(trial.params) for trial in trials}) == 5
    assert all(trial.state.is_finished() for trial in trials)
    # However many each got to: no trial was trained twice.
    assert sum(each.count("data: digits") for each in said) == 5
    assert {row["status"] for row in table(tmp_path / "search")} <= {"finished", "pruned"}


def test_a_search_without_scores_is_refused_before_its_first_trial(ganexp, here):
    outcome = ganexp("-m", "+sweeps=bayes_dcgan", "loss=choice(hinge,lsgan)", "metric=none", "sweep_dir=search")
    assert "a search needs a score to go by" in outcome.complaint
    assert not list(here.rglob("config.yaml"))
    require_scores({"metric": {}}, {"metric": optuna.distributions.CategoricalDistribution(["fid", "kid"])})
