"""Tiny pictures whose samples can be scored, shared by tests."""

import torch
from torch import nn

from ganexp.callbacks.scores import Scores
from ganexp.data.loading import sample_loader
from ganexp.data.memory import InMemory
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import quantized
from ganexp.metrics.custom import custom
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.scoring import Measurement
from support.tiny import Pictures

SCORED = 70


class Bytes(Pictures):
    """The tiny pictures as uint8, whose samples can be scored."""

    def __init__(self):
        super().__init__()
        self.dataset = InMemory(quantized(self.dataset.images))

    def val_dataloader(self):
        return sample_loader(self.trainer)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {key: to_signed_unit(value) for key, value in batch.items()}


class Halves(nn.Module):
    """The mean of each half of an image."""

    def forward(self, images):
        return torch.stack([images[..., :4].mean((1, 2, 3)), images[..., 4:].mean((1, 2, 3))], 1)


def extract(images, device):
    return custom(images, device, Halves())


def scores(folder, **settings):
    measurements = {"fid_own": Measurement("fid", FrechetDistance, "own"), "left_out": None}
    described = {"data": "pictures", "split": "all"}
    return Scores(str(folder), 24, measurements, {"own": extract}, None, described, **settings)
