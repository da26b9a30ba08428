"""Partial functions of a configuration, without Hydra's questions at each call."""

from functools import partial

from omegaconf import OmegaConf

from ganexp.config.build import build
from ganexp.partials import plain


def test_a_plain_partial_is_one_of_functools_with_the_same_arguments():
    node = {"_target_": "ganexp.schedules.linear", "_partial_": True, "start": 0.5, "final": 0.2}
    made = build(OmegaConf.create(node))
    unwrapped = plain(made)
    assert type(unwrapped) is partial
    assert unwrapped.keywords == {"start": 0.5, "final": 0.2}
    assert [unwrapped(share) for share in (0.0, 0.75, 1.0)] == [made(share) for share in (0.0, 0.75, 1.0)]


def test_what_is_no_partial_stays_as_it_is():
    assert plain(max) is max
