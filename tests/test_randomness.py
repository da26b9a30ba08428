import pytest
import torch

from ganexp.randomness import derived_seed, generator, seed_layers

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
st = hypothesis.strategies
given = hypothesis.given

WHOLE = st.integers(-(2**70), 2**70)


@given(WHOLE, st.text(), WHOLE)
def test_a_seed_is_a_function_of_its_arguments_and_fits_63_bits(seed, purpose, number):
    value = derived_seed(seed, purpose, number)
    assert value == derived_seed(seed, purpose, number)
    assert 0 <= value < 2**63


def test_any_argument_changes_the_stream():
    streams = [
        torch.randn(4, generator=generator(*arguments)).tolist()
        for arguments in [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]
    ]
    assert len({tuple(stream) for stream in streams}) == 4


def test_seeding_layers_makes_dropout_repeat():
    draws = []
    for _ in range(2):
        seed_layers(7, torch.device("cpu"))
        draws.append(torch.nn.functional.dropout(torch.ones(100)))
    assert torch.equal(*draws)
