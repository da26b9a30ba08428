"""Where a run that goes on may write.

A run's folder may come from somebody else, and its config.yaml says where callbacks and loggers write. It may say: into
the run's own folder. What it downloads from addresses that ``conf/`` does not know may also go where data go by
default. Any other place the user names.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.config.composition import conf_dir
from ganexp.errors import UserError
from ganexp.runs.run_folder import GIVEN
from ganexp.runs.trusted_code import texts, trusted

WRITERS = ("callbacks", "logger", "trainer")
WRITTEN_TO = {
    *("folder", "database", "storage", "dir", "dirpath", "save_dir", "sub_dir", "log_dir", "default_root_dir"),
    "_args_",
}
"""What the parts of these groups call the places that they write to; arguments by position have no name."""
SOURCES = "data"
DOWNLOADED_TO = {"root", "_args_"}
"""What a source that may download from anywhere calls the place that it downloads to."""
DATA_ROOT = "data_root"

Place = tuple[str, str]
"""A dotted key, and what it says."""


def bounded(config: DictConfig) -> DictConfig:
    """Return what ``trusted`` returns, if all that is in it writes only where it may.

    Raises UserError naming a place of a run's config.yaml that is neither in the run's folder, nor in ``data_root`` as
    it is by default, nor in a folder that the user gave.
    """
    parts = trusted(config)
    if config.get(GIVEN) is not None:
        resolved = OmegaConf.to_container(parts)
        default = str(OmegaConf.select(OmegaConf.load(conf_dir() / "train.yaml"), DATA_ROOT))
        require_inside(resolved, [config.run_dir, default], given(parts, config[GIVEN]))
    return parts


def require_inside(config: Any, folders: list[str], theirs: list[str]) -> None:
    """Raise UserError naming a place that lies in none of the folders, and is or lies in none of the user's places."""
    for key, text in places(config):
        if text not in theirs and not is_inside(text, [*folders, *theirs]):
            may_be_given = DATA_ROOT if key.startswith(f"{SOURCES}.") else key
            raise UserError(
                f"{key}: the run's config.yaml writes to {text}, outside of the run's folder; if that is meant, add "
                f"{may_be_given}={text}"
            )


def given(parts: DictConfig, keys: Iterable[str]) -> list[str]:
    """Return the places that values of these keys name, which the user gave."""
    names = {*WRITTEN_TO, *DOWNLOADED_TO, DATA_ROOT}
    values = {key: OmegaConf.create({key.rpartition(".")[2]: OmegaConf.select(parts, key)}) for key in keys}
    return [text for key, value in values.items() for _, text in named(OmegaConf.to_container(value), names, key)]


def places(config: Any) -> Iterator[Place]:
    """Yield every place that a resolved configuration says to write to."""
    for group in WRITERS:
        yield from named(config.get(group), WRITTEN_TO, group)
    for key, source in nodes(config.get(SOURCES), SOURCES):
        may_download = source.get("download", source.get("_target_") in downloaders(conf_dir()))
        if may_download and not has_known_address(source):
            for name in sorted(DOWNLOADED_TO & source.keys()):
                yield from ((f"{key}.{name}", text) for text in texts(source[name]))
            if isinstance(source.get("name"), str):
                yield f"{key}.name", str(Path(str(source.get("root"))) / source["name"])


def named(node: Any, names: set[str], key: str) -> Iterator[Place]:
    """Yield every text below a node that is, or is below, what one of the names says."""
    for inner, mapping in nodes(node, key):
        for name in sorted(names & mapping.keys()):
            yield from ((f"{inner}.{name}", text) for text in texts(mapping[name]))


def nodes(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping in plain containers by its dotted key."""
    if isinstance(node, dict):
        yield key, node
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from nodes(value, f"{key}.{name}")


def has_known_address(source: dict[str, Any]) -> bool:
    """Return whether a source downloads what everybody gets: it has its address in its code, or one of ``conf/``."""
    addresses = {node["url"] for node in configured(conf_dir()) if "url" in node}
    return "_args_" not in source and source.get("url") in {None, *addresses}


def downloaders(folder: Path) -> set[str]:
    """Return the targets that may download, which the config groups tell ``download``."""
    return {node["_target_"] for node in configured(folder) if "download" in node and "_target_" in node}


@cache
def configured(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return every mapping of the config groups."""
    loaded = (OmegaConf.to_container(OmegaConf.load(path)) for path in folder.rglob("*.yaml"))
    return tuple(node for each in loaded for _, node in nodes(each))


def is_inside(text: str, folders: Iterable[str]) -> bool:
    """Return whether a path, with links followed, lies in one of the folders, whoever reads ``~`` and ``$X`` in it.

    An address such as sqlite:///x lies in none.
    """
    meant = {text, os.path.expandvars(os.path.expanduser(text))}  # noqa: PTH111
    tops = [Path(folder).expanduser().resolve() for folder in folders]
    return all("://" not in path and any(Path(path).resolve().is_relative_to(top) for top in tops) for path in meant)
