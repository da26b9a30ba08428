"""R3GAN's schedules, in closed form and through a stop (arXiv 2501.05441)."""

from functools import partial

import pytest
import torch

from ganexp import schedules
from ganexp.ema import ExponentialMovingAverage, HalfLife
from ganexp.penalties.zero_centred import R1
from ganexp.variants.r3gan import R3GAN
from support.tiny import adam, fit, make_gan, same, sgd, state

BETA2 = partial(schedules.cosine, initial=0.9, final=0.99)
FALLING = partial(schedules.cosine, final=0.1)
GROWING = partial(schedules.cosine, initial=0.0, final=0.25)


def make(**settings):
    defaults = {
        "optimizer": adam,
        "images": 80,
        "penalties": {"r1": R1(weight=0.05, schedule=FALLING)},
        "ema": partial(ExponentialMovingAverage, decay=0.99999, warmup=0, at_most=HalfLife(GROWING, 8)),
    }
    return make_gan(cls=partial(R3GAN, BETA2), **{**defaults, **settings})


@pytest.mark.parametrize(("batches", "progress"), [(1, 0.0), (6, 0.5), (11, 1.0)])
def test_beta2_of_the_last_turn_follows_the_images_seen_and_beta1_stays(batches, progress):
    trainer = fit(make(), batches)
    for optimizer in trainer.optimizers:
        assert optimizer.param_groups[0]["betas"] == pytest.approx((0.5, BETA2(progress)))


def test_the_ends_of_the_schedule_are_the_authors():
    assert [BETA2(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.9, 0.945, 0.99])
    assert [0.05 * FALLING(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.05, 0.0275, 0.005])
    # A half-life of 5 million images after 20 million, in batches of 512.
    average = HalfLife(GROWING, batch_size=512)
    assert average(1.0, 20_000_000) == pytest.approx(0.5 ** (512 / 5_000_000))


def test_optimizers_without_betas_go_on_as_they_are():
    trainer = fit(make(optimizer=sgd), 2)
    assert all("betas" not in optimizer.param_groups[0] for optimizer in trainer.optimizers)


@pytest.mark.parametrize("first", [3, 5])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, first):
    uninterrupted, stopped, resumed = make(), make(), make()
    fit(uninterrupted, 8)
    fit(stopped, first).save_checkpoint(tmp_path / "last.ckpt")
    fit(resumed, 8, ckpt_path=tmp_path / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))
    assert uninterrupted.read_terms() == resumed.read_terms()


def test_the_penalty_of_a_turn_has_the_weight_of_its_progress():
    class Noted(R3GAN):
        def discriminator_loss(self, batch):
            terms = super().discriminator_loss(batch)
            self.ratios.append((terms["r1"] / terms["whole"]).item())
            return terms

    module = make(penalties={"r1": R1(weight=0.05, schedule=FALLING), "whole": R1(weight=1.0)})
    module.__class__, module.ratios = Noted, []
    fit(module, 10)
    assert module.ratios == pytest.approx([0.05 * FALLING(batch / 10) for batch in range(10)], rel=1e-4)


def test_without_images_to_remember_the_average_is_the_generator():
    module = make()
    fit(module, 1)
    assert same(state(module.average.network), state(module.generator))
    fit(module := make(), 6)
    assert not same(state(module.average.network), state(module.generator))


def test_ten_updates_of_a_tenth_of_the_half_life_each_halve_what_was_there():
    network = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    average = ExponentialMovingAverage(network, 0.99999, 0, HalfLife(lambda progress: 0.5, batch_size=8))
    torch.nn.init.zeros_(network.weight)
    for _ in range(10):
        average.update(network, progress=0.3, images=160)
    assert average.network.weight[0, 0].item() == pytest.approx(0.5)


def test_the_smallest_bound_on_the_decay_counts():
    network = torch.nn.Linear(1, 1)
    average = partial(ExponentialMovingAverage, network, at_most=lambda progress, images: progress)
    assert average(decay=0.5, warmup=0).current_decay(0.9) == 0.5
    assert average(decay=0.5, warmup=0).current_decay(0.3) == 0.3
    assert average(decay=0.5, warmup=10).current_decay(0.3) == 0.1
    assert average(decay=0.0).current_decay(0.3) == 0.0


def test_more_critic_turns_are_more_images_between_two_updates():
    one, five = (HalfLife(GROWING, batch_size=8, critic_steps=k) for k in (1, 5))
    assert five(0.5, 1000) == pytest.approx(one(0.5, 1000) ** 5)
