"""When a classifier can be told from chance."""

import math

import pytest

from ganexp.metrics.chance import SIGNIFICANT, Trial


def exact(recognized, images, chance):
    return sum(math.comb(images, k) * chance**k * (1 - chance) ** (images - k) for k in range(recognized, images + 1))


@pytest.mark.parametrize("trial", [(0, 7, 0.5), (7, 7, 0.5), (30, 179, 0.1), (18, 179, 0.102), (91, 100, 0.9)])
def test_the_p_value_is_the_sum_of_the_binomial_distributions_tail(trial):
    assert Trial(*trial).p_value == pytest.approx(exact(*trial), rel=1e-9)


def test_few_images_prove_nothing_and_many_prove_a_little_more_than_chance():
    assert Trial(2, 2, 0.5).p_value > SIGNIFICANT
    assert Trial(600, 5000, 0.1).p_value < SIGNIFICANT
    assert Trial(505, 5000, 0.1).p_value > SIGNIFICANT
