"""Analyses of a model with an encoder: its codes stand for real pictures."""

import json

import pytest
import torch
from PIL import Image

from analysis.test_arithmetic import Lightness, leaning
from ganexp.analysis.arithmetic import Arithmetic
from ganexp.analysis.projection import Projection
from ganexp.analysis.reconstruction import Reconstruction, active_units, peak_signal_to_noise
from ganexp.analysis.walk import Walk
from ganexp.errors import UserError
from ganexp.numerics.pixels import quantized
from support.subjects import Linear, pictures, rng, subject, table


def inverse(images):
    """Return the noise of images of `Linear`, whose columns are orthogonal and of the length 0.1."""
    return images.flatten(1) @ Linear().map.weight.detach() * 100


def encoding(training=None, **settings):
    return subject(training=training, encoder=inverse, **settings)


@pytest.fixture(scope="module")
def drawn():
    """Images that the generator draws, as floats: bytes would round them."""
    return subject().images(torch.randn(40, 6, generator=rng(5)))


def test_images_of_the_generator_are_reconstructed_and_others_are_not(drawn, tmp_path):
    of = encoding(training=table(drawn), held_out=pictures(20, 7))
    # The table has bytes for images of more depth.
    figures = Reconstruction(images=20, shown=8)(of, tmp_path)
    assert figures["training"]["psnr"] > 45 > 15 > figures["held_out"]["psnr"]
    assert figures["training"]["l1"] < 0.01 < figures["held_out"]["l1"]
    assert figures["training"]["psnr"] > figures["training"]["mean_image_psnr"]
    assert figures["training"]["classes_kept"] > 0.8
    assert (figures["active_units"], figures["latent"]) == (6, 6)
    assert figures["latent_error"] < 1e-8
    # Eight originals beside their reconstructions, in two rows with borders.
    assert Image.open(tmp_path / "reconstruction.png").size == (656, 176)


def test_the_figures_in_closed_form():
    images = torch.zeros(2, 1, 4, 4)
    assert peak_signal_to_noise(images + 0.2, images) == pytest.approx(20)
    codes = torch.randn(500, 5, generator=rng()) * torch.tensor([1.0, 0.5, 0.2, 0.05, 0.0])
    assert active_units(codes) == 3


def test_without_an_encoder_it_does_not_apply(tmp_path):
    assert Reconstruction().reason_against(subject()) == "this model has no encoder"
    assert Arithmetic(encodings=True).reason_against(leaning()) == "encodings=true: this model has no encoder"
    with pytest.raises(UserError, match="has no encoder for a folder of pictures; project them"):
        Walk(pictures=str(tmp_path))._anchors(subject())
    with pytest.raises(UserError, match="this model has no encoder"):
        subject().encodings(pictures(2, 0))


@pytest.fixture
def folder(tmp_path):
    """A folder of three samples."""
    (tmp_path / "pictures").mkdir()
    for name, image in zip("abc", subject().samples(3), strict=True):
        Image.fromarray(image[0].numpy()).save(tmp_path / "pictures" / f"{name}.png")
    return tmp_path / "pictures"


def test_a_walk_leads_through_the_codes_of_a_folder_of_pictures(folder):
    ((through, _),) = Walk(pictures=str(folder))._anchors(encoding())
    # Up to the rounding of the saved pictures.
    assert torch.allclose(through, subject().latents(3), atol=0.1)
    ((chosen, _),) = Walk(pictures=str(folder), anchors=[2, 0])._anchors(encoding())
    assert torch.equal(chosen, through[[2, 0]])


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match=f"pictures={tmp_path}: has no images"):
        Walk(pictures=str(tmp_path))._anchors(encoding())


def test_without_steps_the_projection_is_the_code(folder, tmp_path):
    figures = Projection(str(folder), steps=0)(encoding(), tmp_path)
    latents = torch.tensor(json.loads((tmp_path / "noise.json").read_text())["latents"])
    read = (subject().samples(3).float() / 127.5) - 1
    assert torch.allclose(latents, inverse(read), atol=1e-5)
    assert all(picture["encoding"] == picture["projection"] for picture in figures.values())


def test_steps_from_a_code_do_not_make_it_worse_and_the_encoder_can_be_left_out(folder, tmp_path):
    # An encoder that is wrong by a little.
    of = subject(encoder=lambda images: inverse(images) + 0.3)
    for picture in Projection(str(folder), steps=50, features=0.0)(of, tmp_path).values():
        assert picture["projection"]["pixels"] < 0.5 * picture["encoding"]["pixels"]
    left_out = Projection(str(folder), steps=1, candidates=8, encoder=False)(of, tmp_path)
    assert all("nearest_sample" in picture for picture in left_out.values())


def test_attributes_of_real_images_are_vectors_between_their_codes(tmp_path):
    # The noise of each image can be read from it: its lean and its light.
    noise = torch.randn(300, 3, generator=rng(9))
    images = quantized(leaning().images(noise))
    known = {image.numpy().tobytes(): code for image, code in zip(images, noise, strict=True)}

    def encode(given):
        return torch.stack([known[image.numpy().tobytes()] for image in quantized(given)])

    of = subject(
        leaning().generator, training=table(images), latent=3, encoder=encode, load_extractor=lambda _: Lightness()
    )
    figures = Arithmetic(pool=300, sums=12, shown=1, encodings=True)(of, tmp_path)
    assert figures["share_as_expected"] > 0.75
