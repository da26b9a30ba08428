"""Sampling from a generator with styles: truncation of the styles and noise inputs (arXiv 1912.04958)."""

import math
from typing import Any, Unpack, cast

import torch
from torch import Tensor, nn

from ganexp.networks.stylegan2 import StyledGenerator, TruncatedGenerator
from ganexp.noise import normal, numbered
from ganexp.variants.samplers.base import ConditionalSampler, Sampler, SamplerSettings


class StyleSampler(Sampler):
    """Draws images from a generator of noise whose styles truncation pulls towards their mean.

    Noise inputs are the constant ones of the network or, with ``random_noise_inputs``, drawn anew for each sample of
    `sample` and of the scores, as a function of its number.
    """

    def __init__(self, random_noise_inputs: bool, **sampler: Unpack[SamplerSettings]) -> None:
        super().__init__(**sampler)
        self.random_noise_inputs = random_noise_inputs

    @property
    def network(self) -> nn.Module:
        """The network that draws samples: the moving average where there is one, truncated if that is asked for."""
        return self.weights if self.truncation is None else TruncatedGenerator(self.weights, self.truncation)

    @property
    def styled(self) -> StyledGenerator:
        """The network whose weights samples have, of which mapping and synthesis are called apart."""
        return cast(StyledGenerator, self.weights)

    @torch.no_grad()
    def styles(self, noise: Tensor, *condition: Tensor) -> Tensor:
        """Return the styles (N, style) of noise (N, latent) and possibly labels, truncated if that is asked for."""
        mapping = self.styled.mapping
        styles: Tensor = mapping(noise.to(mapping.mean), *(labels.to(mapping.mean.device) for labels in condition))
        return styles if self.truncation is None else mapping.truncated(styles, self.truncation)

    def drawn(self, numbers: Tensor, seed: int, *inputs: Tensor) -> Tensor:
        """Return the images of samples with these numbers (B,), given their noise and possibly labels."""
        if not self.random_noise_inputs:
            return self.generate(*inputs)
        return self.generate(
            *inputs, numbered(normal, self.styled.synthesis.pixels, numbers, seed, "sample noise inputs")
        )

    def truncate(self, threshold: float) -> None:
        """From now on use styles at this share of their distance from the mean (arXiv 1812.04948, appendix B).

        Raises ValueError for a share that is not a finite number above 0.
        """
        if not (math.isfinite(threshold) and threshold > 0):
            raise ValueError(f"truncation={threshold}: it must be a finite number above 0, for example 0.7")
        self.truncation = threshold

    def describe(self, seed: int) -> dict[str, Any]:
        """Return how samples are drawn, for the protocol of a score."""
        return {**super().describe(seed), "noise_inputs": "random" if self.random_noise_inputs else "constant"}


class ConditionalStyleSampler(StyleSampler, ConditionalSampler):
    """Draws images of given classes from a generator of noise and labels (N,) that has styles."""

    def __init__(self, num_classes: int, random_noise_inputs: bool, **sampler: Unpack[SamplerSettings]) -> None:
        ConditionalSampler.__init__(self, num_classes, **sampler)
        self.random_noise_inputs = random_noise_inputs
