"""precision=bf16: autocast to bfloat16 and channels_last by one choice, with every model and penalty."""

import pytest
import torch
from omegaconf import OmegaConf

from config.test_configs import GROUPS, compose
from ganexp.callbacks.doctor import Doctor
from ganexp.callbacks.numerics import ChannelsLast
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.numerics.flags import numerics_of
from ganexp.runs.overrides import with_overrides
from ganexp.variants.critic import Critic
from support.games import Trainer, batch_of, built, tiny_with
from support.parts import thinned
from support.tiny import fit
from training.test_resume import copies


def choice(*overrides):
    config = compose(*overrides)
    return config.trainer.precision, config.numerics.channels_last


def test_one_choice_sets_both():
    assert choice() == choice("precision=float32") == ("32-true", False)
    assert choice("precision=bf16") == ("bf16-mixed", True)


@pytest.mark.parametrize(
    "others", [["trainer=cpu"], ["trainer=ddp"], ["model=r3gan"], ["experiment=r3gan_cifar10"], ["penalty=r1_r2"]]
)
def test_it_goes_with_options_of_other_groups_in_either_order(others):
    assert choice("precision=bf16", *others) == choice(*others, "precision=bf16") == ("bf16-mixed", True)


@pytest.mark.parametrize("turned", [False, True])
def test_a_value_given_by_hand_wins(turned):
    given = ["precision=bf16", "trainer.precision=32-true", "numerics.channels_last=false"]
    assert choice(*given[:2][:: -1 if turned else 1]) == ("32-true", True)
    assert choice(*given[:: 2 if not turned else -2]) == ("bf16-mixed", False)


def saved(*overrides):
    """Return a configuration as it is read from a run's folder."""
    return OmegaConf.create(OmegaConf.to_container(compose(*overrides)))


def resumed(run, *overrides):
    config = with_overrides(run, list(overrides))
    return config.trainer.precision, config.numerics.channels_last


def test_a_resumed_run_may_choose_another():
    assert resumed(saved("precision=bf16"), "precision=float32") == ("32-true", False)
    assert resumed(saved(), "precision=bf16") == ("bf16-mixed", True)
    # Another trainer brings its own precision, whatever the order.
    assert resumed(saved(), "precision=bf16", "trainer=cpu") == ("bf16-mixed", True)
    assert resumed(saved(), "trainer.precision=64-true", "precision=bf16") == ("64-true", True)


def test_a_run_from_before_the_numerical_settings_may_choose_it_too():
    run = saved()
    del run["numerics"]
    config = with_overrides(run, ["precision=bf16"])
    assert numerics_of(config.get("numerics"), config.trainer).channels_last
    assert config.trainer.precision == "bf16-mixed"


def test_a_recipe_is_not_chosen_on_resumption():
    with pytest.raises(UserError, match=r"^experiment=r3gan_cifar10: a resumed run keeps its experiment;"):
        resumed(saved(), "experiment=r3gan_cifar10")


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 4, slow=("dcgan_tutorial",)))
def test_every_model_trains_two_batches_with_the_doctor(model):
    module, data = copies(model)()
    doctor = Doctor(every=2 * data.batch_size)
    fit(module, 2 * data.batch_size / 8, [ChannelsLast(), doctor], data=data, precision="bf16-mixed")
    assert module.images_seen == 2 * data.batch_size
    # Terms that are not finite raise.
    assert {name.partition("/")[0] for name in module.read_terms()} >= {player.name for player in module.players()}
    for weight in module.parameters():
        assert weight.isfinite().all()
        assert weight.dtype == torch.float32
        assert weight.dim() != 4 or min(weight.shape) == 1 or weight.is_contiguous(memory_format=torch.channels_last)
    if getattr(module, "discriminator", None) is not None:
        assert torch.tensor([value for sign, value in doctor.history[-1].items()]).isfinite().all()


# Fakes of perturbed noise are needed by zcr, and their logits are closer to the others than bfloat16 resolves.
@pytest.mark.parametrize("penalty", [name for name in GROUPS["penalty"] if name != "zcr"])
@pytest.mark.parametrize("model", ["dcgan_small", "r3gan"])
@pytest.mark.thinned(2)
def test_every_penalty_is_near_its_value_in_float32(model, penalty):
    config = tiny_with(model, {}, penalty=penalty, normalization="none")
    real = batch_of(config)["image"]
    fake = real.flip(0) * 0.5 + 0.1

    def terms(lowered):
        game = built(config)
        game._trainer = Trainer(game)
        images = real, fake
        if lowered:
            game.discriminator.to(memory_format=torch.channels_last)
            images = (each.contiguous(memory_format=torch.channels_last) for each in images)
        with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
            # The second batch, as LeCam's first averages are 0.
            found = [
                game.adversary.discriminator(game, Critic(game.discriminator), *images) for images in [(*images,)] * 2
            ]
        return {name: term.item() for name, term in found[-1].items() if name != "adversarial"}

    expected, found = terms(False), terms(True)
    assert set(expected) == set(build(config.penalty))
    assert found == pytest.approx(expected, rel=0.05)
    # LeCam's hinge form is 0 for logits in the wrong order.
    assert all(value > 0 for name, value in expected.items() if penalty != "lecam")
