"""Analyses of subjects with planted properties, which appear in their figures."""

import json

import torch
from torch import nn

from analysis.test_feature_ablation import CHANNELS, PLANTED, Planted
from ganexp.analysis.discriminators import Opponent
from ganexp.analysis.equilibrium import EquilibriumAnalysis
from ganexp.analysis.feature_ablation import FeatureAblation
from ganexp.analysis.filters import Filters
from ganexp.analysis.latent_directions import LatentDirections
from ganexp.analysis.linear_probe import LinearProbe
from ganexp.analysis.spectrum import SpectrumAnalysis
from ganexp.data.values import to_signed_unit
from support.subjects import pictures, rng, subject, table


def test_an_object_in_boxes_is_forgotten(tmp_path):
    planted = subject(Planted(), latent=CHANNELS)
    with_it = (planted.latents(60)[:, PLANTED] > 0).nonzero().flatten().tolist()
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({number: [[0, 0, 3, 3]] for number in with_it}))
    figures = FeatureAblation(str(path), samples=60, counts=1, draws=20)(planted, tmp_path)
    assert figures["maps_that_draw_it"] == 1
    assert figures["detected_after"] < 0.1
    assert figures["detected_after_random"]["mean"] > 0.7
    assert (tmp_path / "forget.png").is_file()


def opponent(outputs):
    return Opponent(nn.Identity(), lambda images, labels: outputs(images))


def test_a_discriminator_that_memorizes_its_training_images_is_detected(tmp_path):
    training, held_out = pictures(200, 1), pictures(200, 2)
    memorized = to_signed_unit(training).flatten(1)
    memorizing = opponent(lambda images: -torch.cdist(images.flatten(1), memorized).amin(1))
    honest = opponent(lambda images: images.flatten(1).mean(1))
    verdicts = [
        EquilibriumAnalysis(200)(subject(training=training, held_out=held_out, opponent=critic), tmp_path)["verdict"]
        for critic in (memorizing, honest)
    ]
    assert "overfits its training images" in verdicts[0]
    assert "no sign of overfitting" in verdicts[1]
    alone = EquilibriumAnalysis(200)(subject(training=training, opponent=memorizing), tmp_path)["verdict"]
    assert "overfitting cannot be tested" in alone


def test_features_that_encode_the_class_beat_untrained_features_and_pixels(tmp_path):
    """The class is whether the first two pixels are equal, which is not a linear function of the pixels."""
    images = pictures(400, 3) // 128 * 255
    labels = (images[:, 0, 0, 0] == images[:, 0, 0, 1]).long()
    torch.manual_seed(0)
    informative = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), nn.ReLU())
    informative[0].weight.data = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).view(2, 1, 1, 2)
    informative[0].bias.data.fill_(-1)
    uninformative = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    planted = subject(
        training=table(images, labels),
        opponent=Opponent(informative, lambda images, labels: informative(images)),
        untrained=lambda seed: Opponent(uninformative, lambda images, labels: uninformative(images)),
    )
    figures = LinearProbe(labels=[200], seeds=2)(planted, tmp_path)
    accuracy = {name: by_labels["200 labels"]["mean"] for name, by_labels in figures["accuracy"].items()}
    assert accuracy["discriminator"] > 0.9
    assert max(accuracy["raw pixels"], accuracy["an untrained one"]) < 0.7
    assert "above raw pixels with 200 labels" in figures["verdict"]


def test_missing_labels_and_networks_without_feature_maps_are_reported():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    mapped = Opponent(network, lambda images, labels: network(images))
    assert "no labels" in LinearProbe().reason_against(subject(opponent=mapped))
    assert "no feature maps" in LinearProbe().reason_against(subject(opponent=opponent(lambda images: images)))
    assert "no feature maps" in Filters().reason_against(subject(opponent=opponent(lambda images: images)))
    assert "no convolutions" in FeatureAblation().reason_against(subject())
    assert "has no discriminator" in EquilibriumAnalysis().reason_against(subject())


def test_training_images_have_their_own_spectrum_and_noise_has_another(tmp_path):
    smooth = nn.functional.avg_pool2d(pictures(500, 4).float(), 3, 1, 1).round().to(torch.uint8)
    images = to_signed_unit(smooth)

    class Drawn(nn.Module):
        def __init__(self, images):
            super().__init__()
            self.register_buffer("images", images)

        def forward(self, noise):
            return self.images[(noise.abs().sum(1) * 1e4).long() % len(self.images)]

    same, other = (
        SpectrumAnalysis(400)(subject(Drawn(drawn), training=smooth, held_out=smooth), tmp_path)
        for drawn in (images, torch.rand(500, 1, 4, 4, generator=rng(5)) * 2 - 1)
    )
    assert same["fake_distance_db"] < 1 < other["fake_distance_db"]
    assert same["held_out_distance_db"] < 1


def test_directions_change_images_more_than_random_ones_do(tmp_path):
    planted = subject()
    planted.generator.map.weight.data[:, 0] *= 5
    figures = LatentDirections(directions=2, steps=3)(planted, tmp_path)
    assert figures["ratio_of_the_first"] > 1.5
    assert (tmp_path / "direction_2.png").is_file()
