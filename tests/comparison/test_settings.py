"""Settings that differ between experiments."""

from ganexp.comparison.settings import differing, identity


def test_a_reference_is_shown_as_the_value_that_it_leads_to():
    given = identity({"model": {"width": 16, "depth": "${model.width}"}})
    stated = identity({"model": {"width": 16, "depth": 24}})
    assert differing([given, stated]) == {"model.depth": ["16", "24"]}


def test_settings_that_only_refer_to_one_that_differs_do_not_differ():
    runs = [identity({"model": {"width": width, "depth": "${model.width}"}}) for width in (16, 24)]
    assert differing(runs) == {"model.width": ["16", "24"]}


def test_references_that_lead_nowhere_or_back_are_shown_as_they_are():
    runs = [identity({"a": "${b}", "b": "${a}", "c": value}) for value in ("${gone}", "${now:%Y}")]
    assert differing(runs) == {"c": ["${gone}", "${now:%Y}"]}
    assert differing([runs[0], identity({"a": 1, "b": 1, "c": "${gone}"})])["a"][1] == "1"
