"""A tiny game and a function that trains it, shared by tests."""

import lightning as L
import torch
from torch.utils.data import DataLoader

from ganexp import noise, schedules
from ganexp.callbacks.budget import ImageBudget
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.layers import normalization
from ganexp.losses import NonSaturating
from ganexp.networks import dcgan, mlp
from ganexp.variants.gan import GAN

SIZE = 8


class Pictures(L.LightningDataModule):
    """40 random pictures, batches of 8."""

    def __init__(self, dtype=torch.float32, batch_size=8):
        super().__init__()
        self.batch_size = batch_size
        rng = torch.Generator().manual_seed(0)
        self.dataset = InMemory(torch.rand(40, 1, SIZE, SIZE, generator=rng, dtype=dtype) * 2 - 1)
        self.images_per_epoch = 40

    def train_dataloader(self) -> DataLoader:
        return training_loader(self.dataset, self.batch_size, 0, self.trainer)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3, betas=(0.5, 0.999))


def make_gan(norm=normalization.none, optimizer=sgd, schedule=schedules.constant, networks=mlp, cls=GAN, **settings):
    torch.manual_seed(0)
    if networks is mlp:
        generator = mlp.Generator(4, 1, SIZE, norm(), widths=(6,))
        discriminator = mlp.Discriminator(1, SIZE, norm(), widths=(6, 5))
    else:
        generator = dcgan.Generator(4, 1, SIZE, norm(), width=4)
        discriminator = dcgan.Discriminator(1, SIZE, norm(), width=4)
    players = ("discriminator", "generator")
    game = {
        "optimizers": dict.fromkeys(players, optimizer),
        "schedules": dict.fromkeys(players, schedule),
        "images": 1_000,
        "seed": 3,
    }
    return cls(
        generator=generator,
        discriminator=discriminator,
        loss=NonSaturating(),
        noise=noise.normal,
        latent=4,
        **{**game, **settings},
    )


QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "max_epochs": -1,
    "use_distributed_sampler": False,
}
"""Settings of a Trainer that trains until a callback ends it, and writes nothing."""


def fit(module, batches, callbacks=(), ckpt_path=None, data=None, **trainer):
    budget = ImageBudget(batches * 8)
    trainer = L.Trainer(**{**QUIET, **trainer}, callbacks=[budget, *callbacks])
    trainer.fit(module, datamodule=data or Pictures(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items() if isinstance(tensor, torch.Tensor)}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
