"""Adaptive pseudo augmentation: fakes take the place of real images, as often as p says, with the right labels."""

import pytest
import torch

from ganexp.augmentation.adaptive import AdaptiveAugmentation
from ganexp.augmentation.pseudo import AdaptivePseudoAugmentation
from ganexp.config.build import build
from ganexp.errors import UserError
from support.games import batch_of, played, tiny_with
from support.stand_in_trainer import StandInTrainer

REAL, FAKE = torch.zeros(4000, 1, 2, 2), torch.ones(4000, 1, 2, 2)


def draw(n, sample):
    return sample(n, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_share_p_of_whole_images_is_replaced(p):
    shown = AdaptivePseudoAugmentation(p).with_pseudo_labels(REAL, lambda: FAKE, draw)
    assert ((shown == 0).all((1, 2, 3)) | (shown == 1).all((1, 2, 3))).all()
    assert shown.mean().item() == pytest.approx(p, abs=0.03)


def test_images_themselves_are_not_transformed():
    assert AdaptivePseudoAugmentation(1.0)(REAL, draw) is REAL


def test_p_adapts_as_adas_does():
    pseudo, ada = AdaptivePseudoAugmentation(images_to_full=1000), AdaptiveAugmentation(images_to_full=1000)
    rng = torch.Generator().manual_seed(1)
    for step in range(40):
        logits = torch.randn(8, generator=rng) + (2 if step < 30 else -2)
        for augmentation in (pseudo, ada):
            augmentation.observe(logits, 8)
        assert pseudo.p == ada.p
    assert 0 < pseudo.p < 1


@pytest.mark.parametrize("setting", [{"p": 1.5}, {"target": 2.0}, {"images_to_full": 0}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(UserError, match=f"augmentation.{next(iter(setting))}"):
        AdaptivePseudoAugmentation(**setting)


def test_at_p_0_a_game_is_played_as_without():
    plain, pseudo = (played(tiny_with("dcgan_small", {}, augmentation=name), 1) for name in ("none", "apa"))
    for weight, other in zip(plain.discriminator.parameters(), pseudo.discriminator.parameters(), strict=True):
        assert torch.equal(weight, other)


def test_pseudo_real_images_have_the_real_ones_labels():
    config = tiny_with("cdcgan", {"augmentation.p": 1.0}, augmentation="apa")
    torch.manual_seed(0)
    game = build(config.model)
    game._trainer = StandInTrainer(game)
    labels = []
    game.generator.register_forward_pre_hook(lambda _, inputs: labels.append(inputs[1]))
    batch = batch_of(config)
    game.discriminator_loss(batch)
    assert len(labels) == 2
    assert torch.equal(labels[1], batch["label"])
