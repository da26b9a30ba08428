"""What the doctor measures, and what it says of it."""

import math

import pytest
import torch
from torch import nn

from ganexp import diagnosis
from ganexp.callbacks.doctor import Doctor
from ganexp.diagnosis import findings
from ganexp.layers import normalization
from ganexp.networks import dcgan
from tiny import adam, fit, make_gan, same, state


def signs(**more):
    healthy = {"accuracy": 0.7, "gradient_norm/generator": 1.0, "diversity": 0.9, "lipschitz": 2.0}
    return {**healthy, **more}


def history(*checks):
    return [{**check, "images": 1000.0 * number} for number, check in enumerate(checks)]


def illnesses(checks):
    return [finding.illness for finding in findings(checks)]


def test_accuracy_is_the_share_of_pairs_told_apart_whatever_the_scale():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
    assert diagnosis.accuracy(real, fake) == 0.75
    assert diagnosis.accuracy(100 * real - 5, 100 * fake - 5) == 0.75
    assert diagnosis.accuracy(real, real) == 0.5


def test_the_divergence_is_log_2_for_a_perfect_discriminator_and_0_for_a_guessing_one():
    sure = torch.full((8,), 50.0)
    assert diagnosis.jensen_shannon(diagnosis.value_function(sure, -sure)) == pytest.approx(math.log(2))
    guess = torch.zeros(8)
    assert diagnosis.jensen_shannon(diagnosis.value_function(guess, guess)) == pytest.approx(0, abs=1e-6)


def test_the_lipschitz_estimate_of_a_linear_critic_is_its_slope():
    weight = torch.tensor([3.0, 4.0])
    real, fake = torch.rand(6, 2, 1, 1), torch.rand(6, 2, 1, 1)
    estimate = diagnosis.lipschitz_estimate(lambda x: x.flatten(1) @ weight, real, fake, torch.rand(6))
    assert estimate == pytest.approx(5)


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), nn.Conv2d(3, 6, 3), nn.ConvTranspose2d(4, 5, 3)])
def test_spectral_norms_agree_with_singular_values(layer):
    torch.manual_seed(0)
    with torch.no_grad():
        layer.weight.normal_()
    weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    largest = torch.linalg.matrix_norm(weight.flatten(1), 2)
    assert diagnosis.largest_singular_value(layer) == pytest.approx(largest.item(), rel=0.1)


def test_diversity_is_1_for_equal_spread_and_0_for_one_image():
    real = torch.randn(50, 3, 4, 4)
    assert diagnosis.diversity(real.flip(0), real) == pytest.approx(1)
    assert diagnosis.diversity(real[:1].expand(50, -1, -1, -1), real) == 0


def test_a_healthy_game_is_left_in_peace():
    assert illnesses(history(*[signs()] * 20)) == []


def test_a_vanishing_gradient_needs_both_a_strong_discriminator_and_a_fallen_gradient():
    strong, weak = {"accuracy": 1.0}, {"gradient_norm/generator": 0.01}
    (finding,) = findings(history(*[signs()] * 9, *[signs(**strong, **weak)] * 3))
    assert finding.illness == "vanishing gradient"
    assert "fell 100 times in 11,000 images while D tells 100% of fakes" in finding.text
    assert "normalization=spectral" in finding.text
    assert illnesses(history(*[signs()] * 9, *[signs(**strong)] * 3)) == []
    assert illnesses(history(*[signs()] * 9, *[signs(**weak)] * 3)) == []


def test_a_generator_that_has_not_moved_yet_has_no_gradient_to_judge():
    waiting = {name: value for name, value in signs().items() if name != "gradient_norm/generator"}
    assert illnesses(history(*[waiting] * 12)) == []


def test_collapse_is_seen_by_diversity_or_by_missing_modes():
    assert illnesses(history(*[signs()] * 9, *[signs(diversity=0.05)] * 3)) == ["mode collapse"]
    assert illnesses(history(*[signs()] * 9, *[signs(modes_covered_share=0.25)] * 3)) == ["mode collapse"]
    assert illnesses(history(*[signs()] * 9, *[signs(modes_covered_share=1.0)] * 3)) == []


def test_a_discriminator_that_becomes_steep_is_named():
    assert illnesses(history(*[signs()] * 9, *[signs(lipschitz=500.0)] * 3)) == ["steep discriminator"]


def test_the_blurred_image_that_every_generator_begins_with_is_no_collapse():
    assert illnesses(history(*[signs(diversity=0.05)] * 15)) == []
    assert illnesses(history(*[signs(diversity=0.05)] * 20)) == ["mode collapse"]


def test_one_check_alone_says_nothing():
    assert illnesses(history(*[signs()] * 12, signs(diversity=0.0), signs())) == []


def play(callbacks, **settings):
    module = make_gan(normalization.batch, networks=dcgan, optimizer=adam, images=64, critic_steps=2, **settings)
    fit(module, 8, callbacks)
    return module


def test_the_doctor_does_not_change_training():
    assert same(state(play([Doctor(every=8)])), state(play([])))


def test_the_doctor_takes_every_sign(tmp_path):
    doctor = Doctor(every=16)
    play([doctor])
    last = doctor.history[-1]
    assert last["images"] == 64
    assert set(last) >= {
        "accuracy", "value", "jensen_shannon", "gradient_norm/discriminator", "gradient_norm/generator",
        "update_ratio/discriminator", "update_ratio/generator", "lipschitz", "diversity",
    }  # fmt: skip
    assert any(name.startswith("spectral_norm/") for name in last)
    assert all(math.isfinite(value) for value in last.values())


def test_what_the_doctor_saw_goes_on_after_a_resume():
    doctor, resumed = Doctor(every=16), Doctor(every=16)
    play([doctor])
    resumed.load_state_dict(doctor.state_dict())
    assert (resumed.history, resumed.said) == (doctor.history, doctor.said)


def test_a_finding_is_said_once_until_it_is_gone(caplog):
    class Trainer:
        loggers = ()
        is_global_zero = True

    doctor = Doctor(every=8)
    for checks, lines in (([signs(diversity=0.05)] * 20, 1), ([signs()] * 20, 1), ([signs(diversity=0.05)] * 20, 2)):
        doctor.history = history(*checks)
        doctor.tell(Trainer)
        doctor.tell(Trainer)
        assert caplog.text.count("doctor: mode collapse:") == lines
