"""The laws of the alternating game, on tiny networks."""

import copy
import math
from functools import partial

import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import nn

from ganexp import schedules
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.layers import normalization
from ganexp.networks import dcgan, mlp
from ganexp.variants.gan import GAN
from support.tiny import SIZE, Pictures, adam, fit, make_gan, same, sgd, state


class Watched(GAN):
    """Notes the networks' states around each turn."""

    def __init__(self, **gan):
        super().__init__(**gan)
        self.turns = []

    def turn(self, player, optimizer, batch):
        before = state(self.discriminator), state(self.generator)
        super().turn(player, optimizer, batch)
        after = state(self.discriminator), state(self.generator)
        moved = [not same(*pair) for pair in zip(before, after, strict=True)]
        self.turns.append((player.name, *moved, batch["image"].clone()))


@pytest.mark.parametrize("norm", [normalization.batch, normalization.spectral, normalization.batch_spectral])
def test_only_the_player_whose_turn_it_is_moves_buffers_included(norm):
    module = make_gan(norm, networks=dcgan, cls=Watched)
    fit(module, 3)
    assert [(name, d, g) for name, d, g, _ in module.turns] == [
        ("discriminator", True, False),
        ("generator", False, True),
    ] * 3


def test_parameters_can_learn_again_after_the_others_turns():
    module = make_gan()
    fit(module, 2)
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_the_discriminator_takes_k_turns_on_fresh_data_for_one_of_the_generator():
    module = make_gan(cls=Watched, critic_steps=3)
    fit(module, 6)
    assert [name[0] for name, *_ in module.turns] == list("dddgdddg")
    images = [image for name, _, _, image in module.turns if name == "discriminator"]
    assert all(not torch.equal(one, other) for i, one in enumerate(images) for other in images[:i])


