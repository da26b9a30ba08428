"""Messages about what is wrong with a configuration, in one line, and names close to one that does not exist."""

import difflib
import re
from collections.abc import Sequence

from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)
from yaml import MarkedYAMLError

from ganexp.config.folders import conf_dir, groups
from ganexp.errors import one_line
from ganexp.terminal.text import shortened

OF_A_RESOLVER = "UserError raised while resolving interpolation: "


def explain(error: Exception, known: Sequence[str] = ()) -> str:
    """Return a one-line message of what is wrong with a configuration, with the closest of the ``known`` names."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        # Hydra does not list the options where several are selected.
        options = error.options or groups(conf_dir()).get(group)
        if options:
            return unknown(f"{group}={option}", f"{group} option", option, sorted(options))
    text = one_line(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not set: give {error.full_key}=…"
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        # The error's own key is that of the reference.
        return f"{missing[1]} is not set: give {missing[1]}=…"
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        where = "" if mark.name.startswith("<") else f"{mark.name}, line {mark.line + 1}: "
        return f"{where}not valid YAML: {error.problem}"
    key = re.match(r"Could not (?:override|delete from config\.|append to config\.) '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and key:
        if key[1] not in known:
            return unknown(key[1], "option", key[1], known)
        if text.startswith("Could not override"):
            return f"{key[1]} exists only with the options that this sweep selects: write ++{key[1]}=…"
        # Hydra's message for appending to an existing key is clear enough.
        return text
    if isinstance(error, InterpolationResolutionError | UnsupportedInterpolationType):
        return explain_reference(error, text)
    return text.partition(" full_key:")[0]


def explain_reference(error: OmegaConfBaseException, text: str) -> str:
    """Return a one-line message of what is wrong with a reference ``${…}``, with its place."""
    place = f"{error.full_key}: " if error.full_key else ""
    if "Recursive interpolation" in text:
        return f"{place}a reference ${{…}} leads back to its own place"
    if missing := re.match(r"Interpolation key '([^']+)' not found", text):
        group = missing[1].partition(".")[0]
        remedy = f"; choose it from python -m ganexp list {group}" if group in groups(conf_dir()) else ""
        return f"{place}there is no key {missing[1]} for ${{{missing[1]}}}{remedy}"
    text = text.partition(" full_key:")[0]
    # A resolver's own message names the setting.
    return text.partition(OF_A_RESOLVER)[2] or place + text


def unknown(given: str, kind: str, name: str, candidates: Sequence[str]) -> str:
    """Return a message that a name does not exist, with the closest candidate and, if there are few, all of them."""
    close = nearest(name, candidates)
    hint = f"; did you mean {close}?" if close else "."
    listed = f" There are: {', '.join(candidates)}" if len(candidates) <= 40 else " See: python -m ganexp list"
    return f"{shortened(given)}: no such {kind}{hint}{listed}"


COMMON_NAMES = {
    "bce": "nonsaturating",
    "vanilla": "nonsaturating",
    "wgan": "wasserstein",
    "gp": "gradient_penalty",
    "wgan_gp": "gradient_penalty",
    "sn": "spectral",
    "bn": "batch",
    "in": "instance",
    "ln": "layer",
    "gn": "group",
    "epochs": "trainer.max_epochs",
    "max_epochs": "trainer.max_epochs",
    "batch_size": "data.batch_size",
}
"""What other code calls an option or a setting, and its name here."""


def nearest(name: str, candidates: Sequence[str]) -> str | None:
    """Return the candidate that other code gives this name, or the closest, compared in full or by its last part."""
    if COMMON_NAMES.get(name) in candidates:
        return COMMON_NAMES[name]
    close = difflib.get_close_matches(name, candidates, n=1)
    if close:
        return close[0]
    last = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    close = difflib.get_close_matches(name.rpartition(".")[2], last, n=1)
    return last[close[0]] if close else None
