"""Bi-layer generator of head avatars (arXiv 2008.10174, section 3.2)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, relu

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.conditional_normalization import by_vector
from ganexp.layers.initialization import dcgan_normal_, weight_init
from ganexp.layers.landmarks import positions
from ganexp.layers.normalization import Normalization
from ganexp.layers.resampling.warping import warped
from ganexp.layers.residual import UpBlock
from ganexp.layers.resolution import step_widths

SMALLEST = 4
"""The smallest side of the first map that is doubled."""


class Avatar(NamedTuple):
    """What is computed once for a person: an embedding (N, E), and a texture (N, C, H, W) before its tanh."""

    embedding: Tensor
    texture: Tensor


class BiLayer(NamedTuple):
    """A picture's two layers (N, C, H, W) before their tanh, and the offsets (N, 2, H, W) of the texture."""

    low_frequency: Tensor
    high_frequency: Tensor
    offsets: Tensor

    def picture(self) -> Tensor:
        """Return the picture (N, C, H, W) in [-1, 1] of both layers."""
        return torch.tanh(self.low_frequency + self.high_frequency)


class Generator(nn.Module):
    """Pictures with landmarks (N, input_channels, H, W) in [-1, 1] to the person in the landmarks' pose (N, C, H, W).

    The last `landmarks` channels of an input show one landmark of the target each, and the others the person, with the
    drawing of its own landmarks. The person is embedded once, and a texture decoded (`avatar`). The pose network turns
    landmarks into a picture of low frequency and a field of offsets, by which the texture is warped and added
    (`drive`). The normalizations of both decoders are scaled and shifted by functions of the embedding. H and W are
    multiples of `multiple`, and `image_size` is the size in training, whose smallest map is of at least 4 pixels.
    `width` is the number of channels of the largest maps and doubles with each halving up to `max_width`.

    Unlike in the authors' code the layers are added before the tanh, so that pictures stay within [-1, 1]; there is no
    mask of the foreground, and the texture is decoded from the embedder's maps instead of from a constant.
    Raises ValueError for sizes that cannot be halved to maps of 4 pixels or more, and for other sizes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        landmarks: int = 0,
        input_channels: int | None = None,
        width: int = 32,
        max_width: int = 256,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width, max_width=max_width, embedding=embedding)
        size = ImageSize.of(image_size)
        steps = halvings(size)
        self.multiple = 2**steps
        self.landmarks = landmarks
        widths = step_widths(steps + 1, width, max_width)
        start = ImageSize(*(side // self.multiple for side in size))
        of_person = (input_channels or channels) - landmarks
        self.embedder = Embedder(of_person, widths, embedding, normalization)
        self.texture = Decoder(widths, channels, embedding, normalization)
        self.pose = PoseNetwork(landmarks, start, widths, channels, embedding, normalization)

    def forward(self, images: Tensor) -> Tensor:
        """Return the pictures, (N, channels, H, W) in [-1, 1]."""
        return self.layers(images).picture()

    def layers(self, images: Tensor) -> BiLayer:
        """Return the layers of the pictures of inputs (N, input_channels, H, W)."""
        return self.drive(self.avatar(self.person_in(images)), self.landmarks_in(images))

    def person_in(self, images: Tensor) -> Tensor:
        """Return the channels of inputs that show the person, (N, input_channels - landmarks, H, W)."""
        return images[:, : images.shape[1] - self.landmarks]

    def landmarks_in(self, images: Tensor) -> Tensor:
        """Return the landmarks (N, K, 2) in [-1, 1] that inputs show in their last channels."""
        return positions(images[:, images.shape[1] - self.landmarks :]).to(images.dtype)

    def avatar(self, person: Tensor) -> Avatar:
        """Return the avatar of a person's picture and the drawing of its landmarks, (N, C, H, W)."""
        maps, embedding = self.embedder(person)
        return Avatar(embedding, self.texture(maps, embedding))

    def drive(self, avatar: Avatar, landmarks: Tensor) -> BiLayer:
        """Return the layers of an avatar in the pose of landmarks (N, K, 2) in [-1, 1]."""
        height, width = avatar.texture.shape[2:]
        start = height // self.multiple, width // self.multiple
        low_frequency, offsets = self.pose(landmarks, avatar.embedding, start)
        return BiLayer(low_frequency, warped(avatar.texture, offsets), offsets)


