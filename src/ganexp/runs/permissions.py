"""Overrides that permit a saved run what its configuration does, for the commands that continue it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from ganexp.config.composition import conf_dir, resolve
from ganexp.runs.run_folder import TRUST
from ganexp.runs.trusted_code import unknown_targets
from ganexp.runs.write_paths import DATA_GROUP, addresses, default_data_root, is_inside, known_addresses, write_paths

PLAIN = re.compile(r"[\w.+:-]*/[\w./+:-]*", re.ASCII)
"""Paths that are YAML as they are."""


def permissions(config: DictConfig) -> tuple[str, ...]:
    """Return the overrides with which ``resume`` accepts a configuration, none if all of it is ganexp's own.

    ``trust=…`` has code, addresses, and places that data are downloaded to; other paths outside of the run's folder are
    repeated under their own keys.
    """
    resolved = resolve(config)
    inside = [str(config.run_dir), default_data_root()]
    outside = {key: text for key, text in write_paths(resolved) if not is_inside(text, inside)}
    downloads = [text for key, text in outside.items() if key.startswith(f"{DATA_GROUP}.")]
    foreign = [address for _, address in addresses(resolved) if address not in known_addresses(conf_dir())]
    names = dict.fromkeys([*unknown_targets(resolved), *foreign, *downloads])
    trust = (f"{TRUST}={','.join(names)}",) if names else ()
    return (*trust, *(given(resolved, key) for key in outside if not key.startswith(f"{DATA_GROUP}.")))


def given(config: Mapping[str, Any], key: str) -> str:
    """Return the override that sets a dotted key to the path, or the list with paths, that it has."""
    value = OmegaConf.select(OmegaConf.create(dict(config)), key)
    return f"{key}=[{','.join(map(written, value))}]" if isinstance(value, ListConfig) else f"{key}={written(value)}"


def written(value: Any) -> str:
    """Return a path, or a number beside it, as YAML: in quotation marks where a character may have a meaning."""
    return json.dumps(value, ensure_ascii=False) if not PLAIN.fullmatch(str(value)) else str(value)
