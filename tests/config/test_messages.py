"""Messages about names that do not exist."""

import pytest

from ganexp.config import composition
from ganexp.config.messages import COMMON_NAMES, nearest


def names():
    groups = composition.groups(composition.conf_dir())
    options = {option for options in groups.values() for option in options}
    return {*options, *composition.known_keys([], [composition.conf_dir()])}


def test_a_name_of_other_code_leads_to_ours():
    assert {name: nearest(name, sorted(names())) for name in COMMON_NAMES} == COMMON_NAMES


@pytest.mark.parametrize(("name", "expected"), [("hinje", "hinge"), ("zzzz", None), ("generator.lrr", "generator.lr")])
def test_otherwise_the_closest_is_named(name, expected):
    assert nearest(name, ["hinge", "lsgan", "generator.lr"]) == expected
