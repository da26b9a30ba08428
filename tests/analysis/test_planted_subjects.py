"""The analyses as they are called: what was planted in a subject is in their figures."""

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
    looked_at = subject(Planted(), latent=CHANNELS)
    with_it = (looked_at.latents(60)[:, PLANTED] > 0).nonzero().flatten().tolist()
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({number: [[0, 0, 3, 3]] for number in with_it}))
    figures = FeatureAblation(str(path), samples=60, counts=1, draws=20)(looked_at, tmp_path)
    assert figures["maps_that_draw_it"] == 1
    assert figures["detected_after"] < 0.1
    assert figures["detected_after_random"]["mean"] > 0.7
    assert (tmp_path / "forget.png").is_file()


def opponent(answer):
    return Opponent(nn.Identity(), lambda images, labels: answer(images))


def test_a_discriminator_that_knows_its_training_images_is_caught(tmp_path):
    training, held_out = pictures(200, 1), pictures(200, 2)
    known = to_signed_unit(training).flatten(1)
    memory = opponent(lambda images: -torch.cdist(images.flatten(1), known).amin(1))
    honest = opponent(lambda images: images.flatten(1).mean(1))
    verdicts = [
        EquilibriumAnalysis(200)(subject(training=training, held_out=held_out, opponent=each), tmp_path)["verdict"]
        for each in (memory, honest)
    ]
    assert "it overfits" in verdicts[0]
    assert "no sign of overfitting" in verdicts[1]
    alone = EquilibriumAnalysis(200)(subject(training=training, opponent=memory), tmp_path)["verdict"]
    assert "cannot be told" in alone


def test_features_that_hold_the_class_are_perfect_where_untrained_ones_and_pixels_are_not(tmp_path):
    """The class is whether the first two pixels are alike, which is no linear function of the pixels."""
    images = pictures(400, 3) // 128 * 255
    labels = (images[:, 0, 0, 0] == images[:, 0, 0, 1]).long()
    torch.manual_seed(0)
    knows = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), nn.ReLU())
    knows[0].weight.data = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).view(2, 1, 1, 2)
    knows[0].bias.data.fill_(-1)
    blind = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    looked_at = subject(
        training=table(images, labels),
        opponent=Opponent(knows, lambda images, labels: knows(images)),
        untrained=lambda seed: Opponent(blind, lambda images, labels: blind(images)),
    )
    figures = LinearProbe(labels=[200], seeds=2)(looked_at, tmp_path)
    accuracy = {name: each["200 labels"]["mean"] for name, each in figures["accuracy"].items()}
    assert accuracy["discriminator"] > 0.9
    assert max(accuracy["raw pixels"], accuracy["an untrained one"]) < 0.7
    assert "above raw pixels with 200 labels" in figures["verdict"]


def test_labels_that_are_missing_and_networks_without_maps_are_said():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    mapped = Opponent(network, lambda images, labels: network(images))
    assert "no labels" in LinearProbe().reason_against(subject(opponent=mapped))
    assert "no feature maps" in LinearProbe().reason_against(subject(opponent=opponent(lambda images: images)))
    assert "no feature maps" in Filters().reason_against(subject(opponent=opponent(lambda images: images)))
    assert "no convolutions" in FeatureAblation().reason_against(subject())
    assert "has no discriminator" in EquilibriumAnalysis().reason_against(subject())


def test_a_generator_of_its_training_images_has_their_spectrum_and_one_of_noise_has_not(tmp_path):
    smooth = nn.functional.avg_pool2d(pictures(500, 4).float(), 3, 1, 1).round().to(torch.uint8)
    images = to_signed_unit(smooth)

    class Drawn(nn.Module):
        def __init__(self, kept):
            super().__init__()
            self.register_buffer("kept", kept)

        def forward(self, noise):
            return self.kept[(noise.abs().sum(1) * 1e4).long() % len(self.kept)]

    same, other = (
        SpectrumAnalysis(400)(subject(Drawn(kept), training=smooth, held_out=smooth), tmp_path)
        for kept in (images, torch.rand(500, 1, 4, 4, generator=rng(5)) * 2 - 1)
    )
    assert same["fake_distance_db"] < 1 < other["fake_distance_db"]
    assert same["held_out_distance_db"] < 1


def test_directions_change_images_more_than_random_ones_do(tmp_path):
    looked_at = subject()
    looked_at.generator.map.weight.data[:, 0] *= 5
    figures = LatentDirections(directions=2, steps=3)(looked_at, tmp_path)
    assert figures["ratio_of_the_first"] > 1.5
    assert (tmp_path / "direction_2.png").is_file()
