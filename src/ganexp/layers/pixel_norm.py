"""Pixelwise feature vector normalization (arXiv 1710.10196, section 4.2)."""

from torch import Tensor, nn

from ganexp.numerics.gradients import promote_to_float32

EPSILON = 1e-8


class PixelNorm(nn.Module):
    """Divides the features of every pixel by their root mean square; it has no parameters.

    The mean is taken in float32 or better.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return features (N, C, …) of mean square 1 over C, from features of that shape."""
        wide = promote_to_float32(features)
        scale = (wide.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        return (wide * scale).to(features.dtype)
