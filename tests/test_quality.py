"""The default run draws digits that a classifier trained on the real ones recognizes, and its scores say so."""

import sys
from pathlib import Path
from statistics import mean

import pytest

from ganexp import cli
from ganexp.plots import read_curves

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import quality


@pytest.mark.slow
def test_the_default_run_draws_recognizable_digits_of_every_class(tmp_path):
    assert cli.main([f"run_dir={tmp_path}/run"]) == 0
    judge, _ = quality.judge_of(tmp_path / "run")
    shares, confident = quality.recognized(quality.probabilities(judge, quality.samples_of(tmp_path / "run", None)))
    assert confident >= 0.85
    assert shares.min() >= 0.03
    curves = read_curves(tmp_path / "run" / "metrics.csv")
    distance = [value for _, value in curves["score/fid_classifier"]]
    half = len(distance) // 2
    assert distance[-1] < distance[0] / 2
    assert mean(distance[half:]) < mean(distance[:half])
    inception_score = [value for _, value in curves["score/is_classifier"]]
    assert inception_score[-1] > inception_score[0]
