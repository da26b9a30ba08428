"""A batch of real images of its own for the generator's turn."""

import pytest
import torch

from ganexp.data.loading import training_loader
from ganexp.errors import UserError
from ganexp.game.batches import rows_of
from ganexp.losses import Relativistic
from ganexp.variants.gan import GAN
from support.tiny import Pictures, adam, fit, make_gan, same, state


class Noting(GAN):
    """Notes the real images of every turn."""

    def discriminator_loss(self, batch):
        self.__dict__.setdefault("seen", []).append(("discriminator", batch["image"]))
        return super().discriminator_loss(batch)

    def generator_loss(self, batch):
        self.__dict__.setdefault("seen", []).append(("generator", batch["image"]))
        return super().generator_loss(batch)


def make(fresh=True, cls=Noting, **settings):
    return make_gan(
        cls=lambda **arguments: cls(**{**arguments, "loss": Relativistic(), "fresh_generator_batch": fresh}),
        optimizer=adam,
        **settings,
    )


def images_of(module, player):
    return torch.cat([images for name, images in module.seen if name == player]).flatten(1)


def test_the_generator_sees_images_that_the_discriminator_has_not_seen_in_the_epoch():
    module = make()
    fit(module, 2, data=Pictures(batch_size=8))
    real, other = images_of(module, "discriminator"), images_of(module, "generator")
    assert len(real) == len(other) == 16
    assert torch.cat([real, other]).unique(dim=0).shape[0] == 32


def test_only_the_discriminators_images_count():
    module = make(images=40)
    fit(module, 4)
    assert (module.images_seen, module.batches_seen) == (32, 4)
    assert module.progress() == 0.8


def test_without_it_both_see_the_same():
    module = make(fresh=False)
    fit(module, 2)
    assert torch.equal(images_of(module, "discriminator"), images_of(module, "generator"))


@pytest.mark.parametrize("first", [1, 4])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, first):
    uninterrupted, stopped, resumed = make(cls=GAN), make(cls=GAN), make(cls=GAN)
    fit(uninterrupted, 7)
    fit(stopped, first).save_checkpoint(tmp_path / "last.ckpt")
    fit(resumed, 7, ckpt_path=tmp_path / "last.ckpt")
    assert same(state(uninterrupted), state(resumed))


def test_the_rows_of_several_batches_alternate_so_that_ranks_have_the_same():
    batch = {"image": torch.arange(8), "label": torch.arange(8) * 10}
    both = [rows_of(batch, number, 2) for number in range(2)]
    assert [rows["image"].tolist() for rows in both] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert both[1]["label"].tolist() == [10, 30, 50, 70]
    # A rank's part of the whole batch holds its part of each of the two.
    first, second = ({name: value[part] for name, value in batch.items()} for part in (slice(4), slice(4, 8)))
    for number in range(2):
        parts = torch.cat([rows_of(first, number, 2)["image"], rows_of(second, number, 2)["image"]])
        assert torch.equal(parts, both[number]["image"])
    assert rows_of(batch, 0, 1) is batch


def test_two_batches_that_are_more_than_all_images_are_refused():
    data = Pictures(batch_size=24)
    with pytest.raises(UserError, match=r"^data\.batch_size=24: a step takes 2 batches.*data\.batch_size=20 or less"):
        fit(make(), 1, data=data)
    assert len(next(iter(training_loader(data.dataset, 24, 0, None)))["image"]) == 24
