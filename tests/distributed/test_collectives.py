"""What several processes agree on."""

import pytest
import torch

from ganexp.augmentation.adaptive import AdaptiveAugmentation
from ganexp.augmentation.sign_adaptation import INTERVAL
from ganexp.distributed import collectives
from support.two_ranks import on_two_ranks

NUMBERS = torch.randn(8, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
HALVES = NUMBERS.chunk(2)


def agree(rank):
    """Everything that two ranks agree on, with half of the numbers each."""
    mine = HALVES[rank]
    averaged = [mine.clone(), mine[0].float(), mine.transpose(0, 1).clone()]
    collectives.average(averaged)
    followed = [mine.clone()]
    collectives.broadcast_from_first(followed)
    maximum = collectives.AsyncMax()
    answers = [maximum.ask(number) for number in ([0, 15, 0, 0] if rank else [0, 0, 0, 2])]
    return {
        "count": collectives.count(),
        "averaged": averaged,
        "followed": followed,
        "mean": collectives.mean(mine.mean()),
        "deviation": collectives.deviation(mine),
        "answers": [*answers, maximum.end()],
        "augmentation": observed(mine).state_dict(),
    }


def observed(logits):
    """ADA after it has seen some logits of a global batch of eight images, as often as it takes to move."""
    ada = AdaptiveAugmentation(p=0.5, images_to_full=100)
    for turn in range(INTERVAL + 3):
        ada.observe(logits - turn / 3, 8)
    return ada


@pytest.fixture(scope="module")
def agreed():
    return on_two_ranks(agree)


@pytest.mark.parametrize("rank", [0, 1])
def test_two_ranks_agree_on_the_means(agreed, rank):
    one, other = HALVES
    expected = [(one + other) / 2, (one[0] + other[0]).float() / 2, (one + other).transpose(0, 1) / 2]
    assert agreed[rank]["count"] == 2
    for found, wanted in zip(agreed[rank]["averaged"], expected, strict=True):
        assert found.dtype == wanted.dtype
        torch.testing.assert_close(found, wanted)
    assert torch.equal(agreed[rank]["followed"][0], one)
    torch.testing.assert_close(agreed[rank]["mean"], NUMBERS.mean(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(agreed[rank]["deviation"], NUMBERS.std(correction=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_poll_tells_all_ranks_the_largest_number_one_question_later(agreed, rank):
    assert agreed[rank]["answers"] == [0, 0, 15, 0, 2]


@pytest.mark.parametrize("rank", [0, 1])
def test_adaptive_augmentation_sees_the_logits_of_all_ranks(agreed, rank):
    whole = observed(NUMBERS).state_dict()
    alone = [observed(part).state_dict() for part in HALVES]
    assert any(not torch.equal(part["signs"], whole["signs"]) for part in alone)
    torch.testing.assert_close(agreed[rank]["augmentation"], whole)


def test_alone_a_process_agrees_with_itself():
    assert collectives.count() == 1
    assert torch.equal(collectives.mean(NUMBERS), NUMBERS)
    torch.testing.assert_close(collectives.deviation(NUMBERS), NUMBERS.std(correction=0))
    maximum = collectives.AsyncMax()
    assert [maximum.ask(0), maximum.ask(2), maximum.end()] == [0, 2, 0]


def product_of_all_rows(rank):
    own = torch.tensor([2.0, 3.0] if rank == 0 else [5.0, 7.0], requires_grad=True)
    everything = collectives.gathered(own)
    everything.prod().backward()
    return everything.detach(), own.grad


def test_gathered_rows_have_the_gradients_of_all_ranks():
    """The mean of the ranks' gradients is then that of one process: 210 / x, times the number of ranks here."""
    first, second = on_two_ranks(product_of_all_rows)
    assert first[0].tolist() == second[0].tolist() == [2, 3, 5, 7]
    assert first[1].tolist() == [2 * 105, 2 * 70]
    assert second[1].tolist() == [2 * 42, 2 * 30]
