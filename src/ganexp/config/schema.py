"""Schema of the configuration: the type and range of every setting, checked before torch is imported.

A setting is looked up by its place (``data.batch_size``), then by its part and name (``Trainer.max_epochs``, where the
part is the last component of ``_target_`` or, without one, the key of the group), then by its name alone. Only settings
of a user's own parts have no kind: their constructors check them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ganexp.config.kinds import Kind
from ganexp.config.name_kinds import NAMES
from ganexp.config.setting_kinds import INSTANTIATION, PARTS, PLACES
from ganexp.errors import UserError
from ganexp.terminal.text import shortened

OWN_PACKAGES = ("ganexp", "lightning", "optuna", "torch", "torchmetrics")


def check_schema(config: Mapping[str, Any]) -> None:
    """Raise UserError for the first setting whose value is not of its kind; values with a reference are left out."""
    # What these copy from other groups is named by its own place.
    ordered = sorted(config, key=lambda key: key in ("callbacks", "model"))
    for place, owner, value in settings({key: config[key] for key in ordered}):
        kind = kind_of(place, owner)
        if kind is not None and not is_left_out(value) and not kind.accepts(value):
            raise UserError(f"{shortened(place)}={as_yaml(value)}: it must be {kind.description}")


def settings(node: Mapping[str, Any], place: str = "", owner: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield (dotted place, ``_target_`` of the part that it belongs to, value) of every setting at any depth."""
    owner = str(node.get("_target_", owner))
    for key, value in node.items():
        dotted = f"{place}.{key}" if place else str(key)
        yield dotted, owner, value
        if isinstance(value, Mapping):
            yield from settings(value, dotted, owner)


def kind_of(place: str, owner: str) -> Kind | None:
    """Return the kind of a setting, None where it has none."""
    if place in PLACES:
        return PLACES[place]
    outer, _, name = place.rpartition(".")
    if name in INSTANTIATION:
        return INSTANTIATION[name]
    if not owner:
        return PARTS.get(f"{outer}.{name}")
    package, part = owner.partition(".")[0], owner.rpartition(".")[2]
    return PARTS.get(f"{part}.{name}", NAMES.get(name)) if package in OWN_PACKAGES else None


def is_left_out(value: Any) -> bool:
    """Return whether a value has an unresolved reference, must still be given, or is built from a ``_target_``.

    Whether such a target may stand in its place is checked where a stranger's configuration is read.
    """
    if isinstance(value, Mapping):
        return "_target_" in value or any(map(is_left_out, value.values()))
    if isinstance(value, list):
        return any(map(is_left_out, value))
    return isinstance(value, str) and ("${" in value or value == "???")


def as_yaml(value: Any) -> str:
    """Return a value as it is written on the command line, shortened."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else shortened(str(value))
