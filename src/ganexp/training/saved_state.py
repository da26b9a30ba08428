"""State that training takes from a checkpoint besides the weights: the Trainer's loops, its callbacks and precision."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import lightning as L

from ganexp.errors import one_line
from ganexp.files.saved_values import (
    NotACheckpoint,
    entry,
    require_count,
    require_dict,
    require_list,
    require_number,
    unexpected,
)

LIGHTNING = "pytorch-lightning_version"
VERSION = re.compile(r"[2-9]\d{0,5}(\.\d{1,6}){1,2}((a|b|rc|\.post|\.dev)\d{1,6})?(\+[a-z0-9.]{1,40})?")
LOADERS = "combined_loader"
LEGACY_SCALER = "native_amp_scaling_state"


def require_trainer_state(trainer: Any, contents: Mapping[str, Any]) -> None:
    """Raise NotACheckpoint unless the Trainer can continue from the checkpoint's contents.

    Callbacks take their state here, and once more when training starts.
    """
    version = entry(contents, LIGHTNING)
    if not isinstance(version, str) or VERSION.fullmatch(version) is None:
        raise unexpected(LIGHTNING, version, "a version of Lightning, 2.0 or later,")
    loops = require_dict(entry(contents, "loops"), "loops")
    require_loop(trainer.fit_loop.state_dict(), entry(loops, "fit_loop"))
    require_list(entry(contents, "lr_schedulers"), "lr_schedulers", length=0)
    require_precision(trainer.precision_plugin, contents)
    for callback in trainer.callbacks:
        restore_callback(callback, contents.get("callbacks", {}))


def require_loop(needed: Mapping[str, Any], saved: Any) -> None:
    """Raise NotACheckpoint unless the saved state of a loop has the structure of its state before training."""
    given = require_dict(saved, "loops.fit_loop")
    for name in needed.keys() & given.keys():
        value = given[name]
        # Where a user's own loader of data has a state, the loop saves that too.
        if name == "state_dict" and LOADERS in require_dict(value, name):
            require_list(value[LOADERS], f"loops.fit_loop.{name}.{LOADERS}")
            value = {part: state for part, state in value.items() if part != LOADERS}
        require_progress(needed[name], value, f"loops.fit_loop.{name}")


def require_progress(needed: Any, saved: Any, where: str) -> None:
    """Raise NotACheckpoint unless saved counters have the structure of others; some counters may be missing."""
    if isinstance(needed, bool):
        if not isinstance(saved, bool):
            raise unexpected(where, saved, "true or false")
    elif isinstance(needed, int):
        require_count(saved, where)
    elif isinstance(needed, dict):
        given = require_dict(saved, where)
        counters = all(type(value) is int for value in needed.values())
        # Lightning would make attributes of them, in place of its methods.
        for name in given.keys() - needed.keys():
            raise unexpected(f"{where}.{name}", given[name], "nothing")
        for name in given.keys() & needed.keys() if counters else needed.keys():
            require_progress(needed[name], entry(given, name), f"{where}.{name}")


def require_precision(plugin: Any, contents: Mapping[str, Any]) -> None:
    """Raise NotACheckpoint unless the saved state of a loss scaler is numbers that it can scale by."""
    for key in (type(plugin).__qualname__, LEGACY_SCALER):
        if key not in contents:
            continue
        saved = require_dict(contents[key], key)
        for name, value in plugin.state_dict().items():
            number = require_number(entry(saved, name), f"{key}.{name}")
            if number < 0 or (isinstance(value, int) and not isinstance(saved[name], int)):
                raise unexpected(f"{key}.{name}", saved[name], f"a number such as {value}")


def restore_callback(callback: L.Callback, states: Mapping[str, Any]) -> None:
    """Let a callback take its state; raises NotACheckpoint if it refuses it."""
    state = states.get(callback.state_key)
    if not state:
        return
    try:
        callback.load_state_dict(deepcopy(state))
    except NotACheckpoint as error:
        raise NotACheckpoint(f"callbacks.{callback.state_key}.{error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {one_line(error)}"
        raise NotACheckpoint(f"callbacks.{callback.state_key} does not fit the callback: {what}") from error
