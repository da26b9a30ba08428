"""Reflection padding whose gradient is summed in a fixed order on a GPU where deterministic algorithms are on."""

from torch import Tensor, nn

from ganexp import deterministic


class ReflectionPad2d(nn.ReflectionPad2d):
    """Maps (N, C, H, W) to maps (N, C, top + H + bottom, left + W + right), mirrored about the edge pixels."""

    def forward(self, input: Tensor) -> Tensor:
        """Return padded maps."""
        if deterministic.required(input):
            left, right, top, bottom = self.padding
            return deterministic.reflection_padded(input, left, right, top, bottom)
        return super().forward(input)
