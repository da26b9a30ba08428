"""Which parts go together: every verdict has its reason, and what is accepted trains."""

import pytest

from ganexp import cli
from ganexp.commands.matrix import verdicts
from ganexp.rules import RULES
from runs import NETWORKS, UNSCORED

CELLS = verdicts()
PER_IMAGE = {"dragan", "gradient_penalty", "r1", "r2", "r1_r2"}
BOUNDED = PER_IMAGE | {"weight_clip"}


def expected(loss, penalty, normalization):
    if penalty in PER_IMAGE and normalization == "batch":
        return "mixes the images of a batch"
    if (
        loss == "wasserstein"
        and penalty not in BOUNDED
        and normalization not in ("spectral", "batch_spectral", "sngan")
    ):
        return "the Wasserstein loss has no bound"
    return None


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_every_combination_has_the_verdict_of_the_papers(cell):
    rule, reason = CELLS[cell], expected(*cell)
    assert (rule is None) == (reason is None)
    assert rule is None or (reason in rule.reason and "=" in rule.instead)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason[:40])
def test_a_rule_says_why_and_what_works(rule):
    assert len(rule.reason) > 30
    assert "=" in rule.instead


def test_the_nearest_combination_that_a_rule_names_works():
    for (loss, penalty, _normalization), rule in CELLS.items():
        if rule is not None and "normalization=batch_in_generator" in rule.instead:
            near = penalty if penalty in PER_IMAGE else "gradient_penalty"
            assert CELLS[loss, near, "batch_in_generator"] is None


def test_a_refused_combination_is_told_before_anything_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["model=wgan_gp", "normalization=batch"]) == 2
    assert "mixes the images of a batch" in capsys.readouterr().err
    assert cli.main(["model=dcgan", "loss=wasserstein"]) == 2
    assert "nearest that works: penalty=gradient_penalty" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_matrix_is_printed_with_a_letter_for_each_reason(capsys):
    assert cli.main(["list", "matrix"]) == 0
    out = capsys.readouterr().out
    assert len([line for line in out.splitlines() if line.startswith("wasserstein ")]) == 8
    assert "\na  the penalty takes" in out
    assert "\nb  the Wasserstein loss" in out


ACCEPTED = [cell for cell, rule in CELLS.items() if rule is None]


def one_for_each(*parts):
    """Return an accepted cell for each value of some parts; the others take turns."""
    chosen = {}
    for position in range(len(ACCEPTED)):
        cell = ACCEPTED[position * 7 % len(ACCEPTED)]
        chosen.setdefault(tuple(cell[part] for part in parts), cell)
    return list(chosen.values())


def train_one_batch(folder, model, loss, penalty, normalization):
    parts = [f"loss={loss}", f"penalty={penalty}", f"normalization={normalization}"]
    one_batch = ["data.batch_size=8", "images=8", "data.image_size=16", "ema.decay=0", "callbacks.curves.every=8"]
    quiet = ["logger=none", "callbacks.progress=null", "callbacks.samples=null", "callbacks.checkpoints=null"]
    run = [f"model={model}", *UNSCORED, *parts, *one_batch, *quiet, "model.critic_steps=1", f"run_dir={folder}"]
    assert cli.main([*run, *NETWORKS]) == 0


@pytest.mark.parametrize("cell", sorted({*one_for_each(0), *one_for_each(1)}), ids="-".join)
def test_each_loss_and_each_penalty_trains(tmp_path, cell):
    train_one_batch(tmp_path / "run", "dcgan", *cell)


@pytest.mark.slow
@pytest.mark.parametrize("cell", one_for_each(0, 1), ids="-".join)
def test_each_pair_of_a_loss_and_a_penalty_trains(tmp_path, cell):
    train_one_batch(tmp_path / "run", "dcgan", *cell)