def test_noise_is_fresh_for_each_player_and_batch_and_repeats_with_the_seed():
    class Noted(GAN):
        drawn = ()

        def draw_noise(self, player, n):
            values = super().draw_noise(player, n)
            self.drawn = (*self.drawn, values)
            return values

    module, again = make_gan(cls=Noted), make_gan(cls=Noted)
    fit(module, 3)
    fit(again, 3)
    assert len(module.drawn) == 6
    assert len({tuple(values.flatten().tolist()) for values in module.drawn}) == 6
    assert all(torch.equal(one, other) for one, other in zip(module.drawn, again.drawn, strict=True))


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_and_parts_share_out_the_noise_of_the_global_batch(world_size):
    whole, parts = make_gan(), []
    whole._trainer = Stand(world_size=1, global_rank=0)
    expected = whole.draw_noise("generator", 8)
    for rank in range(world_size):
        module = make_gan(accumulate=2)
        module._trainer = Stand(world_size=world_size, global_rank=rank)
        for module._part in range(2):
            parts.append(module.draw_noise("generator", 8 // world_size // 2))
    assert torch.equal(torch.cat(parts), expected)
    assert not torch.equal(parts[0], parts[1])


class Stand:
    """Stands for a trainer of many ranks."""

    def __init__(self, world_size, global_rank):
        self.world_size, self.global_rank = world_size, global_rank
        self.strategy = self


@pytest.mark.parametrize("norm", [normalization.none, normalization.layer, normalization.spectral])
def test_accumulating_parts_equals_the_whole_batch(norm):
    modules = [make_gan(norm, accumulate=parts).double() for parts in (1, 4)]
    for module in modules:
        fit(module, 4, data=Pictures(torch.float64), precision="64-true")
    for one, other in zip(modules[0].parameters(), modules[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_accumulation_that_does_not_divide_the_batch_is_refused():
    with pytest.raises(UserError, match=r"model.accumulate=3 does not divide the 8 images"):
        fit(make_gan(accumulate=3), 1)


def test_the_gradient_norm_is_clipped_player_by_player():
    class Measured(GAN):
        norms = ()

        def on_before_optimizer_step(self, optimizer):
            super().on_before_optimizer_step(optimizer)
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
            self.norms = (*self.norms, torch.stack([g.norm() for g in gradients]).norm().item())

    free, clipped = make_gan(cls=Measured), make_gan(cls=Measured, gradient_clip=1e-3)
    fit(free, 2)
    fit(clipped, 2)
    assert min(free.norms) > 1e-3
    assert clipped.norms == pytest.approx([1e-3] * 4, rel=1e-3)


def test_the_average_follows_the_generator_by_its_closed_form():
    network = nn.BatchNorm1d(3)
    average = ExponentialMovingAverage(network, decay=0.9, warmup=10)
    expected = network.weight.detach().clone()
    for t in range(120):
        with torch.no_grad():
            network.weight.normal_()
            network.running_mean.normal_()
        decay = min(0.9, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * network.weight.detach()
        average.update(network)
    torch.testing.assert_close(average.network.weight, expected)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert average.current_decay() == 0.9


def test_the_average_moves_with_the_generators_turns_only_and_draws_the_samples():
    module = make_gan(critic_steps=3, ema=ExponentialMovingAverage)
    fit(module, 7)
    assert module.average.updates == 2
    before = module.sample(4, seed=0)
    with torch.no_grad():
        for parameter in module.generator.parameters():
            parameter.zero_()
    assert torch.equal(module.sample(4, seed=0), before)


def test_samples_do_not_depend_on_their_number_and_leave_the_networks_as_they_were():
    module = make_gan(normalization.batch, networks=dcgan, ema=ExponentialMovingAverage)
    before, rng = state(module), torch.get_rng_state()
    torch.testing.assert_close(module.sample(150, seed=5)[:70], module.sample(70, seed=5))
    assert not torch.equal(module.sample(4, seed=5), module.sample(4, seed=6))
    assert same(before, state(module))
    assert torch.equal(rng, torch.get_rng_state())
    assert module.average.network.training


@pytest.mark.parametrize(
    ("schedule", "progress", "factor"),
    [
        (schedules.constant, 0.7, 1.0),
        (schedules.linear, 0.5, 1.0),
        (schedules.linear, 0.75, 0.5),
        (schedules.linear, 1.0, 0.0),
        (schedules.cosine, 0.0, 1.0),
        (schedules.cosine, 0.5, 0.5),
        (schedules.cosine, 1.0, 0.0),
        (partial(schedules.cosine, initial=0.0, final=0.5, until=0.4), 0.0, 0.0),
        (partial(schedules.cosine, initial=0.0, final=0.5, until=0.4), 0.2, 0.25),
        (partial(schedules.cosine, initial=0.0, final=0.5, until=0.4), 0.7, 0.5),
        (schedules.warmup, 0.025, 0.5),
        (schedules.warmup, 0.5, 1.0),
    ],
)
def test_schedules_have_their_closed_form(schedule, progress, factor):
    assert schedule(progress) == pytest.approx(factor)


def test_learning_rates_follow_the_images_seen():
    module = make_gan(schedule=schedules.linear, images=80)
    trainer = fit(module, 8)
    # The last turn was taken after 56 of 80 images.
    assert [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers] == pytest.approx([0.1 * 0.6] * 2)


def test_the_budget_counts_images():
    module = make_gan()
    fit(module, 5)
    assert (module.images_seen, module.batches_seen) == (40, 5)


def test_epochs_are_a_budget_too():
    module = make_gan()
    fit(module, 1_000, max_epochs=2)
    assert module.images_seen == 80
    assert module.progress() == 1.0


@pytest.mark.parametrize("optimizer", [sgd, adam])
@pytest.mark.parametrize("norm", [normalization.batch, normalization.batch_spectral])
@pytest.mark.parametrize("first", [3, 5, 7])
@pytest.mark.thinned(2)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, norm, optimizer, first):
    settings = {
        "networks": dcgan,
        "optimizer": optimizer,
        "schedule": schedules.linear,
        "images": 80,
        "critic_steps": 2,
        "ema": ExponentialMovingAverage,
    }
    uninterrupted, stopped, resumed = (make_gan(norm, **settings) for _ in range(3))
    fit(uninterrupted, 10)
    fit(stopped, first).save_checkpoint(tmp_path / "last.ckpt")
    torch.manual_seed(999)
    fit(resumed, 10, ckpt_path=tmp_path / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))
    assert uninterrupted.average.updates == resumed.average.updates == 5
    for one, other in zip(uninterrupted.optimizers(), resumed.optimizers(), strict=True):
        for a, b in zip(one.state.values(), other.state.values(), strict=True):
            assert all(torch.equal(torch.as_tensor(a[key]), torch.as_tensor(b[key])) for key in a if a[key] is not None)


def test_dropout_too_resumes_exactly(tmp_path):
    def make():
        module = make_gan()
        torch.manual_seed(1)
        module.discriminator = mlp.Discriminator(1, SIZE, normalization.none(), widths=(6, 5), dropout=0.5)
        return module

    uninterrupted, stopped, resumed = make(), make(), make()
    fit(uninterrupted, 6)
    fit(stopped, 3).save_checkpoint(tmp_path / "last.ckpt")
    torch.rand(7)
    fit(resumed, 6, ckpt_path=tmp_path / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))


def test_bfloat16_training_is_finite_and_close():
    reference, module = make_gan(networks=dcgan), make_gan(networks=dcgan)
    fit(reference, 3)
    fit(module, 3, precision="bf16-mixed")
    for one, other in zip(reference.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.02)
    assert module.sample(2, seed=0).dtype == torch.float32


def test_a_loss_scaler_changes_nothing_but_the_rounding_and_clips_unscaled_gradients():
    reference, module = (make_gan(gradient_clip=0.5) for _ in range(2))
    fit(reference, 3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    # Autocast to bfloat16 stands for float16, which the processor lacks kernels for.
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    plugin.precision = "bf16-mixed"
    fit(module, 3, plugins=[plugin])
    for one, other in zip(reference.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.02)
    assert scaler.get_scale() == 2.0**12


def test_a_loss_that_is_not_finite_is_told_with_player_and_turn():
    module = make_gan()
    fit(module, 2)
    module.loss_history.turns["generator"][1]["adversarial"] = torch.tensor(math.nan)
    with pytest.raises(UserError, match=r"the generator's adversarial loss became nan, 1 of its turns before image 16"):
        module.read_terms()


def test_losses_are_means_since_they_were_last_read():
    module = make_gan()
    module.loss_history.turns = {"generator": [{"adversarial": torch.tensor(value)} for value in (1.0, 2.0, 6.0)]}
    assert module.read_terms() == {"generator/adversarial": 3.0}
    assert module.read_terms() == {}


def test_losses_not_yet_read_survive_a_stop(tmp_path):
    uninterrupted, stopped, resumed = make_gan(), make_gan(), make_gan()
    fit(uninterrupted, 6)
    fit(stopped, 3).save_checkpoint(tmp_path / "last.ckpt")
    fit(resumed, 6, ckpt_path=tmp_path / "last.ckpt")
    assert resumed.read_terms() == uninterrupted.read_terms()


def test_copies_of_the_networks_share_nothing_with_the_average():
    module = make_gan(ema=ExponentialMovingAverage)
    weights = copy.deepcopy(state(module.average.network))
    with torch.no_grad():
        next(module.generator.parameters()).add_(1)
    assert same(weights, state(module.average.network))
