"""The moving average: its closed form with every choice, and the weights and statistics that samples are drawn with."""

from functools import partial

import pytest
import torch
from torch import nn

from ganexp.ema import ExponentialMovingAverage
from ganexp.layers import normalization
from ganexp.layers.standing_statistics import with_standing_statistics
from ganexp.layers.statistics import running_statistics
from ganexp.networks import dcgan
from support.tiny import fit, make_gan, same, state

AVERAGED = partial(ExponentialMovingAverage, averaged_buffers=running_statistics)


def game(**more):
    torch.manual_seed(0)
    return make_gan(normalization.batch, **{"networks": dcgan, "images": 64, **more})


def move(network):
    """Give a network other weights, other statistics and other spectral vectors."""
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_()
            else:
                tensor.add_(1)


def test_running_statistics_follow_like_weights_and_all_other_buffers_are_copied():
    network = nn.Sequential(normalization.spectral().edge(nn.Linear(3, 3)), nn.BatchNorm1d(3))
    average = AVERAGED(network, decay=0.9, warmup=0)
    expected = {key: value.clone() for key, value in network.state_dict().items()}
    followed = {*dict(network.named_parameters()), "1.running_mean", "1.running_var"}
    for _ in range(30):
        move(network)
        for key, value in network.state_dict().items():
            expected[key] = 0.9 * expected[key] + 0.1 * value if key in followed else value.clone()
        average.update(network)
    assert average.network.state_dict().keys() == expected.keys() > followed
    for key, value in average.network.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=0 if key not in followed else 1e-6)


def test_the_first_updates_copy_the_network_and_the_later_ones_have_the_decay():
    network = nn.BatchNorm1d(3)
    average = AVERAGED(network, decay=0.75, warmup=0, start=3)
    for _ in range(3):
        move(network)
        average.update(network)
        assert same(average.network.state_dict(), network.state_dict())
    before, present = average.network.running_mean.clone(), torch.zeros(3)
    network.running_mean.zero_()
    average.update(network)
    torch.testing.assert_close(average.network.running_mean, 0.75 * before + 0.25 * present)


def test_a_start_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"ema.start=-1"):
        ExponentialMovingAverage(nn.Linear(1, 1), start=-1)


def test_with_a_decay_of_zero_samples_are_of_the_live_generator_and_the_protocol_says_so():
    live, averaged = game(ema=partial(AVERAGED, decay=0)), game(ema=AVERAGED)
    fit(live, 5)
    without = game()
    fit(without, 5)
    assert torch.equal(live.sample(4, 0), without.sample(4, 0))
    assert live.describe_samples(0) == without.describe_samples(0)
    assert live.describe_samples(0)["weights"] == "generator"
    described = averaged.describe_samples(0)
    assert (described["weights"], described["average"]) == ("moving average", "EMA 0.999")
    assert described["batch_norm"] == "averaged running statistics"
    assert game(ema=ExponentialMovingAverage).describe_samples(0)["batch_norm"] == "running statistics"


@pytest.mark.parametrize("ema", [None, AVERAGED])
def test_standing_statistics_are_those_of_the_present_weights_whatever_was_drawn_before(ema):
    module = game(ema=ema, standing_statistics=True)
    for batches in (2, 4):
        fit(module, batches)
        before = state(module)
        samples = module.sample(4, 0)
        network = module.generator if ema is None else module.average.network
        expected = with_standing_statistics(network, module.sampler.standing_inputs())
        with torch.no_grad():
            drawn = expected(module.sampler.numbered_noise(torch.arange(4), 0))
        torch.testing.assert_close(samples, drawn, rtol=0, atol=1e-6)
        assert same(before, state(module))
    assert module.describe_samples(0)["batch_norm"] == "standing statistics"


def test_without_batch_norm_the_average_itself_draws_and_has_the_protocol_of_others():
    module = make_gan(normalization.layer, ema=AVERAGED, standing_statistics=True)
    assert module.sampler.network is module.average.network
    assert module.describe_samples(0) == game(ema=AVERAGED).describe_samples(0)


def test_a_resumed_game_has_the_average_of_an_uninterrupted_one(tmp_path):
    settings = {"ema": partial(AVERAGED, decay=0.9, start=3), "standing_statistics": True}
    whole, first, again = game(**settings), game(**settings), game(**settings)
    fit(whole, 8)
    fit(first, 4).save_checkpoint(tmp_path / "half.ckpt")
    fit(again, 8, ckpt_path=tmp_path / "half.ckpt")
    assert same(state(whole), state(again))
    assert torch.equal(whole.sample(4, 0), again.sample(4, 0))
