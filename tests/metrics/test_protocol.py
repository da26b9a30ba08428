"""Whether two scores may be compared."""

import copy
import json

import pytest

from ganexp.metrics.protocol import differences, settings, versions


def protocol():
    return {
        "metric": "fid_classifier",
        "features": {"network": "classifier", "weights": "0123"},
        "reference": {"data": "digits", "split": "all", "images": 1797, "checksum": "abcd"},
        "fakes": {"samples": 2000, "seed": 0, "weights": "moving average"},
        "settings": {"splits": 10},
        "versions": versions(),
    }


def changed(part, setting, value):
    made = protocol()
    made[part][setting] = value
    return made


def sides(difference):
    name, _, values = difference.partition(": ")
    return name, frozenset(values.split(" against "))


def test_a_protocol_does_not_differ_from_itself():
    assert differences(protocol(), protocol()) == []


@pytest.mark.parametrize("part", ["features", "reference", "fakes", "settings"])
def test_every_other_setting_sets_apart(part):
    for name, value in protocol()[part].items():
        if (part, name) != ("fakes", "seed"):
            assert differences(protocol(), changed(part, name, "other")) == [f"{part}.{name}: {value} against other"]


def test_the_metric_sets_apart():
    assert differences(protocol(), {**protocol(), "metric": "fid"}) == ["metric: fid_classifier against fid"]


def test_differences_are_symmetric_but_for_the_order_of_the_sides():
    other = changed("fakes", "samples", 50_000)
    other["settings"] = {"subsets": 100}
    other["metric"] = "kid"
    there, back = differences(protocol(), other), differences(other, protocol())
    assert len(there) == 4
    assert set(map(sides, there)) == set(map(sides, back))


@pytest.mark.parametrize("seed", [1, [0, 1, 2], None])
def test_seeds_and_versions_are_reported_only(seed):
    other = changed("fakes", "seed", seed)
    other["versions"] = {"torch": "1.0"}
    assert differences(protocol(), other) == []
    del other["versions"], other["fakes"]["seed"]
    assert differences(protocol(), other) == []
    assert not {name for name, _ in settings(protocol()) if "version" in name or "seed" in name}


def test_a_metrics_own_seed_sets_apart():
    assert differences(changed("settings", "seed", 0), changed("settings", "seed", 1)) == ["settings.seed: 0 against 1"]


def test_a_setting_that_is_missing_is_found_on_either_side():
    without = protocol()
    del without["reference"]["split"]
    assert differences(protocol(), without) == ["reference.split: all against none"]
    assert differences(without, protocol()) == ["reference.split: none against all"]


def test_a_part_that_is_missing_is_found():
    without = protocol()
    del without["settings"]
    assert differences(without, protocol()) == ["settings.splits: none against 10"]


def test_nested_settings_are_found():
    def deep(value):
        return {**protocol(), "settings": {"resize": {"filter": {"name": value}}}}

    assert differences(deep("box"), deep("lanczos")) == ["settings.resize.filter.name: box against lanczos"]


def test_the_order_of_settings_does_not_matter():
    reversed_ = {name: protocol()[name] for name in reversed(protocol())}
    assert differences(protocol(), reversed_) == []


def test_a_protocol_is_the_same_after_it_was_written():
    assert differences(protocol(), json.loads(json.dumps(protocol()))) == []


def test_comparing_does_not_change_the_protocols():
    ours, theirs = protocol(), changed("fakes", "samples", 1)
    before = copy.deepcopy((ours, theirs))
    differences(ours, theirs)
    assert (ours, theirs) == before


def test_versions_name_what_computes_scores():
    assert versions().keys() >= {"python", "ganexp", "torch", "torchmetrics", "torch-fidelity", "numpy", "pillow"}


def test_a_generator_with_noise_inputs_is_compared_with_one_without():
    styled = protocol()
    styled["fakes"] = {**styled["fakes"], "noise_inputs": "constant"}
    assert differences(protocol(), styled) == []
