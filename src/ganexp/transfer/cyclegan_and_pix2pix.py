"""Weights of junyanz/pytorch-CycleGAN-and-pix2pix: `latest_net_G.pth`, `latest_net_G_A.pth`, `latest_net_D_A.pth` ….

The names are those of models/networks.py. Its first discriminator, D_A, judges images of the domain b.
"""

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from ganexp.transfer.renaming import Pair, renamed, under, with_halves_exchanged, zeros_like_outputs

Tensors = Mapping[str, Tensor]

RECIPE = (
    "experiment=cyclegan_horse2zebra (residual generator) and model=pix2pix, with normalization=batch "
    "model.generator.image_statistics_at_test=true for its running statistics (U-Net),"
)
ROLES = {
    "G": "generators.a2b",
    "G_A": "generators.a2b",
    "G_B": "generators.b2a",
    "D": "discriminator.network",
    "D_A": "discriminators.b",
    "D_B": "discriminators.a",
}
ROLE = re.compile(r"net_([GD](?:_[AB])?)$")
U_NET, RESIDUAL, PATCH = "model.model.0.weight", "model.1.weight", "model.0.weight"
"""The first convolution of a U-Net, of a residual generator, and of a patch discriminator."""
LAYER_BIAS, NORM = ".layer.bias", ".norm."


def recognizes(tensors: Tensors) -> bool:
    """Return whether tensors have the names of one of that repository's networks."""
    first = next((name for name in (U_NET, RESIDUAL, PATCH) if name in tensors), None)
    return first is not None and tensors[first].ndim == 4 and all(name.startswith("model.") for name in tensors)


def convert(tensors: Tensors, stem: str) -> dict[str, Tensor]:
    """Return the tensors by the names of a game of pix2pix or CycleGAN; ``stem`` is the file's name without suffix.

    A file whose name does not end in net_G, net_G_A … is taken for the generator from a to b, or for the discriminator
    of pairs. Raises LookupError or RuntimeError for tensors of other networks.
    """
    if U_NET in tensors:
        converted, role = u_net(tensors), "G"
    elif RESIDUAL in tensors:
        converted, role = residual_generator(tensors), "G"
    else:
        converted, role = patch_discriminator(tensors), "D"
    named = ROLE.search(stem)
    return under(ROLES[named[1] if named else role], without_idle(converted))


def u_net(tensors: Tensors) -> dict[str, Tensor]:
    """Return the tensors of a U-Net, whose decoder concatenates skip connections in the other order."""
    levels = list(u_net_levels(tensors))
    result = renamed(tensors, [pair for pairs in levels for pair in pairs])
    deepest = len(levels) - 1
    upsampling = ["output.1", *(f"decoder.{position}.1.layer" for position in range(1, deepest))]
    result |= {f"{name}.weight": with_halves_exchanged(result[f"{name}.weight"]) for name in upsampling}
    for name in ("encoder.0", f"encoder.{deepest}.1"):
        result.setdefault(f"{name}.bias", zeros_like_outputs(result[f"{name}.weight"]))
    return result


def u_net_levels(tensors: Tensors) -> Iterator[list[Pair]]:
    """Yield the modules of each level of a U-Net with their counterparts, from the outermost to the innermost."""
    paths = ["model.model", "model.model.1.model"]
    while f"{paths[-1]}.5.weight" in tensors:
        paths.append(f"{paths[-1]}.3.model")
    yield [(f"{paths[0]}.0", "encoder.0"), (f"{paths[0]}.3", "output.1")]
    deepest = len(paths) - 1
    for level, path in enumerate(paths[1:-1], start=1):
        down, up = f"encoder.{level}.1", f"decoder.{deepest - level}.1"
        yield [
            *((f"{path}.1", f"{down}.layer"), (f"{path}.2", f"{down}.norm")),
            *((f"{path}.5", f"{up}.layer"), (f"{path}.6", f"{up}.norm")),
        ]
    innermost = paths[-1]
    yield [
        (f"{innermost}.1", f"encoder.{deepest}.1"),
        (f"{innermost}.3", "decoder.0.1.layer"),
        (f"{innermost}.4", "decoder.0.1.norm"),
    ]


def residual_generator(tensors: Tensors) -> dict[str, Tensor]:
    """Return the tensors of a residual generator."""
    blocks = len({name.split(".")[1] for name in tensors if ".conv_block." in name})
    pairs = normalized([("model.1", "encoder.0.1"), ("model.4", "encoder.1.0"), ("model.7", "encoder.2.0")])
    for number in range(blocks):
        block = f"model.{10 + number}.conv_block"
        # With dropout the second convolution is one place further on.
        second = 6 if f"{block}.6.weight" in tensors and f"{block}.5.weight" not in tensors else 5
        layers = f"blocks.{number}.layers"
        pairs += normalized([(f"{block}.1", f"{layers}.1"), (f"{block}.{second}", f"{layers}.4")])
    after = 10 + blocks
    pairs += normalized([(f"model.{after}", "decoder.0"), (f"model.{after + 3}", "decoder.2")])
    return renamed(tensors, [*pairs, (f"model.{after + 7}", "decoder.5")])


def patch_discriminator(tensors: Tensors) -> dict[str, Tensor]:
    """Return the tensors of a patch discriminator of any number of layers."""
    convolutions = sorted(int(name.split(".")[1]) for name, tensor in tensors.items() if tensor.ndim == 4)
    first, *hidden, last = convolutions
    places = {place: f"layers.{3 * depth + 1}" for depth, place in enumerate(convolutions)}
    pairs = normalized([(f"model.{place}", places[place]) for place in hidden])
    return renamed(tensors, [*pairs, (f"model.{first}", places[first]), (f"model.{last}", places[last])])


def normalized(pairs: list[Pair]) -> list[Pair]:
    """Return convolutions and their counterparts as pairs of the convolution, and of the norm that follows it."""
    return [pair for there, here in pairs for pair in ((there, f"{here}.layer"), (following(there), f"{here}.norm"))]


def following(module: str) -> str:
    """Return the name of the next module of a Sequential."""
    parent, _, place = module.rpartition(".")
    return f"{parent}.{int(place) + 1}"


def without_idle(tensors: Tensors) -> dict[str, Tensor]:
    """Return the tensors without those that have no effect.

    These are biases before a normalization, whose mean takes them away again, and the running statistics of instance
    normalization, which has no gains and biases and is tested with each image's own statistics.
    """
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.endswith(LAYER_BIAS) and (NORM not in name or f"{name.rpartition('.')[0]}.weight" in tensors)
    }
