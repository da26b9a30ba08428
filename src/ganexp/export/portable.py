"""The network of a run that is exported, with its inputs, its outputs and a description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.errors import UserError
from ganexp.export.conversion import converted, dropouts, without_dropout
from ganexp.export.heads import DiscriminatorHead, EncoderHead, Head, SampleHead, StyleHead, TranslationHead
from ganexp.export.inputs import (
    SIGNED_UNIT,
    condition_input,
    image_input,
    noise_input,
    style_truncation_input,
    truncation_input,
)
from ganexp.export.ports import BATCH, HEIGHT, WIDTH, Input, Port
from ganexp.image_size import ImageSize
from ganexp.layers.standing_statistics import batch_norms
from ganexp.metrics.extractor import qualified_name
from ganexp.networks.autoencoder import Autoencoder
from ganexp.noise import is_normal
from ganexp.numerics.randomness import generator as rng
from ganexp.variants.samplers.base import describe_weights
from ganexp.variants.samplers.styles import StyleSampler

LOGITS = ("logits", "larger: more likely real")
CLASS_LOGITS = ("class_logits", "logits of the classes")


@dataclass(frozen=True)
class Portable:
    """A network in evaluation mode on the CPU, called by the names of its inputs.

    Height and width, where they are not fixed, are multiples of ``multiple``; ``size`` is that of the training images.
    ``facts`` describe it in values that JSON has.
    """

    head: Head
    inputs: list[Input]
    outputs: list[Port]
    facts: Mapping[str, Any]
    size: int | Sequence[int]
    multiple: int = 1

    @property
    def network(self) -> nn.Module:
        """The network itself, whose weights are those of the run."""
        network: nn.Module = self.head.network
        return network

    def example(self, number: int, batch: int = 2, taller: int = 0, wider: int = 0) -> dict[str, Tensor]:
        """Return inputs by name, a function of ``number``; sides that are free are longer by so many multiples."""
        height, width = ImageSize.of(self.size)
        sizes = {
            BATCH: batch,
            HEIGHT: height + taller * self.multiple,
            WIDTH: width + wider * self.multiple,
        }
        return {
            source.port.name: source.example(sizes, rng(number, f"export {source.port.name}")) for source in self.inputs
        }

    def plain(self) -> nn.Module:
        """Return the network as a copy of plain layers, for exporters."""
        return converted(self.head, lambda head: head(**self.example(0)))


def portable_generator(model: Any, truncation: bool | None) -> Portable:
    """Return the generator of noise that draws a model's samples.

    It has an input for truncation if ``truncation`` is true, by default if that changes nothing else: batch norms of
    truncated samples have standing statistics (arXiv 1809.11096). Raises UserError if the noise cannot be truncated.
    """
    sampler = model.sampler
    if isinstance(sampler, StyleSampler):
        return portable_styles(model, sampler, truncation is not False)
    if truncation and not is_normal(sampler.noise):
        raise UserError("truncation=true: this model's noise is not normal and has no tails to cut off; leave it out")
    if truncation is None:
        truncation = is_normal(sampler.noise) and (sampler.has_standing_statistics or not batch_norms(sampler.weights))
    if truncation:
        sampler.standing_statistics = True
    # Samples need no encoder.
    decoder = sampler.network.network if isinstance(sampler.network, Autoencoder) else sampler.network
    head = SampleHead(decoder).eval()
    averaged = describe_weights(sampler.average)["batch_norm"]
    statistics = "standing statistics" if sampler.has_standing_statistics else averaged
    truncations = [truncation_input()] if truncation else []
    return _portable_samples(model, head, truncations, statistics if batch_norms(head) else "none")


def portable_styles(model: Any, sampler: StyleSampler, truncation: bool) -> Portable:
    """Return a generator with styles and constant noise inputs, and with an input for ``truncation`` of the styles."""
    truncations = [style_truncation_input()] if truncation else []
    return _portable_samples(model, StyleHead(sampler.network).eval(), truncations, "none")


def _portable_samples(model: Any, head: Head, truncations: list[Input], batch_norm: str) -> Portable:
    """Return the generator of a head that takes noise, labels if the model has any, and these inputs."""
    sampler = model.sampler
    labels = [condition_input(model)] if hasattr(model, "num_classes") else []
    inputs = [noise_input(sampler.noise, sampler.latent), *labels, *truncations]
    shape = output_shapes(head, inputs)[0]
    facts = {**describe_weights(sampler.average), "batch_norm": batch_norm, "dropout": "none"}
    return Portable(head, inputs, [Port("sample", (BATCH, *shape), SIGNED_UNIT)], facts, shape[-2:])


def portable_translator(
    model: Any,
    direction: str,
    channels: int,
    image_size: int | Sequence[int],
    dropout: bool,
    made_channels: int | None = None,
) -> Portable:
    """Return the translator of a direction for images (N, channels, H, W), trained on images of a size.

    Translations have ``made_channels``, None being channels. Dropout that stays on in evaluation has a fixed mask, for
    images of that size; without ``dropout`` it is off, and height and width are free.
    """
    network = model.translator(direction)
    drops = bool(dropouts(network))
    if drops and not dropout:
        network = without_dropout(network)
    fixed = drops and dropout
    size = ImageSize.of(image_size)
    height, width = size if fixed else (HEIGHT, WIDTH)
    shape = (BATCH, channels, height, width)
    multiple = int(network.multiple)
    sizes = "" if fixed else f"; height and width are multiples of {multiple}"
    weights = describe_weights(model.average)
    masks = f"on, with one mask for all images, of {size.text} alone" if fixed else "off" if drops else "none"
    facts = {**weights, "batch_norm": weights["batch_norm"] if batch_norms(network) else "none", "dropout": masks}
    return Portable(
        TranslationHead(network).eval(),
        [image_input("image", shape, SIGNED_UNIT + sizes)],
        [Port("translation", (BATCH, made_channels or channels, height, width), SIGNED_UNIT)],
        facts,
        size,
        multiple,
    )


def portable_encoder(model: Any, channels: int, image_size: int | Sequence[int]) -> Portable:
    """Return the encoder of images (N, channels, H, W) of a size to the generator's noise, averaged like it."""
    size = ImageSize.of(image_size)
    head = EncoderHead(model.encoding_network).eval()
    weights = describe_weights(model.sampler.average)
    facts = {**weights, "batch_norm": weights["batch_norm"] if batch_norms(head) else "none", "dropout": "none"}
    inputs = [image_input("image", (BATCH, channels, *size), SIGNED_UNIT)]
    return Portable(head, inputs, [Port("noise", (BATCH, model.latent), "the generator's input")], facts, size)


