"""Runs of models with an encoder from the command line."""

import json

import pytest
import torch
from PIL import Image

import ganexp as package
from ganexp.cli import main
from ganexp.errors import UserError
from support.parts import thinned

SLOW = pytest.mark.slow
TINY = ["data.batch_size=8", "images=32", "metric=none", "data.image_size=16"]
DECODER, ENCODER = "model.generator.network.width=4", "model.generator.encoder.width=4"
MODELS = {
    "vae": ["model=vae", "model/likelihood=bernoulli", DECODER, ENCODER],
    "vaegan": ["model=vaegan", "model.generator.width=4", "model.encoder.width=4", "model.discriminator.width=4"],
    "bigan": ["model=bigan", DECODER, ENCODER, "model.discriminator.width=4", "model.discriminator.hidden=8"],
}


@pytest.fixture(scope="module", params=thinned(MODELS, 3))
def run(request, tmp_path_factory):
    """A finished run of each model."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    assert main.main([*MODELS[request.param], *TINY, "normalization=none", f"run_dir={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_grids_have_reconstructions_below_the_samples(run):
    width, height = Image.open(run / "samples" / "latest.png").size
    # Eight rows of samples, a gap, four rows of pairs; small images are enlarged.
    assert height > 1.4 * width


@pytest.mark.slow
def test_a_published_model_encodes_as_its_run(ganexp, here, run, images):
    assert ganexp("publish", f"run={run}", "to=published").status == 0
    model, published = package.load(run), package.load("published")
    latents = model.encode(images)
    assert latents.shape == (3, model.config.model.latent)
    assert torch.equal(latents, published.encode(images))
    torch.testing.assert_close(
        model.game.reconstruct(images).cpu(), model.generator(latents).detach().clamp(-1, 1).cpu()
    )


@pytest.mark.slow
def test_another_run_starts_from_all_its_averaged_weights(ganexp, run, images):
    # Without a step of its own.
    rates = ["optimizer.generator.lr=0", "optimizer.discriminator.lr=0", "ema.decay=0.5"]
    outcome = ganexp(f"init={run}", *overrides(run), *rates, "normalization=none", "run_dir=other")
    assert outcome.status == 0
    (line,) = [line for line in outcome.err.splitlines() + outcome.out.splitlines() if "init: loaded" in line]
    loaded, of = (int(word) for word in line.split("loaded ")[1].split(" tensors")[0].split(" of "))
    assert loaded == of > 10
    assert torch.equal(package.load("other").encode(images), package.load(run).encode(images))


def overrides(run):
    name = json.loads((run / "summary.json").read_text())["command"].split("model=")[1].split()[0]
    return [*MODELS[name], *TINY]


def test_images_of_another_size_or_channels_are_refused(run, images):
    model = package.load(run)
    with pytest.raises(UserError, match="of the model's size, 16x16"):
        model.encode(images[..., :8])
    with pytest.raises(UserError, match=r"\(N, 1, H, W\)"):
        model.encode(images.expand(-1, 3, -1, -1))


@pytest.mark.slow
def test_a_run_is_analyzed_exported_and_verified(ganexp, here, run):
    for analysis in ("reconstruction", "walk", "projection"):
        options = {"projection": ["images=pictures", "steps=0"], "walk": ["pictures=pictures", "steps=2"]}
        (here / "pictures").mkdir(exist_ok=True)
        for shade in (0, 90, 250):
            Image.new("L", (20, 20), shade).save(here / "pictures" / f"{shade}.png")
        outcome = ganexp("analyze", f"run={run}", f"analysis={analysis}", f"out={analysis}", *options.get(analysis, []))
        assert outcome.status == 0, outcome.err
    assert json.loads((here / "reconstruction" / "figures.json").read_text())["figures"]["training"]["psnr"] > 0
    assert ganexp("export", f"run={run}", "out=generator.safetensors").status == 0
    assert ganexp("export", f"run={run}", "network=encoder", "out=encoder.safetensors").status == 0
    assert ganexp("verify", f"run={run}").status == 0


def test_without_an_encoder_there_are_no_latents(ganexp, unlabelled, images):
    complaint = ganexp("export", f"run={unlabelled}", "network=encoder", "out=encoder.safetensors").complaint
    assert complaint == "network=encoder: GAN has none; leave it out"
    with pytest.raises(UserError, match="GAN, has no encoder"):
        package.load(unlabelled).encode(images)


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["model=vae", "penalty=r1"], "the model has no discriminator"),
        (["model=vae", "augmentation=ada"], "the model has no discriminator"),
        (["model=vae", "model.noise._target_=ganexp.noise.uniform"], "standard normal prior"),
        (["model=vae", "model.generator.encoder.channels=3"], "model.generator.encoder.channels=3: the data has"),
        (["model=vaegan", "model.encoder.channels=3"], "model.encoder.channels=3: the data has data.channels=1"),
        pytest.param(
            ["model=vaegan", "model.encoder.latent=3"], "latents of 3 values and the generator takes 64", marks=SLOW
        ),
        pytest.param(["model=vaegan", "model.layer=9"], "model.layer=9: the discriminator has the", marks=SLOW),
        pytest.param(["model=bigan", "data=mosaic"], "the model draws its images from noise", marks=SLOW),
    ],
)
def test_mistakes_are_one_line(ganexp, overrides, complaint):
    assert complaint in ganexp(*overrides, "run_dir=a").complaint
