"""Tiny image-to-image games, shared by tests."""

import lightning as L
import torch
from torch.utils.data import DataLoader

from ganexp import schedules
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import quantized
from ganexp.layers import normalization
from ganexp.losses import LeastSquares, NonSaturating
from ganexp.networks import patch, translator, unet
from ganexp.variants.cut import CUT, PatchProjection
from ganexp.variants.cyclegan import CycleGAN
from ganexp.variants.pix2pix import Pix2Pix
from ganexp.variants.regression import Regression
from support.tiny import fit, sgd

SIZE = 8
PLAYERS = ("discriminator", "generator")


class Side(InMemory):
    """The images of one domain."""


class TestPairs:
    """Twelve test images and their mirror images."""

    __test__ = False

    def __init__(self, aligned=True):
        rng = torch.Generator().manual_seed(1)
        images = quantized(torch.rand(12, 1, SIZE, SIZE, generator=rng) * 2 - 1)
        self.inputs, self.targets = Side(images.flip(3)), Side(images)
        self.aligned = aligned

    def __len__(self):
        return len(self.targets)

    def batch(self, numbers):
        inputs, targets = (side.__getitems__(numbers)["image"] for side in (self.inputs, self.targets))
        return {"number": torch.tensor(numbers), "input": inputs, "image": targets}


class Pairs(L.LightningDataModule):
    """40 random images and their mirror images, batches of 8."""

    def __init__(self, dtype=torch.float32, aligned=True):
        super().__init__()
        self.batch_size = 8
        rng = torch.Generator().manual_seed(0)
        self.dataset = InMemory(torch.rand(40, 1, SIZE, SIZE, generator=rng, dtype=dtype) * 2 - 1)
        self.images_per_epoch = 40
        self.test_pairs = TestPairs(aligned)

    def train_dataloader(self):
        return training_loader(self.dataset, self.batch_size, 0, self.trainer)

    def val_dataloader(self):
        batches = [self.test_pairs.batch(list(numbers)) for numbers in (range(5), range(5, 12))]
        return DataLoader(batches, batch_size=None, generator=torch.Generator())

    def examples(self, n):
        return {key: to_signed_unit(value) for key, value in self.test_pairs.batch(list(range(n))).items()}

    def on_after_batch_transfer(self, batch, dataloader_idx):
        batch = {key: to_signed_unit(value) for key, value in batch.items()}
        return {"input": batch["image"].flip(3), **batch}


def make(variant, norm=normalization.none, optimizer=sgd, noise=0.0, cls=None, **settings):
    """Return a tiny game of the variant by its name."""
    torch.manual_seed(0)
    game = {
        "optimizers": dict.fromkeys(PLAYERS, optimizer),
        "schedules": dict.fromkeys(PLAYERS, schedules.constant),
        "images": 1_000,
        "seed": 3,
        "scored_samples": 1,
    }

    def resnet():
        return translator.Generator(1, SIZE, norm(), width=2, blocks=1)

    def judge():
        return patch.Discriminator(1, SIZE, norm(), width=2, layers=1)

    make_unet = {"channels": 1, "image_size": SIZE, "normalization": norm(), "width": 2, "max_width": 4}
    parts = {
        "pix2pix": lambda: {
            "generator": unet.Generator(**make_unet, dropout=noise),
            "discriminator": patch.PairDiscriminator(1, SIZE, norm(), width=2, layers=1),
            "loss": NonSaturating(),
        },
        "unet_l1": lambda: {"generator": unet.Generator(**make_unet, dropout=noise), "loss": NonSaturating()},
        "cyclegan": lambda: {
            "generator": resnet,
            "discriminator": judge,
            "channels": 1,
            "image_size": SIZE,
            "pool": 12,
            "loss": LeastSquares(),
        },
        "cut": lambda: {
            "generator": resnet(),
            "discriminator": judge(),
            "projection": lambda widths: PatchProjection(widths, features=4),
            "patches": 6,
            "loss": LeastSquares(),
        },
    }
    classes = {"pix2pix": Pix2Pix, "unet_l1": Regression, "cyclegan": CycleGAN, "cut": CUT}
    return (cls or classes[variant])(**{**parts[variant](), **game, **settings})


VARIANTS = ("pix2pix", "unet_l1", "cyclegan", "cut")


class Record(L.Callback):
    """Keeps the latest batch."""

    def on_train_batch_end(self, trainer, module, outputs, batch, *_):
        self.batch = batch


def played(module, batches=1):
    """Train for some batches and return the last."""
    record = Record()
    fit(module, batches, [record], data=Pairs(), limit_val_batches=0)
    return record.batch


def require_same_weights(network, other):
    """Fail unless two networks have the same parameters, but for rounding."""
    for (name, weight), expected in zip(network.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, msg=name)