def portable_discriminator(
    model: Any,
    network: nn.Module,
    channels: int,
    image_size: int | Sequence[int],
    input_channels: int | None = None,
) -> Portable:
    """Return a discriminator of images (N, channels, H, W) of a size.

    One of translations is also given what was translated, (N, input_channels, H, W); None: as many as channels.

    Raises UserError for one whose second input is neither labels, an image nor the latent of one.
    """
    size = ImageSize.of(image_size)
    shape = (BATCH, channels, *size)
    inputs = [image_input("image", shape, SIGNED_UNIT)]
    needed = needed_inputs(network)
    if hasattr(model, "num_classes"):
        if is_given_labels(model, network, inputs[0].example({BATCH: 2}, rng(0, "export shape"))):
            inputs.append(condition_input(model))
    elif needed == 2 and hasattr(model, "translator"):
        given = (BATCH, input_channels or channels, *size)
        inputs.append(image_input("input", given, f"{SIGNED_UNIT}; the image that `image` is a translation of"))
    elif needed == 2 and hasattr(model, "encode"):
        inputs.append(noise_input(model.sampler.noise, model.sampler.latent))
    elif needed != 1:
        raise UserError(
            f"network=discriminator: {qualified_name(type(network))} takes {needed} inputs; only an image, and with it "
            "labels, a latent or an input image, can be exported"
        )
    head = DiscriminatorHead(network).eval()
    shapes = output_shapes(head, inputs)
    outputs = [
        Port(name, (BATCH, *rest), meaning)
        for (name, meaning), rest in zip((LOGITS, getattr(model, "head", CLASS_LOGITS)), shapes, strict=False)
    ]
    norm = "running statistics" if batch_norms(network) else "none"
    return Portable(head, inputs, outputs, {"weights": "discriminator", "batch_norm": norm, "dropout": "none"}, size)


def is_given_labels(model: Any, network: nn.Module, image: Tensor) -> bool:
    """Return whether a model passes the labels of images (N, C, H, W) on to its discriminator."""
    given: list[int] = []
    hook = network.register_forward_pre_hook(lambda module, inputs: given.append(len(inputs)))
    try:
        with torch.no_grad():
            model.critic(condition_input(model).example({BATCH: len(image)}, rng(0, "export labels")))(image)
    finally:
        hook.remove()
    return given[-1] == 2


def needed_inputs(network: nn.Module) -> int:
    """Return the number of inputs that a network's forward pass needs."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature(network.forward).parameters.values()
    return sum(parameter.kind in kinds and parameter.default is Parameter.empty for parameter in parameters)


@torch.no_grad()
def output_shapes(head: nn.Module, inputs: list[Input]) -> list[tuple[int, ...]]:
    """Return the shape of each output without the batch's size."""
    outputs = as_tuple(
        head(**{source.port.name: source.example({BATCH: 2}, rng(0, "export shape")) for source in inputs})
    )
    return [tuple(output.shape[1:]) for output in outputs]


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """Return a network's outputs as a tuple, whether there is one or more."""
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
