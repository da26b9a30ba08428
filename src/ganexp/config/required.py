"""Settings that a run needs, which the command line may change and not leave out."""

from collections.abc import Mapping, Sequence
from typing import Any

from ganexp.config.schema import kind_of, settings
from ganexp.errors import UserError
from ganexp.terminal.text import shortened

GROUPS = ("data", "loss", "model", "normalization", "optimizer", "schedule")
"""Groups whose parts are all needed; callbacks, loggers, penalties and metrics are not."""
OF_PLAYERS = ("optimizer", "schedule")
"""Groups with a part for each player, which cannot be null either."""
INSTANTIATION = ("_target_", "_partial_")
OPTIONAL_PARTS = "regularizations"
"""The setting of models whose parts may be left out."""
REPLACED_BY_NOTHING = ("loss", "normalization")
"""References that a model's constructor has no default for, although the schema allows null."""


def check_required(values: Mapping[str, Any], defaults: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raise UserError for the first of the ``keys`` that a run needs and that was deleted or, for a player, is null."""
    given = {place: value for place, _, value in settings(values)}
    expected = {place: (owner, value) for place, owner, value in settings(defaults)}
    for key in keys:
        owner, default = expected.get(key, ("", None))
        is_missing = key not in given or (given[key] is None and key.partition(".")[0] in OF_PLAYERS)
        if is_missing and is_required(key, owner, default):
            raise UserError(f"{shortened(key)}: a run needs it; it can be changed, but neither left out nor null")


def is_required(key: str, owner: str, default: Any) -> bool:
    """Return whether a run cannot be built without a setting: a part, or what only the configuration can refer to."""
    group, name = key.partition(".")[0], key.rpartition(".")[2]
    if group not in GROUPS or OPTIONAL_PARTS in key.split("."):
        return False
    if name in INSTANTIATION or (isinstance(default, Mapping) and "_target_" in default):
        return True
    if not isinstance(default, str) or not default.startswith("${"):
        return False
    kind = kind_of(key, owner)
    return name in REPLACED_BY_NOTHING or (kind is not None and not kind.accepts(None))
