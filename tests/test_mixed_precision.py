"""In a game of mixed precision the networks compute in bfloat16, and penalties' gradients in float32."""

import pytest
import torch

from ganexp.networks import dcgan
from ganexp.penalties import R1, R2, Dragan, GradientPenalty
from tiny import fit, make_gan


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
