"""In a game of mixed precision the networks compute in bfloat16, and penalties' gradients in float32."""

import pytest
import torch

from config.test_configs import GROUPS
from ganexp.callbacks.doctor import Doctor
from ganexp.networks import dcgan, mlp
from ganexp.penalties.dragan import Dragan
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.zero_centred import R1, R2
from ganexp.variants.gan import GAN
from support.parts import thinned
from support.scored import Bytes
from support.tiny import fit, make_gan, same, state
from training.test_resume import copies

MODELS = thinned(GROUPS["model"], 4, first=1, slow=("dcgan_tutorial",))


@pytest.mark.parametrize("penalty", [GradientPenalty, R1, R2, Dragan])
def test_a_penalty_is_computed_in_float32(penalty):
    seen = []

    class Noted(penalty):
        def value(self, turn):
            value = super().value(turn)
            seen.append((turn.real_logits.dtype, answers[-1], value.dtype))
            return value

    module = make_gan(networks=dcgan, penalties={"noted": Noted()})
    answers = []
    module.discriminator.register_forward_hook(lambda network, inputs, logits: answers.append(logits.dtype))
    fit(module, 2, precision="bf16-mixed")
    # The turn's own logits, those behind the penalty's gradient, and the penalty.
    assert seen == [(torch.bfloat16, torch.float32, torch.float32)] * 2


@pytest.mark.parametrize("networks", [mlp, dcgan])
def test_the_gradient_of_such_a_penalty_is_that_of_training_in_float32(networks):
    class PenaltyAlone(GAN):
        def discriminator_loss(self, batch):
            return {"r1": super().discriminator_loss(batch)["r1"]}

    def trained(precision):
        module = make_gan(networks=networks, cls=PenaltyAlone, penalties={"r1": R1()})
        fit(module, 1, precision=precision)
        return module.discriminator

    start = state(make_gan(networks=networks).discriminator)
    mixed, exact = state(trained("bf16-mixed")), state(trained("32-true"))
    assert not same(start, exact)
    for name, value in exact.items():
        torch.testing.assert_close(mixed[name] - start[name], value - start[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains_a_batch(model):
    module, data = copies(model)()
    computed = set()
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, inputs, maps: computed.add(maps.dtype))
    # One of eight images.
    fit(module, 1 / 8, data=data, precision="bf16-mixed")
    assert module.images_seen == data.batch_size
    assert torch.bfloat16 in computed
    # Terms that are not finite raise.
    assert {name.partition("/")[0] for name in module.read_terms()} == {player.name for player in module.players()}
    assert all(weight.isfinite().all() and weight.dtype == torch.float32 for weight in module.parameters())


def test_double_precision_trains_on_bytes_and_draws_samples():
    module = make_gan(networks=dcgan)
    fit(module, 2, data=Bytes(), precision="64-true", limit_val_batches=0)
    assert all(weight.dtype == torch.float64 for weight in module.parameters())
    assert module.sample(3, 0).dtype == torch.float32


def test_the_doctor_looks_at_a_game_in_double_precision():
    module = make_gan(networks=dcgan)
    doctor = Doctor(every=4)
    fit(module, 2, [doctor], data=Bytes(), precision="64-true", limit_val_batches=0)
    assert doctor.history[-1]["lipschitz"] > 0
