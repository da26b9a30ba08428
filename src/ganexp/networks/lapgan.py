"""Networks of LAPGAN: one for each level of a Laplacian pyramid (arXiv 1506.05751, section 3.1).

Layers and kernels are those of the authors' code for CIFAR-10 (facebook/eyescream
cifar/scripts/train_cifar_coarse_to_fine.lua).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.normalization import Normalization
from ganexp.layers.resampling.laplacian import doubled, gaussian_pyramid, pyramid_sizes
from ganexp.networks.conditional import LabelledNoise, LabelledPlane

COARSEST = (4, 7, 8)


class BandGenerator(nn.Module):
    """Noise and the expanded coarser image (N, channels, H, W) to the band (N, channels, H, W) of details to add.

    The noise (N, H * W) is one more channel of the image, and so is the label's embedding with `num_classes`.
    """

    def __init__(
        self,
        channels: int,
        size: ImageSize,
        normalization: Normalization,
        width: int = 64,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.embedding = None if num_classes is None else LabelEmbedding(num_classes, size.pixels)
        inputs = channels + (1 if num_classes is None else 2)
        self.layers = nn.Sequential(
            normalization.hidden(nn.Conv2d(inputs, width, 7, padding=3)),
            nn.ReLU(),
            normalization.hidden(nn.Conv2d(width, width, 7, padding=3)),
            nn.ReLU(),
            normalization.edge(nn.Conv2d(width, channels, 5, padding=2)),
        )

    def forward(self, noise: Tensor, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the band (N, channels, H, W) from noise (N, H * W), an image (N, channels, H, W) and labels (N,)."""
        planes = [noise] if self.embedding is None else [noise, self.embedding(label)]
        output: Tensor = self.layers(torch.cat([*(plane.view(-1, 1, *self.size) for plane in planes), image], 1))
        return output


class BandDiscriminator(nn.Module):
    """Images (N, channels, H, W) of one level to logits (N,).

    The paper adds the band to the expanded coarser image before the first convolution, which is the level's image.
    `zero_padding` is that of both convolutions, 0 in the authors' code. Raises ValueError for images smaller than
    the convolutions then need.
    """

    def __init__(
        self,
        channels: int,
        size: ImageSize,
        normalization: Normalization,
        width: int = 64,
        dropout: float = 0.5,
        zero_padding: int = 2,
    ) -> None:
        super().__init__()
        after = [(side + 4 * zero_padding - 9) // 2 + 1 for side in size]
        if min(after) < 1:
            raise ValueError(
                f"zero_padding={zero_padding}: two convolutions of 5x5 pixels do not fit into a level of {size.text}; "
                "set it to 2"
            )
        self.layers = nn.Sequential(
            normalization.edge(nn.Conv2d(channels, width, 5, padding=zero_padding)),
            nn.ReLU(),
            normalization.hidden(nn.Conv2d(width, width, 5, stride=2, padding=zero_padding)),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            normalization.edge(nn.Linear(width * after[0] * after[1], 1)),
            nn.Flatten(0),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W)."""
        output: Tensor = self.layers(image)
        return output


class Generator(nn.Module):
    """Noise (N, noise_size) to images (N, channels, H, W): the coarsest image, then a band for each doubling.

    `network(latent=…, channels=…, image_size=…)` makes the generator of the coarsest images, whose shorter side is one
    of `smallest`; `width` is the number of channels of the others, the levels' names are their sizes, such as "8" and
    "16". The noise of all levels is one vector: `latent` values of the coarsest, then one for each pixel of each finer
    level. With `num_classes` every level is also given labels. Raises ValueError for an image size that is not one of
    `smallest` doubled once or more, and for other sizes below 1.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        smallest: Sequence[int] = COARSEST,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width)
        first, *finer = pyramid_sizes(image_size, smallest)

        def coarsest(latent: int) -> nn.Module:
            return network(latent=latent, channels=channels, image_size=first)

        self.levels = nn.ModuleDict(
            {str(first): coarsest(latent) if num_classes is None else LabelledNoise(coarsest, latent, num_classes)}
        )
        for size in finer:
            self.levels[str(size)] = BandGenerator(channels, size, normalization, width, num_classes)
        self.noise_sizes = [latent, *(size.pixels for size in finer)]
        self.noise_size = sum(self.noise_sizes)

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, noise_size), and labels (N,) if there are classes."""
        return self.stages(noise, label)[-1]

    def stages(self, noise: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """Return the images of every level, from the coarsest to those that `forward` returns."""
        images: list[Tensor] = []
        for number, part in enumerate(noise.split(self.noise_sizes, 1)):
            images.append(self.level(number, part, doubled(images[-1]) if images else None, label))
        return images

    def level(self, number: int, noise: Tensor, coarser: Tensor | None, label: Tensor | None = None) -> Tensor:
        """Return a level's images from its noise and the expanded images of the level below, None for the coarsest."""
        network = list(self.levels.values())[number]
        labels = () if label is None else (label,)
        images: Tensor = network(noise, *labels) if coarser is None else coarser + network(noise, coarser, *labels)
        return images


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to the logits (N, levels) of their versions at every level, from the coarsest.

    `network(channels=…, image_size=…)` makes the discriminator of the coarsest images. With `num_classes` a label's
    embedding is one more channel of every level's images. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        dropout: float = 0.5,
        zero_padding: int = 2,
        smallest: Sequence[int] = COARSEST,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        sizes = pyramid_sizes(image_size, smallest)

        def made(size: ImageSize, channels: int) -> nn.Module:
            if size == sizes[0]:
                return network(channels=channels, image_size=size)
            return BandDiscriminator(channels, size, normalization, width, dropout, zero_padding)

        def labelled(size: ImageSize) -> nn.Module:
            if num_classes is None:
                return made(size, channels)
            return LabelledPlane(lambda channels: made(size, channels), channels, size, num_classes)

        self.levels = nn.ModuleDict({str(size): labelled(size) for size in sizes})

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Return logits (N, levels) from images (N, channels, H, W), and labels (N,) if there are classes."""
        labels = () if label is None else (label,)
        versions = zip(self.levels.values(), gaussian_pyramid(image, len(self.levels)), strict=True)
        return torch.stack([network(version, *labels) for network, version in versions], 1)
