"""Generators whose every sample is known, as subjects of an analysis."""

import torch
from torch import nn

from ganexp.analysis.subject import HeldOut, Subject
from ganexp.data.memory import InMemory
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import RealImages
from ganexp.noise import normal

SIDE = 4


class Linear(nn.Module):
    """Images that are a linear function of the noise, small enough that none is clipped."""

    def __init__(self, latent=6):
        super().__init__()
        self.map = nn.Linear(latent, SIDE * SIDE, bias=False)
        self.map.weight.data = torch.linalg.qr(torch.randn(SIDE * SIDE, latent, generator=rng()))[0] * 0.1

    def forward(self, noise):
        return self.map(noise).view(-1, 1, SIDE, SIDE)


class Pixels(Extractor):
    """Features that are the pixels, and logits that are the first ten of them."""

    def __init__(self):
        super().__init__(nn.Identity(), {"network": "pixels"})

    def outputs(self, images):
        flat = images.flatten(1).float()
        return {"features": flat, "logits": flat[:, :10]}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def table(images, labels=None):
    data = InMemory(images, labels)
    return RealImages(data, data.checksum())


def pictures(n, seed):
    return torch.randint(256, (n, 1, SIDE, SIDE), generator=rng(seed), dtype=torch.uint8)


def subject(generator=None, training=None, held_out=None, latent=6, **settings):
    training = pictures(60, 1) if training is None else training
    others = HeldOut(None, "none") if held_out is None else HeldOut(table(held_out), "others")
    parts = {
        "load_training": lambda: training if isinstance(training, RealImages) else table(training),
        "load_held_out": lambda: others,
        "load_extractor": lambda _: Pixels(),
    }
    return Subject(generator or Linear(latent), normal, latent, **{**parts, **settings})
