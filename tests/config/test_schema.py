"""The schema knows every setting of the config groups, and agrees with the signatures of what they build."""

import inspect
import re
import types
import typing
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from ganexp.config import checks, composition
from ganexp.config.composition import conf_dir
from ganexp.config.kinds import either, exactly, flag, list_of, number, optional, positive, text, whole
from ganexp.config.name_kinds import NAMES
from ganexp.config.schema import OWN_PACKAGES, check_schema, is_left_out, kind_of, settings
from ganexp.config.setting_kinds import PARTS
from ganexp.errors import UserError

EXCLUDED = ("hydra", "recipes.yaml")
"""Hydra has schemas of its own; recipes.yaml is no configuration."""
FILES = sorted(path for path in conf_dir().rglob("*.yaml") if not set(path.parts) & set(EXCLUDED))
CHECKED_LATER = ("precision", "num_classes")
"""Lightning reads precisions, and a rule names the data with labels where a model needs them."""


def part(target, **values):
    return {"part": {"_target_": target, **values}}


def data(**values):
    return {"data": part("ganexp.data.images.ImageData", **values)["part"]}


def model(**values):
    return {"model": part("mine.GAN", **values)["part"]}


@cache
def contents(path):
    return OmegaConf.to_container(OmegaConf.load(path))


def package(path):
    """The place of a file's content."""
    header = re.search(r"^# @package (\S+)$", path.read_text(), re.MULTILINE)
    name = header[1] if header else path.parent.relative_to(conf_dir()).as_posix().replace("/", ".").strip(".")
    return "" if name == "_global_" else name


def is_numeric(value):
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, bool | int | float | list) for item in items)


def kinds_of(place, owner):
    """The kinds that a setting may have; more than one if its file does not name the part it belongs to."""
    kind = kind_of(place, owner)
    if kind is not None or owner:
        return [kind] if kind else []
    name = place.rpartition(".")[2]
    return [kind for key, kind in [*PARTS.items(), *NAMES.items()] if key.rpartition(".")[2] == name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(conf_dir()).as_posix())
def test_every_numeric_setting_has_a_kind_and_a_value_of_it(path):
    for place, owner, value in settings(contents(path), package(path)):
        if not place.startswith("hydra.") and is_numeric(value):
            kinds = kinds_of(place, owner)
            assert kinds, f"{place} has no kind in config/setting_kinds.py or name_kinds.py"
            assert any(kind.accepts(value) for kind in kinds), f"{place}={value}: {kinds[0].description}"


def targets():
    named = {target for path in FILES for target in re.findall(r"_target_: ([\w.]+)", path.read_text())}
    return sorted(target for target in named if target.partition(".")[0] in OWN_PACKAGES)


PROBES = {
    bool: [True, False],
    int: [*range(5), 7, 100],
    float: [0.0, 0.5, 1.0, 0.25, 3.5],
    type(None): [None],
}


