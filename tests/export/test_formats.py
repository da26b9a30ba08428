"""Every model in every format: the file computes what the model does, or one line says why there is none."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from config.test_configs import GROUPS, TRANSLATING
from ganexp.errors import UserError
from ganexp.export import onnx_file, pt2_file, safetensors_file
from ganexp.export.check import largest_difference
from ganexp.export.export import discriminator_of
from ganexp.export.heads import TranslationHead
from ganexp.export.inputs import image_input
from ganexp.export.portable import (
    Portable,
    portable_discriminator,
    portable_encoder,
    portable_generator,
    portable_translator,
)
from ganexp.export.ports import BATCH, Port
from ganexp.noise import is_normal
from support.games import built, tiny_model

FORMATS = {"safetensors": safetensors_file, "pt2": pt2_file, "onnx": onnx_file}
BOUND = 1e-4


def portables(model):
    """Return a model's networks as they are exported, by name, with every input that they can have."""
    config = tiny_model(model)
    game = built(config).eval()
    channels, side = config.data.channels, config.data.image_size
    direction = "a2b" if model in TRANSLATING else None
    if direction is None:
        networks = {"generator": portable_generator(game, True if is_normal(game.noise) else None)}
    else:
        networks = {
            "generator": portable_translator(game, direction, channels, side, dropout=False),
            "generator with dropout": portable_translator(game, direction, channels, side, dropout=True),
        }
    if hasattr(game, "encode"):
        networks["encoder"] = portable_encoder(game, channels, side)
    if hasattr(game, "discriminator"):
        networks["discriminator"] = portable_discriminator(game, discriminator_of(game, direction), channels, side)
    return networks


def difference(portable, form, folder):
    path = folder / f"network.{form}"
    FORMATS[form].write(portable, {"network": "generator"}, path)
    return largest_difference(portable, FORMATS[form].read(portable, path))


def require(form):
    for package in {"onnx": ["onnx", "onnxscript", "onnxruntime"], "safetensors": ["safetensors"]}.get(form, []):
        pytest.importorskip(package)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("model", GROUPS["model"])
def test_every_network_of_every_model_is_exported(model, form, tmp_path):
    require(form)
    differences = {name: difference(portable, form, tmp_path) for name, portable in portables(model).items()}
    assert max(differences.values()) <= BOUND, differences


@pytest.mark.slow
def test_a_translator_of_any_size_as_a_program(tmp_path):
    # Its innermost map is a single pixel for images of the training size.
    portable = portables("unet_l1")["generator"]
    assert portable.any_size
    assert difference(portable, "pt2", tmp_path) <= BOUND


@pytest.mark.slow
def test_free_sizes_have_names_in_onnx(tmp_path):
    require("onnx")
    import onnxruntime

    portable = portables("unet_l1")["generator"]
    onnx_file.write(portable, {}, tmp_path / "x.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    (images,), (translations,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.shape) == ("image", ["batch", 1, "height", "width"])
    assert (translations.name, translations.shape) == ("translation", ["batch", 1, "height", "width"])
    assert largest_difference(portable, onnx_file.read(portable, tmp_path / "x.onnx")) <= BOUND


@pytest.mark.slow
def test_an_operator_that_onnx_lacks_is_named_with_its_layer(tmp_path):
    require("onnx")

    class Bessel(nn.Module):
        def forward(self, maps):
            return torch.special.bessel_j1(maps)

    network = nn.Sequential(OrderedDict(layers=nn.Sequential(nn.Conv2d(1, 1, 1), Bessel())))
    shape = (BATCH, 1, 4, 4)
    portable = Portable(TranslationHead(network), [image_input("image", shape, "")], [Port("y", shape, "")], {}, 4)
    with pytest.raises(UserError, match=r"^ONNX has no operator for aten\.special_bessel_j1 in layers\.1: choose"):
        onnx_file.write(portable, {}, tmp_path / "x.onnx")


def test_code_that_fixes_the_batch_size_is_one_line(tmp_path):
    class Fixed(nn.Module):
        def forward(self, maps):
            return maps.reshape(len(maps), -1)

    shape = (BATCH, 1, 4, 4)
    portable = Portable(TranslationHead(Fixed()), [image_input("image", shape, "")], [Port("y", shape, "")], {}, 4)
    with pytest.raises(UserError, match=r"cannot be traced by torch\.export.*use x\.shape\[0\]"):
        pt2_file.write(portable, {}, tmp_path / "x.pt2")
