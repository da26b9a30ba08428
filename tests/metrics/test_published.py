"""Published scores and what sets ours apart from them."""

import copy
from pathlib import Path

import pytest

from ganexp.config.composition import conf_dir
from ganexp.metrics.published import DECISIVE_SETTINGS, SHOWN, matching_published, published, reasons_against

SETTINGS = {
    "fakes": {"samples", "weights", "seed"},
    "reference": {"data", "split", "image_size", "channels", "resize_filter", "images"},
    "settings": {"splits"},
}


def names(group):
    return {path.stem for path in Path(conf_dir(), group).glob("*.yaml")}


def protocol(**changes):
    """The protocol of an FID as most papers have it; a change is named by its dotted name with __ for the dot."""
    made = {
        "metric": "fid",
        "features": {"network": "InceptionV3 of torch-fidelity", "weights": "6726825d" + 8 * "0"},
        "reference": {"data": "cifar10", "split": "train", "image_size": 32, "images": 50_000},
        "fakes": {"samples": 50_000, "seed": 0},
        "settings": {},
    }
    for name, value in changes.items():
        part, _, setting = name.partition("__")
        if setting:
            made[part][setting] = value
        else:
            made[part] = value
    return made


@pytest.mark.parametrize("entry", published(), ids=lambda e: f"{e['source']} {e['model']} {e['metric']}")
def test_an_entry_is_complete(entry):
    assert entry.keys() == {"data", "metric", "model", "value", "source", "protocol"}
    assert entry["value"] > 0
    assert entry["data"] in names("data")
    assert entry["metric"] in names("metric")
    assert entry["protocol"]
    for name in entry["protocol"]:
        part, _, setting = name.partition(".")
        assert setting in SETTINGS[part]


def test_entries_differ():
    assert len({(e["data"], e["metric"], e["model"], e["source"]) for e in published()}) == len(published())


@pytest.mark.parametrize("entry", published(), ids=lambda e: f"{e['source']} {e['model']} {e['metric']}")
def test_a_protocol_with_the_same_settings_is_comparable(entry):
    ours = protocol(metric=entry["metric"], reference__data=entry["data"])
    for name, value in entry["protocol"].items():
        part, _, setting = name.partition(".")
        ours[part][setting] = value
    unstated = [reason for reason in reasons_against(entry, ours) if reason.endswith("not stated by the source")]
    assert reasons_against(entry, ours) == unstated
    assert len(unstated) == sum(name not in entry["protocol"] for name in DECISIVE_SETTINGS)


def test_other_weights_than_the_standard_ones_are_never_comparable():
    (entry,) = (e for e in published() if (e["model"], e["metric"], e["source"]) == ("BigGAN", "fid", "StudioGAN"))
    assert reasons_against(entry, protocol()) == []
    (reason,) = reasons_against(entry, protocol(features__weights="0123456789abcdef"))
    assert reason == "features.weights: 0123456789abcdef against the standard"


def test_features_in_a_lower_precision_are_never_comparable():
    entry = published()[0]
    before = reasons_against(entry, protocol())
    (reason,) = set(reasons_against(entry, protocol(features__precision="bfloat16"))) - set(before)
    assert reason == "features.precision: bfloat16 against float32"


def test_each_differing_setting_is_named_ours_first():
    (entry,) = (e for e in published() if (e["model"], e["source"]) == ("BigGAN with DiffAugment", "StudioGAN"))
    ours = protocol(fakes__samples=10_000, reference__split="test")
    assert reasons_against(entry, ours) == [
        "fakes.samples: 10000 against 50000",
        "reference.split: test against train",
    ]


def test_a_setting_that_ours_lacks_is_named():
    ours = protocol()
    del ours["reference"]["image_size"]
    (entry,) = (e for e in published() if (e["model"], e["source"]) == ("BigGAN with DiffAugment", "StudioGAN"))
    assert reasons_against(entry, ours) == ["reference.image_size: none against 32"]


def test_the_nearest_come_first():
    ten_thousand = protocol(fakes__samples=10_000, reference__images=10_000)
    (nearest, reasons), *others = matching_published(ten_thousand)
    assert (nearest["model"], nearest["source"]) == ("DCGAN", "mimicry")
    assert reasons == ["reference.split: not stated by the source"]
    counts = [len(reasons) for _, reasons in others]
    assert counts == sorted(counts)
    assert counts[0] > 0
    assert len(others) == SHOWN - 1


def test_only_scores_of_the_same_data_and_metric_are_beside():
    for entry, reasons in matching_published(protocol()):
        assert (entry["data"], entry["metric"], reasons) == ("cifar10", "fid", [])
        assert entry["source"] == "StudioGAN"
    for entry, _ in matching_published(protocol(metric="is", settings={"splits": 10})):
        assert entry["metric"] == "is"


@pytest.mark.parametrize("changes", [{"metric": "fid_classifier"}, {"metric": "kid"}, {"reference__data": "digits"}])
def test_other_features_metrics_and_data_have_nothing_beside(changes):
    assert matching_published(protocol(**changes)) == []


def test_looking_does_not_change_the_entries():
    before = copy.deepcopy(published())
    matching_published(protocol())
    assert published() == before