def flat(annotation):
    """The types in a union, in words that have no type of their own."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return {part for member in typing.get_args(annotation) for part in flat(member)}
    return {annotation}


@pytest.mark.parametrize("target", targets())
def test_kinds_agree_with_the_annotations_of_what_is_built(target):
    built = get_object(target)
    hints = typing.get_type_hints(built.__init__ if inspect.isclass(built) else built)
    for name, parameter in inspect.signature(built).parameters.items():
        accepted = flat(hints.get(name, parameter.annotation))
        kind = kind_of(f"part.{name}", target)
        if accepted & {bool, int, float} and kind is not None and kind.description != "any value":
            for type_, probes in PROBES.items():
                fits = type_ in accepted or (type_ is int and float in accepted)
                passes = any(kind.accepts(probe) for probe in probes)
                assert passes <= fits or name in CHECKED_LATER, f"{target}.{name}: {kind.description}, not {accepted}"
                if type_ is not type(None):
                    assert passes >= (type_ in accepted), f"{target}.{name}: {kind.description}, not {accepted}"
        if accepted & {bool, int, float} and target.startswith("ganexp.") and parameter.default is not inspect._empty:
            assert kind is not None, f"{target}.{name} has no kind"
            assert kind.accepts(parameter.default) or parameter.default is None, f"{target}.{name}"
        elif typing.get_origin(hints.get(name)) is Sequence and kind is not None:
            assert not kind.accepts(3)


def test_no_kind_is_for_a_setting_that_nothing_has():
    existing = {
        (target.rpartition(".")[2], name)
        for target in targets()
        for name in inspect.signature(get_object(target)).parameters
    }
    for path in FILES:
        existing |= {tuple(place.split(".")[-2:]) for place, _, _ in settings(contents(path))}
    assert {key for key in PARTS if tuple(key.split(".")) not in existing} == set()
    assert set(NAMES) - {key[-1] for key in existing} == set()


REFUSED = {
    "gradient_clip": (model(gradient_clip=-1), "model.gradient_clip=-1: it must be a number above 0, or null"),
    "workers": (data(workers="a"), "data.workers=a: it must be a whole number, 0 or more, or null"),
    "negative workers": (data(workers=-1), "data.workers=-1: it must be a whole number, 0 or more, or null"),
    "in_memory": (data(in_memory=3), "data.in_memory=3: it must be true or false, or null"),
    "max_epochs": (part("lightning.Trainer", max_epochs=0), "max_epochs=0: it must be -1 or a whole number, 1 or more"),
    "betas": (part("torch.optim.Adam", betas=[0.5]), "betas=[0.5]: it must be a list of 2 values, each a number, 0 or"),
    "a beta": (part("torch.optim.Adam", betas=[0.5, 1.0]), "betas=[0.5, 1.0]: it must be a list of 2 values"),
    "lr": (part("torch.optim.Adam", lr="fast"), "part.lr=fast: it must be a number, 0 or more"),
    "not finite": (part("torch.optim.Adam", lr=float("nan")), "part.lr=nan: it must be a number, 0 or more"),
    "infinite": (part("ganexp.penalties.R1", weight=float("inf")), "part.weight=inf: it must be a number, 0 or more"),
    "true is no number": (part("ganexp.networks.mlp.Generator", width=True), "width=true: it must be a whole number"),
    "null": (part("ganexp.networks.mlp.Generator", width=None), "width=null: it must be a whole number, 1 or more"),
    "beyond 64 bits": ({"images": 10**30}, "images=1000000000000000000000000000000: it must be a whole number"),
    "a long list": (part("x.X", images=1) | {"images": [7] * 5000}, "images=[7, 7, 7, "),
    "a seed": ({"seed": 2**32}, "seed=4294967296: it must be a whole number from 0 to 4294967295"),
}


@pytest.mark.parametrize(("config", "message"), REFUSED.values(), ids=REFUSED)
def test_a_value_of_another_kind_is_refused_by_its_place(config, message):
    with pytest.raises(UserError) as refused:
        check_schema(config)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 300


def test_parts_of_a_user_and_references_are_left_to_their_constructors():
    check_schema(part("mine.Optimizer", lr="fast", width=0.5))
    check_schema({"mine": {"width": 0.5}})
    check_schema(data(workers="${other}", root="???"))
    assert is_left_out("${other}")


def test_the_common_settings_are_checked_whatever_part_reads_them():
    with pytest.raises(UserError, match=r"^data\.batch_size=0: it must be a whole number, 1 or more$"):
        check_schema({"data": {"_target_": "mine.Data", "batch_size": 0}})


KINDS = [
    (whole(), [0, -3], [0.5, True, "1", None, 2**70]),
    (whole(1, 3), [1, 3], [0, 4]),
    (number(0), [0, 0.5, 2], [-0.1, True, float("nan"), float("inf"), "1", None]),
    (positive(), [0.1], [0, -1]),
    (flag(), [True, False], [0, 1, "yes", None]),
    (text(), ["a", 3], [None, [], {}, True]),
    (exactly(-1, "warn"), [-1, "warn"], [1, True, None]),
    (list_of(whole(), least=1), [[1], [1, 2]], [[], [0.5], 3, "12", None]),
    (list_of(whole(), length=2), [[1, 2]], [[1], [1, 2, 3]]),
    (either(flag(), whole(2)), [True, 2], [1, None]),
    (optional(whole(2)), [None, 2], [1, ""]),
]


@pytest.mark.parametrize(("kind", "accepted", "refused"), KINDS, ids=[kind.description for kind, _, _ in KINDS])
def test_a_kind_accepts_its_values_alone(kind, accepted, refused):
    assert all(map(kind.accepts, accepted))
    assert not any(map(kind.accepts, refused))


BAD_VALUES = [-1, "a", [[1]], {}, None]


def places_of(node, place=()):
    for key, value in node.items():
        yield (*place, key)
        if isinstance(value, dict):
            yield from places_of(value, (*place, key))


@pytest.fixture(scope="module")
def composed():
    """A configuration of parts of many kinds, resolved."""
    composition.register_resolvers()
    chosen = ["model=biggan", "data=cifar10", "penalty=lecam", "schedule=cosine", "augmentation=ada", "logger=wandb"]
    config = composition.resolve(composition.compose("train", [*chosen, "run_dir=run"]))
    config.pop("hydra", None)
    return config


def test_no_value_at_any_place_ends_in_anything_but_one_line(composed):
    checks.check(composed)
    for place in [*places_of(composed)]:
        *outer, name = place
        node = composed
        for key in outer:
            node = node[key]
        before = node[name]
        for node[name] in BAD_VALUES:
            with suppress(UserError):
                checks.check_parts(composed)
                checks.check_folders(composed["data"])
                checks.check(composed)
        node[name] = before
