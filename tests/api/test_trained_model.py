"""Trained models in Python: what the commands write, bit for bit, and one line for mistakes."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import ganexp as package
from ganexp.api.trained_model import TrainedModel
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import quantized
from ganexp.errors import UserError
from ganexp.numerics.flags import full_precision
from ganexp.runs.model import truncate
from support.tiny import make_gan, same, state
from support.translations import make

QUICK = """
import sys
import ganexp
from ganexp.errors import UserError
dir(ganexp)
light = {"numpy", "torch", "lightning", "hydra", "omegaconf", "yaml"} & set(sys.modules)
assert not light, light
for mistake in (lambda: ganexp.load("nowhere"), lambda: ganexp.compose(["modle=gan"]), lambda: ganexp.train(["-m"])):
    try:
        mistake()
    except UserError:
        continue
    raise AssertionError
heavy = {"torch", "lightning"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def model(finished):
    return package.load(finished)


def around(game, **config):
    """Return a game as a trained model, without a run."""
    return TrainedModel(Path("run"), game.eval(), OmegaConf.create(config), [])


def pixels(path):
    return torch.from_numpy(np.array(Image.open(path)))


def test_samples_are_those_of_the_command(finished, model, ganexp):
    assert ganexp("sample", f"run={finished}", "out=drawn", "n=3", "seed=5", "labels=[7,2]").status == 0
    samples = model.sample(3, seed=5, labels=[7, 2])
    assert samples.shape == (3, 1, 8, 8)
    assert samples.dtype == torch.float32
    assert samples.abs().max() <= 1
    for number, sample in enumerate(samples):
        assert torch.equal(quantized(sample)[0], pixels(f"drawn/{number:05d}.png"))


def test_a_sample_depends_on_its_number_and_the_seed_alone(model):
    assert torch.equal(model.sample(70, seed=1)[:3], model.sample(3, seed=1))
    assert not torch.equal(model.sample(3, seed=1), model.sample(3, seed=2))


def test_truncation_is_that_of_the_command_and_does_not_last():
    first, second = (make_gan() for _ in range(2))
    model = around(first)
    whole = model.sample(5)
    cut = model.sample(5, truncation=0.5)
    truncate(second.eval(), 0.5)
    with full_precision():
        assert torch.equal(cut, second.sample(5, 0))
    assert not torch.equal(cut, whole)
    assert torch.equal(model.sample(5), whole)


def test_networks_configuration_and_scores_are_those_of_the_run(finished, model):
    weights = torch.load(finished / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, network in (("average.network", model.generator), ("discriminator", model.discriminator)):
        assert same(
            state(network),
            {key.removeprefix(f"{name}."): weights[key] for key in weights if key.startswith(f"{name}.")},
        )
    assert not model.generator.training
    saved = OmegaConf.load(finished / "config.yaml")
    assert model.config.model.loss == saved.loss
    assert model.config.images == saved.images
    assert model.scores == []
    assert repr(model) == f"TrainedModel(folder={finished!r})"


@pytest.mark.parametrize("size", [(8, 8), (9, 13)])
def test_translations_are_those_of_the_command(size, tmp_path):
    from ganexp.generation.translate import translate

    game = make("pix2pix")
    image = torch.randint(256, (1, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    model = around(game, data={"channels": 1, "direction": "b2a"})
    translated = model.translate(to_signed_unit(image)[None])
    assert translated.shape == (1, 1, *size)
    expected = np.array(translate(game.translate, image, game.multiple, 1024))
    assert np.array_equal(quantized(translated)[0, 0].numpy(), expected)
    assert torch.equal(model.translate(to_signed_unit(image)[None], "b2a"), translated)
    assert model.generator is game.translator("a2b")


IMAGES = torch.zeros(2, 1, 8, 8)
MISTAKES = {
    "n=0: it must be 1 or more": lambda model, _: model.sample(0),
    "labels=[11]: this model has the classes 0 to 9": lambda model, _: model.sample(1, labels=[11]),
    "this model's noise is not normal": lambda model, _: model.sample(1, truncation=0.5),
    "draws images from noise": lambda model, _: model.translate(IMAGES),
    "use translate(images)": lambda _, translator: translator.sample(1),
    "these are torch.uint8: pixels in 0..255 are scaled": lambda _, t: t.translate(IMAGES.byte()),
    "these are (1, 8, 8)": lambda _, translator: translator.translate(IMAGES[0]),
    "these are (2, 3, 8, 8)": lambda _, translator: translator.translate(IMAGES.expand(-1, 3, -1, -1)),
    "these are in [0, 2]": lambda _, translator: translator.translate(torch.linspace(0, 2, 64).view(1, 1, 8, 8)),
    "direction=b2a: the run's model translates only a2b": lambda _, translator: translator.translate(IMAGES, "b2a"),
    "nowhere is not a run's folder: it has no config.yaml; nor is it": lambda *_: package.load("nowhere"),
    "owner/name": lambda *_: package.load("hf://owner"),
    "leave it out": lambda *_: package.load("hf://owner/name", checkpoint="best"),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_an_exception_of_one_line(message, model):
    translator = around(make("pix2pix"), data={"channels": 1})
    with pytest.raises(UserError) as raised:
        MISTAKES[message](model, translator)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_run_without_the_checkpoint_is_refused(finished):
    with pytest.raises(UserError, match=r"best\.ckpt is missing; there are: last"):
        package.load(finished, checkpoint="best")


def test_nothing_is_imported_before_it_is_used():
    ended = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_names_of_the_package_are_there_and_typed():
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text())
    typed = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="has no attribute 'sampel'"):
        _ = package.sampel
