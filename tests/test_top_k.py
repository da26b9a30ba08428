"""Top-k training: the generator's loss is that of its best fakes (arXiv 2002.06224)."""

import pytest
import torch

from ganexp.cli import main
from ganexp.errors import UserError
from ganexp.losses import Hinge, NonSaturating, TopK
from support.games import played, tiny_with


def at(progress, **settings):
    loss = TopK(NonSaturating(), **settings)
    loss.follow(lambda name, value: value(progress))
    return loss


def logits(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize(("progress", "count"), [(0.0, 10), (0.25, 8), (0.5, 5), (1.0, 5)])
def test_the_loss_is_that_of_the_best_fakes_alone_and_no_other_has_a_gradient(progress, count):
    fake = logits(10)
    value = at(progress).generator(fake)
    best = fake.topk(count).values
    torch.testing.assert_close(value, NonSaturating().generator(best))
    (gradient,) = torch.autograd.grad(value, fake)
    (expected,) = torch.autograd.grad(NonSaturating().generator(fake.topk(count).values), fake)
    torch.testing.assert_close(gradient, expected)
    assert (gradient != 0).sum() == count


def test_an_image_of_several_logits_counts_as_a_whole():
    fake = logits(6, 1, 3, 3)
    best = fake[fake.mean((1, 2, 3)).topk(3).indices]
    torch.testing.assert_close(at(1.0).generator(fake), NonSaturating().generator(best))


def test_one_fake_counts_at_least():
    fake = logits(4)
    torch.testing.assert_close(at(1.0, share=0.01).generator(fake), NonSaturating().generator(fake.max()))


def test_equal_logits_count_as_often_as_others():
    fake = torch.zeros(8, requires_grad=True)
    (gradient,) = torch.autograd.grad(at(1.0).generator(fake), fake)
    assert (gradient != 0).sum() == 4


def test_the_discriminators_loss_is_that_of_the_inner_loss():
    real, fake = logits(5), logits(5) + 1
    assert torch.equal(TopK(Hinge()).discriminator(real, fake), Hinge().discriminator(real, fake))


@pytest.mark.parametrize("setting", [{"share": 0.0}, {"share": 1.5}, {"until": 0.0}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(UserError, match=f"loss.{next(iter(setting))}"):
        TopK(Hinge(), **setting)


def test_pairs_of_real_and_fake_images_are_refused(capsys):
    assert main.main(["loss=top_k", "loss@loss.of=relativistic"]) == 2
    assert "loss@loss.of=hinge" in capsys.readouterr().err


def test_the_share_follows_the_budget_and_is_in_no_checkpoint():
    game = played(tiny_with("dcgan_small", {"images": 16, "loss.until": 1.0}, loss="top_k"), 3)
    # The third batch began at 8 of 16 images.
    assert game.loss.present.item() == pytest.approx(0.75)
    assert not any(name.endswith("present") for name in game.state_dict())
