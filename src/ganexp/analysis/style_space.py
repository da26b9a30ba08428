"""The space of styles of a generator that maps noise to styles, as the noise of a subject (arXiv 1812.04948)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganexp.analysis.subject import Subject
from ganexp.layers.modulation import ModulatedConv2d
from ganexp.noise import Noise

NO_STYLES = "its generator has no styles, into which noise is mapped, as model=stylegan2 has"


@dataclass(frozen=True)
class StyleSpace:
    """The two halves of a generator: ``mapping`` from noise (N, latent) to styles (N, width), and ``synthesis``.

    The latter maps styles of each layer (N, ``layers``, width) to images (N, C, H, W).
    """

    mapping: Callable[[Tensor], Tensor]
    synthesis: nn.Module
    layers: int
    width: int

    def noise(self, noise: Noise, latent: int) -> Noise:
        """Return the distribution of styles of noise of a distribution, on the device of the random generator."""

        def styles(shape: Sequence[int], generator: torch.Generator) -> Tensor:
            return self.mapping(noise((shape[0], latent), generator)).to(generator.device)

        return styles


class SharedStyles(nn.Module):
    """Styles (N, width) that all layers share, to images (N, C, H, W)."""

    def __init__(self, space: StyleSpace) -> None:
        super().__init__()
        self.synthesis = space.synthesis
        self.layers = space.layers

    def forward(self, styles: Tensor) -> Tensor:
        """Return images (N, C, H, W) from styles (N, width)."""
        images: Tensor = self.synthesis(styles[:, None].expand(-1, self.layers, -1))
        return images


class StyleReader(nn.Module):
    """The layers of a generator that read styles: styles (N, width) to the scales of all channels (N, channels)."""

    def __init__(self, synthesis: nn.Module) -> None:
        super().__init__()
        self.synthesis = synthesis

    def forward(self, styles: Tensor) -> Tensor:
        """Return the scales of the channels of all modulated convolutions."""
        scales = [part.affine(styles) for part in self.synthesis.modules() if isinstance(part, ModulatedConv2d)]
        return torch.cat(scales, 1)


def in_style_space(subject: Subject) -> Subject:
    """Return the subject whose noise is the styles, with the same samples; the subject itself if it has no styles."""
    space = subject.styles
    if not isinstance(space, StyleSpace):
        return subject
    return replace(
        subject,
        generator=SharedStyles(space),
        noise=space.noise(subject.noise, subject.latent),
        latent=space.width,
        reader=StyleReader(space.synthesis),
        styles=None,
        # Shared, as they depend on the data alone.
        load_training=lambda: subject.training,
        load_held_out=lambda: subject.held_out,
        load_extractor=lambda _: subject.extractor,
        truncated=lambda threshold: in_style_space(subject.truncated(threshold)),
    )
