"""The pool of past fakes."""

import pytest
import torch

from ganexp.game.image_pool import ImagePool


def images(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 2).clone()


def values(tensor):
    return tensor[:, 0, 0, 0].tolist()


def draws(number):
    return torch.Generator().manual_seed(number)


def test_until_it_is_full_it_returns_what_it_is_given():
    pool = ImagePool(4, 1, 2)
    assert values(pool.exchange(images(1, 2, 3), draws(0))) == [1, 2, 3]
    assert values(pool.images) == [1, 2, 3, 0]


@pytest.mark.parametrize("batch", [1, 3, 4, 11])
def test_no_image_is_lost_and_none_is_doubled(batch):
    pool, given, returned = ImagePool(4, 1, 2), [], []
    for number in range(30):
        new = [float(1 + number * batch + i) for i in range(batch)]
        given += new
        returned += values(pool.exchange(images(*new), draws(number)))
        in_pool = values(pool.images)[: pool.filled]
        # The pool's first images were returned when they came, and are returned once more when they leave it.
        assert sorted(returned + in_pool) == sorted(given + given[: pool.filled])


def test_half_of_what_it_returns_is_from_the_past():
    pool = ImagePool(50, 1, 2)
    pool.exchange(torch.zeros(50, 1, 2, 2), draws(0))
    fresh = 0
    for number in range(1, 201):
        given = [float(number * 10 + i) for i in range(5)]
        fresh += sum(value in given for value in values(pool.exchange(images(*given), draws(number))))
    assert fresh / 1000 == pytest.approx(0.5, abs=0.05)


def test_an_empty_pool_returns_what_it_is_given():
    given = torch.randn(3, 1, 2, 2)
    assert torch.equal(ImagePool(0, 1, 2).exchange(given, draws(0)), given)


def test_its_state_is_its_future():
    one, other = ImagePool(4, 1, 2), ImagePool(4, 1, 2)
    for number in range(5):
        one.exchange(torch.randn(3, 1, 2, 2), draws(number))
    other.load_state_dict(one.state_dict())
    given = torch.randn(7, 1, 2, 2)
    assert torch.equal(one.exchange(given, draws(9)), other.exchange(given, draws(9)))
    assert torch.equal(one.images, other.images)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="pool=-1"):
        ImagePool(-1, 1, 2)
