"""Dropout that stays on."""

import pytest
import torch

from ganexp.layers.dropout import Dropout


def test_in_training_it_is_torchs():
    maps = torch.randn(4, 3, 5, 5)
    torch.manual_seed(1)
    ours = Dropout(0.3)(maps)
    torch.manual_seed(1)
    assert torch.equal(ours, torch.nn.Dropout(0.3)(maps))


def test_in_evaluation_it_is_off_unless_asked_for():
    maps = torch.randn(4, 3, 5, 5)
    assert torch.equal(Dropout(0.3).eval()(maps), maps)
    assert not torch.equal(Dropout(0.3, at_test=True).eval()(maps), maps)


def test_in_evaluation_all_images_share_one_mask_that_keeps_the_mean():
    noise = Dropout(0.25, at_test=True).eval()
    state = torch.get_rng_state()
    kept = noise(torch.ones(2, 64, 16, 16))
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(noise(torch.ones(1, 64, 16, 16)), kept[:1])
    assert kept.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert kept.mean() == pytest.approx(1, abs=0.02)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_a_probability_is_expected(p):
    with pytest.raises(ValueError, match="dropout="):
        Dropout(p)
