"""Run folder: its files, and that a run can be repeated, moved and resumed."""

import csv
import shlex
import shutil

import pytest
import torch
import yaml

from ganexp.records import summary
from support.runs import TINY, last_weights


def assert_equal_weights(one, other):
    first, second = last_weights(one), last_weights(other)
    assert first.keys() == second.keys()
    assert all(same(first[name], second[name]) for name in first)


def same(one, other):
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_writes_all_documented_files(finished):
    for name in ("config.yaml", "log.txt", "metrics.csv", "curves.png", "checkpoints/last.ckpt"):
        assert (finished / name).stat().st_size > 0
    drawn = sorted(path.name for path in (finished / "samples").iterdir())
    assert drawn[0] == "00000000.png"
    assert drawn[-2:] == ["00000256.png", "latest.png"]
    assert not list(finished.rglob("*.tmp"))


def test_log_has_the_terminal_output_with_warnings(ganexp, here, monkeypatch):
    import warnings

    from ganexp.training import fit

    build = fit.build
    monkeypatch.setattr(fit, "build", lambda *a, **k: warnings.warn("odd\nsetting", stacklevel=1) or build(*a, **k))
    outcome = ganexp(*TINY, "run_dir=run")
    log = (here / "run" / "log.txt").read_text()
    assert "warning: odd setting" in log
    assert [line for line in outcome.err.splitlines() if line not in log] == []


def test_summary_has_the_command_that_repeats_the_run(ganexp, here, finished):
    saved = summary.read(finished)
    assert saved["status"] == "finished"
    assert saved["choices"]["model"] == "cdcgan"
    words = shlex.split(saved["command"])
    assert words[:3] == ["python", "-m", "ganexp"]
    assert not [word for word in words if word.startswith("run_dir=")]
    assert ganexp(*words[3:], "run_dir=again").status == 0
    assert_equal_weights(here / "again", finished)


def test_config_repeats_the_run(ganexp, here, finished):
    saved = yaml.safe_load((finished / "config.yaml").read_text())
    assert "run_dir" not in saved
    # Composed again unchanged, in another folder.
    quiet = ["hydra/job_logging=none", "hydra/hydra_logging=none"]
    repeated = ["--config-dir", finished, "--config-name", "config", "+run_dir=second", "hydra.run.dir=second", *quiet]
    outcome = ganexp(*repeated)
    assert outcome.status == 0, outcome.err
    assert yaml.safe_load((here / "second" / "config.yaml").read_text()) == saved
    assert_equal_weights(here / "second", finished)


@pytest.mark.slow
def test_the_seed_decides_the_weights(ganexp, here):
    for name, seed in {"one": 3, "same": 3, "other": 4}.items():
        assert ganexp(*TINY, f"run_dir={name}", f"seed={seed}", "images=128").status == 0
    assert_equal_weights(here / "one", here / "same")
    one, other = last_weights(here / "one"), last_weights(here / "other")
    assert not all(same(one[name], other[name]) for name in one)


def test_a_moved_and_resumed_run_equals_an_uninterrupted_one(ganexp, here):
    assert ganexp(*TINY, "run_dir=whole", "images=512", "schedule=constant").status == 0
    assert ganexp(*TINY, "run_dir=part", "schedule=constant").status == 0
    shutil.move(here / "part", here / "moved")
    outcome = ganexp("resume=moved", "images=512")
    assert outcome.status == 0, outcome.err
    assert_equal_weights(here / "whole", here / "moved")
    assert not (here / "part").exists()
    seen = [int(row["images"]) for row in rows(here / "moved")]
    assert seen == sorted(set(seen))
    assert seen[-1] == 512


def test_a_resumed_run_discards_and_redoes_results_after_its_checkpoint(ganexp, run):
    header = (run / "metrics.csv").read_text().splitlines()[0].split(",")
    with (run / "metrics.csv").open("a") as file:
        file.write("9999" + "," * (len(header) - 1) + "\n")
    (run / "samples" / "00009999.png").write_bytes(b"")
    assert ganexp(f"resume={run}", "images=384").status == 0
    assert [int(row["images"]) for row in rows(run)][-1] == 384
    assert not (run / "samples" / "00009999.png").exists()


REFUSED = {
    "imagse=3": "imagse: no such option; did you mean images?",
    "images=abc": "images=abc: a whole number is expected",
    "images=[1": "images=[1: not valid YAML",
    "images=0": "images=0: it must be a whole number",
    "logger=tensorbord": "logger=tensorbord: a group of values is expected",
    "+images=3": "resume= accepts only KEY=VALUE overrides",
    "-m": "resume= accepts only KEY=VALUE overrides",
    "optimizer.generator._target_=torch.optim.SGD": "keeps its optimizer; only images, trainer",
    "optimizer.generator.lr=fast": "optimizer.generator.lr=fast: a number is expected",
    "trainer.max_steps=3": "use images= instead",
    "model.generator.network.width=16": "keeps its model",
    "seed=7": "keeps its seed",
    "data.workers=0": "is finished: it has seen 256 of images=256",
}


@pytest.mark.parametrize(("override", "answer"), REFUSED.items(), ids=REFUSED)
def test_resume_refuses_invalid_overrides(ganexp, run, override, answer):
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    more = [] if override.startswith(("images", "data", "+", "-")) else ["images=512"]
    outcome = ganexp(f"resume={run}", override, *more)
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before


@pytest.mark.slow
def test_a_sweep_makes_a_folder_per_run_and_a_refused_run_does_not_end_the_others(ganexp, here):
    outcome = ganexp("-m", "data.image_size=20,16,28", *TINY, "images=64")
    assert outcome.status == 2
    assert "cannot make 20x20" in outcome.complaint
    sizes = [yaml.safe_load(path.read_text())["data"]["image_size"] for path in here.rglob("config.yaml")]
    assert sorted(sizes) == [16, 28]
    assert len(list(here.rglob("last.ckpt"))) == 2


@pytest.mark.slow
def test_a_sweep_over_losses_trains_with_each(ganexp, here):
    assert ganexp("-m", "loss=hinge,lsgan", *TINY, "images=64").status == 0
    configs = [yaml.safe_load(path.read_text()) for path in here.rglob("config.yaml")]
    assert {config["loss"]["_target_"] for config in configs} == {"ganexp.losses.Hinge", "ganexp.losses.LeastSquares"}