class Embedder(nn.Module):
    """Pictures (N, inputs, H, W) to maps (N, widths[-1], H / m, W / m) and their embedding (N, size).

    Its activations are not normalized, as in the authors' code: what is the same all over a picture, such as a colour
    of the skin, is part of the person.
    """

    def __init__(self, inputs: int, widths: Sequence[int], size: int, normalization: Normalization) -> None:
        super().__init__()
        init_and_normalize = weight_init(nn.init.xavier_uniform_, normalization)
        self.first = init_and_normalize(nn.Conv2d(inputs, widths[0], 3, padding=1))
        self.halvings = nn.ModuleList(
            init_and_normalize(nn.Conv2d(wide, wider, 4, stride=2, padding=1)) for wide, wider in pairwise(widths)
        )
        self.last = init_and_normalize(nn.Linear(widths[-1], size))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps and the embedding."""
        maps = leaky_relu(self.first(images), 0.2)
        for halving in self.halvings:
            maps = leaky_relu(halving(maps), 0.2)
        embedding: Tensor = self.last(maps.mean((2, 3)))
        return maps, embedding


class Decoder(nn.Module):
    """Maps (N, widths[-1], h, w) to maps (N, outputs, H, W), with norms conditional on embeddings (N, size)."""

    def __init__(self, widths: Sequence[int], outputs: int, size: int, normalization: Normalization) -> None:
        super().__init__()
        init_and_normalize = weight_init(nn.init.xavier_uniform_, normalization)

        def norm(wide: int) -> nn.Module:
            return by_vector(normalization.maps(wide, affine=False), wide, size, init_and_normalize)

        self.blocks = nn.ModuleList(
            UpBlock(wider, wide, norm, init_and_normalize) for wider, wide in pairwise(reversed(widths))
        )
        self.norm = norm(widths[0])
        self.output = weight_init(dcgan_normal_, normalization)(nn.Conv2d(widths[0], outputs, 3, padding=1))

    def forward(self, maps: Tensor, embedding: Tensor) -> Tensor:
        """Return the decoded maps."""
        for block in self.blocks:
            maps = block(maps, embedding)
        output: Tensor = self.output(relu(self.norm(maps, embedding)))
        return output


class PoseNetwork(nn.Module):
    """Landmarks (N, K, 2) and embeddings (N, size) to a picture before its tanh, and offsets within [-1, 1].

    Without landmarks there is one pose.
    """

    def __init__(
        self,
        landmarks: int,
        start: ImageSize,
        widths: Sequence[int],
        channels: int,
        size: int,
        normalization: Normalization,
    ) -> None:
        super().__init__()
        init_and_normalize = weight_init(nn.init.xavier_uniform_, normalization)
        self.channels = channels
        self.start = start
        self.landmarks = landmarks
        self.hidden = init_and_normalize(nn.Linear(max(1, 2 * landmarks), widths[-1]))
        self.first = init_and_normalize(nn.Linear(widths[-1], widths[-1] * start.pixels))
        self.decoder = Decoder(widths, channels + 2, size, normalization)

    def forward(self, landmarks: Tensor, embedding: Tensor, start: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return the picture (N, channels, H, W) and the offsets (N, 2, H, W), from a first map of a size."""
        pose = landmarks.flatten(1) if self.landmarks else embedding.new_ones(embedding.shape[0], 1)
        maps = self.first(relu(self.hidden(pose))).unflatten(1, (-1, *self.start))
        # Of another size where the pictures are not those of training.
        output = self.decoder(interpolate(maps, size=start, mode="nearest"), embedding)
        return output[:, : self.channels], torch.tanh(output[:, self.channels :])


def halvings(size: ImageSize) -> int:
    """Return how many times both sides can be halved with maps of at least 4 pixels on each side.

    Raises ValueError if that is not even once.
    """
    times = 0
    while all(side % 2 ** (times + 1) == 0 and side // 2 ** (times + 1) >= SMALLEST for side in size):
        times += 1
    if times == 0:
        near = ImageSize(*(max(2 * SMALLEST, side + side % 2) for side in size))
        raise ValueError(
            f"this network doubles a map of at least {SMALLEST}x{SMALLEST} and cannot make {size.text}: "
            f"set data.image_size to {near.argument} or, for more doublings, to multiples of 32"
        )
    return times
