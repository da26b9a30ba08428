"""Random bits of a counter: a hash of numbers that gives the same bits on every device, rank and worker."""

import torch
from torch import Tensor

INCREMENT = -0x61C8864680B583EB  # 2^64 divided by the golden ratio, as a signed number
MULTIPLIERS = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)
SHIFTS = (30, 27, 31)


def random_bits(key: int, numbers: Tensor) -> Tensor:
    """Return 64 random bits, int64 of any shape, for each of the numbers, int64, under a key.

    They are the values of SplitMix64 (doi 10.1145/2660193.2660195, figure 17) from the state ``key``, those of number n
    after n + 1 steps, on the device of the numbers.
    """
    bits = (numbers + 1) * INCREMENT + key
    for shift, multiplier in zip(SHIFTS, MULTIPLIERS, strict=False):
        bits = (bits ^ _shifted(bits, shift)) * multiplier
    return bits ^ _shifted(bits, SHIFTS[-1])


def sixteen_bit_numbers(key: int, numbers: Tensor, count: int) -> Tensor:
    """Return ``count`` random integers from 0 to 65,535, int32 (B, count), for each of the numbers, int64 (B,)."""
    # A hash of the number is where its own sequence starts, so that neighbouring numbers' have nothing in common.
    starts = random_bits(key, numbers)[:, None]
    places = torch.arange(-(-count // 4), device=numbers.device)
    bits = random_bits(0, starts + places)
    return bits.view(torch.int16)[:, :count].int() & 0xFFFF


def _shifted(bits: Tensor, shift: int) -> Tensor:
    """Return the bits shifted to the right as unsigned numbers."""
    return (bits >> shift) & ((1 << (64 - shift)) - 1)
