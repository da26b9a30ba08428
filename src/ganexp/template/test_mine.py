"""Tests of the networks, the loss and the game: ``python -m pytest``."""

from pathlib import Path

import pytest
import torch

from ganexp.cli.main import main
from ganexp.losses import NonSaturating
from mine.data import shapes
from mine.games import mode_seeking
from mine.losses import Smoothed
from mine.networks import Discriminator, Generator

HERE = Path(__file__).parent


@pytest.mark.parametrize("size", [6, 16, 20])
def test_images_have_the_size_of_the_data_and_each_has_a_logit(size: int) -> None:
    images = Generator(latent=8, channels=3, image_size=size)(torch.randn(5, 8))
    assert images.shape == (5, 3, size, size)
    assert images.abs().max() <= 1
    assert Discriminator(channels=3, image_size=size)(images).shape == (5,)


def test_a_size_that_cannot_be_doubled_to_is_refused() -> None:
    with pytest.raises(ValueError, match="image_size=17"):
        Generator(latent=8, channels=3, image_size=17)


def test_with_the_label_1_the_loss_is_the_non_saturating_one() -> None:
    real, fake = torch.randn(2, 7)
    assert torch.equal(Smoothed(label=1).discriminator(real, fake), NonSaturating().discriminator(real, fake))


def test_collapsed_images_cost_more_than_different_ones() -> None:
    noise = torch.randn(4, 8)
    assert mode_seeking(noise, torch.zeros(4, 1, 2, 2)) > mode_seeking(noise, torch.rand(4, 1, 2, 2))


def test_half_of_the_pictures_are_disks() -> None:
    pictures = shapes(count=10, image_size=16)
    assert pictures.images.shape == (10, 16, 16)
    assert pictures.labels.tolist() == [0, 1] * 5


def test_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    small = ["images=256", "trainer=cpu", "scoring.samples=64", "scoring.every=256"]
    assert main(["--config-dir", "conf", "experiment=mine", *small, f"run_dir={tmp_path}"]) == 0
    assert (tmp_path / "samples" / "latest.png").is_file()
