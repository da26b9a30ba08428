"""Weights of ajbrock/BigGAN-PyTorch: `G_ema.pth`, `G.pth` and `D.pth` of a class-conditional BigGAN.

The names are those of BigGAN.py and layers.py: of a generator with a shared embedding of labels and noise for
each block (`--G_shared --hier`), with spectral norm, and of its discriminator.
"""

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from ganexp.transfer.renaming import spectrally_normalized, transposed, under

Tensors = Mapping[str, Tensor]

RECIPE = "experiment=biggan_imagenet128"
LEFT_VECTOR = "u0"
GENERATOR = {
    "shared": "embedding",
    "linear": "network.first.0",
    "output_layer.0": "network.last.0",
    "output_layer.2": "network.last.2",
}
DISCRIMINATOR = {"linear": "logit.logit", "embed": "logit.embedding"}
ATTENTION = {"theta": "f", "phi": "g", "g": "h", "o": "v"}
BLOCK = {
    "conv1": "conv1",
    "conv2": "conv2",
    "conv_sc": "shortcut",
    **{f"bn{number}{part}": f"norm{number}{part}" for number in (1, 2) for part in (".gain", ".bias")},
    "bn1": "norm1.norm",
    "bn2": "norm2.norm",
}
FIRST_BLOCK = {"conv1": "residual.0", "conv2": "residual.2", "conv_sc": "shortcut.1"}
DOWN_BLOCK = {"conv1": "residual.2", "conv2": "residual.5", "conv_sc": "shortcut.1"}
STATISTICS = {
    "stored_mean": "running_mean",
    "stored_var": "running_var",
    "running_mean": "running_mean",
    "running_var": "running_var",
}
NESTED_NORM = ".bn"
"""Where `--mybn` and `--cross_replica` keep the statistics of a batch norm."""


def recognizes(tensors: Tensors) -> bool:
    """Return whether tensors have the names of a generator or a discriminator of BigGAN-PyTorch."""
    return "blocks.0.0.conv1.weight" in tensors and "linear.weight" in tensors


def convert(tensors: Tensors, _: str) -> dict[str, Tensor]:
    """Return the tensors by the names of a game of BigGAN.

    Raises KeyError or RuntimeError for tensors of other networks.
    """
    draws = "output_layer.2.weight" in tensors
    modules: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        modules.setdefault(module, {})[part] = tensor
    converted: dict[str, Tensor] = {}
    for module, parts in modules.items():
        name = counterpart(module, draws)
        converted |= under(name, converted_parts(parts, module == "embed"))
    return under("generator" if draws else "discriminator", converted)


def counterpart(module: str, draws: bool) -> str:
    """Return a module's name here; raises KeyError for a module that BigGAN does not have."""
    module = module.removesuffix(NESTED_NORM)
    block = re.fullmatch(r"blocks\.(\d+)\.([01])(?:\.(.+))?", module)
    if block is None:
        return (GENERATOR if draws else DISCRIMINATOR)[module]
    number, part = int(block[1]), block[3]
    if block[2] == "1":
        place = f"network.attentions.{number}" if draws else f"network.layers.{2 * number + 1}"
        return place if part is None else f"{place}.{ATTENTION[part]}"
    if draws:
        return f"network.blocks.{number}.{BLOCK[part]}"
    return f"network.layers.{2 * number}.{(DOWN_BLOCK if number else FIRST_BLOCK)[part]}"


def converted_parts(parts: Tensors, transposes: bool) -> dict[str, Tensor]:
    """Return one module's tensors by their names here; ``transposes`` is for a table that is a linear map here."""
    return dict(renamed_parts(parts, transposes))


def renamed_parts(parts: Tensors, transposes: bool) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, tensor) of one module: weights, spectral vectors, biases, gains and running statistics."""
    if LEFT_VECTOR in parts:
        normalized = spectrally_normalized(parts["weight"], parts[LEFT_VECTOR])
        yield from (transposed(normalized) if transposes else normalized).items()
    elif "weight" in parts:
        yield "weight", parts["weight"].t() if transposes else parts["weight"]
    for name, own in {"bias": "bias", "gain": "weight", "gamma": "gamma", **STATISTICS}.items():
        if name in parts:
            yield own, parts[name]
