"""Randomness as a pure function of (seed, purpose, number), so that nothing random needs to be saved."""

import hashlib
import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

BLOCK = 64
CPU = torch.device("cpu")


def derived_seed(seed: int, purpose: str, number: int = 0) -> int:
    """Return a 63-bit seed that depends on the three arguments only."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, number: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh random generator for one purpose at one batch number."""
    return torch.Generator(device).manual_seed(derived_seed(seed, purpose, number))


def seed_layers(seed: int, device: torch.device) -> None:
    """Seed torch's global generators of the CPU and of ``device``, from which layers such as dropout draw."""
    # torch.manual_seed would also queue a call, with a stack trace, for each kind of device that is absent.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def seed_globals(seed: int, device: torch.device = CPU) -> None:
    """Seed the global generators of torch, Python and NumPy, from which user code may draw."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    seed_layers(seed, device)


def blocks(n: int) -> Sequence[Tensor]:
    """Return the indices of ``n`` samples in blocks drawn together, so that no sample depends on ``n``."""
    return torch.arange(n).split(BLOCK) if n else ()
