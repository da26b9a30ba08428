"""What the doctor measures, and what it says of it."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from config.test_configs import tiny
from ganexp.callbacks import diagnosis
from ganexp.callbacks.diagnosis import findings
from ganexp.callbacks.doctor import RECOVERY_CHECKS, Doctor, class_signs, generators, mode_signs, scoring_classifier
from ganexp.callbacks.scores import Scores
from ganexp.config.build import build
from ganexp.data import gaussians as mixtures
from ganexp.layers import normalization
from ganexp.layers.resampling.laplacian import halved
from ganexp.metrics.extractor import Extractor
from ganexp.networks import dcgan
from ganexp.variants.gan import GAN
from support.tiny import adam, fit, make_gan, same, state

GENERATOR = {"generator": ""}


def signs(**more):
    healthy = {"accuracy": 0.7, "gradient_norm/generator": 1.0, "diversity": 0.9, "lipschitz": 2.0}
    return {**healthy, **more}


def history(*checks):
    return [{**check, "images": 1000.0 * number} for number, check in enumerate(checks)]


def illnesses(checks):
    return [finding.illness for finding in findings(checks, GENERATOR)]


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
    (finding,) = findings(history(*[signs()] * 9, *[signs(**strong, **weak)] * 3), GENERATOR)
    assert finding.illness == "vanishing gradient"
    assert "fell 100 times in 11,000 images while D separates 100% of fakes" in finding.text
    assert "normalization=spectral" in finding.text
    assert illnesses(history(*[signs()] * 9, *[signs(**strong)] * 3)) == []
    assert illnesses(history(*[signs()] * 9, *[signs(**weak)] * 3)) == []


def test_each_generator_is_judged_by_its_own_discriminator():
    healthy = {"accuracy_4": 0.7, "gradient_norm/generator_4": 1.0, "gradient_norm/generator_8": 1.0}
    strong, weak = {"accuracy_4": 1.0}, {"gradient_norm/generator_4": 0.01}
    checks = [signs(**healthy)] * 9 + [signs(**healthy | strong | weak)] * 3
    (finding,) = findings(history(*checks), {"generator_4": "_4", "generator_8": ""})
    assert finding.illness == "vanishing gradient of generator_4"
    assert finding.text.startswith("generator_4's gradient fell 100 times")


def test_all_generators_of_a_pyramid_are_diagnosed():
    game = build(tiny("lapgan").model)
    doctor, batch = Doctor(every=1), {"image": torch.zeros(4, 1, 8, 8)}
    for name in ("real", "fake", "real_4", "fake_4"):
        game.watch(**{name: torch.full((4,), float(name == "real_4"))})
    taken = doctor.signs(SimpleNamespace(callbacks=[], datamodule=None), game, batch)
    assert (taken["accuracy"], taken["accuracy_4"]) == (0.5, 1.0)
    assert generators(game) == {"generator_4": "_4", "generator_8": ""}


def test_a_pyramid_whose_finest_level_is_not_trained_is_compared_with_the_real_images_below_it():
    game = build(tiny("lapgan", "model.stages=[4]").model)
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    game.current_samples = lambda n, batch: (halved(images), lambda x: x.sum((1, 2, 3)))
    game.watch(real=torch.zeros(4), fake=torch.zeros(4))
    taken = Doctor(every=1).signs(trainer_with(classifier=Brightness()), game, {"image": images})
    torch.testing.assert_close(taken["diversity"], torch.tensor(1.0))
    assert "modes_covered_share" not in taken


def test_a_gradient_that_has_just_risen_has_not_vanished():
    strong = {"accuracy": 1.0}
    risen = [signs(**strong)] * 2 + [signs(**strong, **{"gradient_norm/generator": 100.0})]
    assert illnesses(history(*[signs()] * 9, *risen)) == []


def test_a_generator_that_has_not_moved_yet_has_no_gradient_to_judge():
    waiting = {name: value for name, value in signs().items() if name != "gradient_norm/generator"}
    assert illnesses(history(*[waiting] * 12)) == []


def test_collapse_is_seen_by_diversity_or_by_missing_modes():
    assert illnesses(history(*[signs()] * 9, *[signs(diversity=0.05)] * 3)) == ["mode collapse"]
    assert illnesses(history(*[signs()] * 9, *[signs(modes_evenness=0.25)] * 3)) == ["mode collapse"]
    assert illnesses(history(*[signs()] * 9, *[signs(modes_evenness=1.0)] * 3)) == []


def test_modes_that_were_never_found_are_missed_in_the_second_half_only():
    assert illnesses(history(*[signs(modes_evenness=0.3)] * 15)) == []
    assert illnesses(history(*[signs(modes_evenness=0.3)] * 20)) == ["mode collapse"]


@pytest.mark.parametrize(("counts", "share"), [([5, 5, 5, 5], 1), ([9, 0, 0, 0], 1 / 4), ([7, 7, 0, 0], 1 / 2)])
def test_evenness_counts_modes_by_their_samples(counts, share):
    assert diagnosis.evenness(torch.tensor(counts)).item() == pytest.approx(share)


def test_strays_do_not_hide_a_collapse():
    assert diagnosis.evenness(torch.tensor([505, 1, 1, 1, 1, 1, 1, 1])).item() < 0.15


def test_a_discriminator_that_becomes_steep_is_named():
    assert illnesses(history(*[signs()] * 9, *[signs(lipschitz=500.0)] * 3)) == ["steep discriminator"]


def test_the_blurred_image_that_every_generator_begins_with_is_no_collapse():
    assert illnesses(history(*[signs(diversity=0.05)] * 15)) == []
    assert illnesses(history(*[signs(diversity=0.05)] * 20)) == ["mode collapse"]


def test_diversity_that_rises_from_its_start_is_no_collapse():
    climbing = [signs(diversity=0.005 * number) for number in range(1, 31)]
    assert illnesses(history(*climbing)) == []
    assert illnesses(history(*climbing, *[signs(diversity=0.05)] * 3)) == ["mode collapse"]
    assert illnesses(history(*climbing, *[signs(diversity=0.15)] * 60)) == ["mode collapse"]


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


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_gradients_are_those_of_each_players_last_turn_before_the_check(steps):
    class Measured(GAN):
        def on_before_optimizer_step(self, optimizer):
            super().on_before_optimizer_step(optimizer)
            for player, other in zip(self.players(), self.trainer.optimizers, strict=True):
                if other is optimizer:
                    norms[player.name] = diagnosis.gradient_norm(list(player.network.parameters()))

    norms, doctor = {}, Doctor(every=64)
    fit(make_gan(cls=Measured, images=64, critic_steps=steps), 8, [doctor])
    for player in ("discriminator", "generator"):
        assert doctor.history[-1][f"gradient_norm/{player}"] == pytest.approx(norms[player].item())


def test_what_the_doctor_saw_goes_on_after_a_resume():
    doctor, resumed = Doctor(every=16), Doctor(every=16)
    play([doctor])
    resumed.load_state_dict(doctor.state_dict())
    assert (resumed.history, resumed.reported) == (doctor.history, doctor.reported)


def test_a_finding_is_said_once_until_it_is_gone_for_some_checks(caplog):
    class Trainer:
        loggers = ()
        is_global_zero = True

    doctor = Doctor(every=8)
    for checks, lines in (([signs(diversity=0.05)] * 20, 1), ([signs()] * 20, 1), ([signs(diversity=0.05)] * 20, 2)):
        doctor.history = history(*checks)
        for _ in range(RECOVERY_CHECKS + 1):
            doctor.report(Trainer, GENERATOR)
        assert caplog.text.count("doctor: mode collapse:") == lines


def test_modes_are_counted_where_they_are_known():
    modes = mixtures.ring()
    everywhere = mode_signs(modes.centres.float().repeat(2, 1), modes)
    assert (everywhere["modes_covered_share"], everywhere["modes_evenness"].item()) == (1, pytest.approx(1))
    alone = mode_signs(modes.centres[:1].float().repeat(9, 1), modes)
    assert (alone["modes_covered_share"], alone["modes_evenness"].item()) == (1 / 8, pytest.approx(1 / 8))


def test_samples_all_around_but_near_no_mode_are_no_collapse():
    modes = mixtures.ring()
    around = mode_signs(modes.centres.float() * 0.7, modes)
    assert (around["modes_covered_share"], around["modes_evenness"].item()) == (0, pytest.approx(1))


class Brightness(Extractor):
    """Tells dark images from bright ones, of ten classes."""

    def __init__(self, **description):
        super().__init__(nn.Identity(), {"labels": "own labels", "classes": 10, **description})

    def outputs(self, images):
        return {"logits": one_hot((images.float().mean((1, 2, 3)) > 127).long(), 10)}


def test_classes_are_counted_where_a_classifier_scores():
    dark, bright = torch.full((6, 1, 4, 4), -0.9), torch.full((6, 1, 4, 4), 0.9)
    found = class_signs(Brightness(), torch.cat([dark, bright]))
    assert found["modes_covered_share"].item() == pytest.approx(0.2)
    assert found["modes_evenness"].item() == pytest.approx(0.2)


def trainer_with(**extractors):
    scores = Scores("unused", 1, {}, {}, None, {})
    scores.scoring = SimpleNamespace(extractors=extractors)
    return SimpleNamespace(callbacks=[Doctor(every=8), scores], datamodule=None, loggers=[])


def test_only_a_classifier_of_the_datas_own_few_classes_is_asked():
    asked = Brightness()
    assert scoring_classifier(trainer_with(inception=Brightness(), classifier=asked)) is asked
    assert scoring_classifier(trainer_with(inception=Brightness())) is None
    assert scoring_classifier(trainer_with(classifier=Brightness(labels="rotations"))) is None
    assert scoring_classifier(trainer_with(classifier=Brightness(classes=100))) is None
    assert scoring_classifier(SimpleNamespace(callbacks=[Doctor(every=8)])) is None


def test_the_doctor_takes_the_classes_of_the_latest_samples():
    module = play([doctor := Doctor(every=16)])
    assert "modes_covered_share" not in doctor.history[-1]
    batch = {"image": torch.zeros(8, 1, 8, 8)}
    taken = doctor.signs(trainer_with(classifier=Brightness()), module, batch)
    expected = class_signs(Brightness(), module.current_samples(64, batch)[0])
    assert taken["modes_evenness"] == expected["modes_evenness"]
