"""The formula of weights and inputs, on which all figures rest."""

import pytest
import torch
from torch import nn

from ganexp.layers import normalization
from support.formula import fill, formula_input, formula_labels, uniform


def test_the_numbers_are_the_same_everywhere_and_look_uniform():
    assert uniform(3, 0).tolist() == [0.6063421345315874, 0.9887973996810615, 0.6889219381846488]
    values = uniform(100_000, 7)
    assert values.mean().item() == pytest.approx(0, abs=0.01)
    assert values.var().item() == pytest.approx(1 / 3, rel=0.01)
    assert torch.linalg.matrix_rank(uniform(64 * 64, 1).view(64, 64)) == 64
    assert not torch.equal(uniform(5, 0), uniform(5, 1))


def test_a_deep_network_keeps_the_scale_of_its_maps():
    layers = [nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(20)]
    assert 0.1 < fill(nn.Sequential(*layers))(formula_input((4, 256))).std().item() < 2


def test_spectral_norms_are_exact_and_stay_so():
    layer = fill(normalization.spectral().edge(nn.Conv2d(8, 16, 3)))
    for _ in range(3):
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-13)


def test_inputs_and_labels_have_a_range():
    assert formula_input((2, 3, 4, 4)).abs().max() < 1
    assert formula_labels(20, 10).unique().tolist() == list(range(10))
