"""Write paths and download addresses that a saved run may use.

A run's folder may come from somebody else, and its config.yaml sets the paths that callbacks and loggers write to, and
the addresses that data are downloaded from. Paths must lie in the run's own folder, those of downloads there or in the
default data folder. Addresses must be in ``conf/``. Any other must be given by the user.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.config.composition import conf_dir
from ganexp.errors import UserError
from ganexp.runs.places import options
from ganexp.runs.run_folder import GIVEN, TRUST
from ganexp.runs.trusted_code import strings, trusted

WRITERS = ("callbacks", "logger", "trainer")
WRITE_KEYS = {
    *("folder", "database", "storage", "dir", "dirpath", "save_dir", "sub_dir", "log_dir", "default_root_dir"),
    "_args_",
}
"""Keys of write paths in these groups; ``_args_`` are positional arguments."""
DATA_GROUP = "data"
DOWNLOAD_KEYS = {"root", "_args_"}
"""Keys of download paths in a source that may download from anywhere."""
DATA_ROOT = "data_root"
URL = "url"
REPOSITORY = "path"
"""Key of a folder, or of a repository to download from."""

KeyedPath = tuple[str, str]
"""A dotted key and its path."""


def bounded(config: DictConfig, groups: Sequence[str] = (*WRITERS, DATA_GROUP)) -> DictConfig:
    """Return the trusted configuration, with the write paths and download addresses of its groups checked.

    Raises UserError naming a path of a run's config.yaml that is neither in the run's folder, nor in the default
    ``data_root``, nor in a folder given by the user; and an address that is not in ``conf/`` or given by the user.
    """
    parts = trusted(config)
    if config.get(GIVEN) is not None:
        resolved: Any = OmegaConf.to_container(parts)
        permitted = [*given_values(parts, config[GIVEN]), *config[TRUST]]
        require_inside(write_paths(resolved, groups), [config.run_dir, default_data_root()], permitted)
        if DATA_GROUP in groups:
            require_known(addresses(resolved), permitted)
    return parts


def default_data_root() -> str:
    """Return the folder that downloads go to unless the user gives another."""
    return str(OmegaConf.select(OmegaConf.load(conf_dir() / "train.yaml"), DATA_ROOT))


def require_inside(paths: Iterable[KeyedPath], folders: list[str], permitted: list[str]) -> None:
    """Raise UserError naming a write path outside of the folders and of the paths ``permitted`` by the user."""
    for key, text in paths:
        if text not in permitted and not is_inside(text, [*folders, *permitted]):
            key_to_give = "trust" if key.startswith(f"{DATA_GROUP}.") else key
            raise UserError(
                f"{key}: the run's config.yaml writes to {text}, outside of the run's folder; if that is intended, add "
                f"{key_to_give}={text}"
            )


def require_known(urls: Iterable[tuple[str, str]], permitted: list[str]) -> None:
    """Raise UserError naming an address that is neither in the config groups nor ``permitted`` by the user."""
    for key, url in urls:
        if url not in known_addresses(conf_dir()) and url not in permitted:
            raise UserError(
                f"{key}: the run's config.yaml downloads from {url}, which is not in ganexp's config groups; if you "
                f"trust that address, add trust={url}"
            )


def given_values(parts: DictConfig, keys: Iterable[str]) -> list[str]:
    """Return the paths and addresses in the values that the user gave for these keys."""
    names = {*WRITE_KEYS, *DOWNLOAD_KEYS, DATA_ROOT, URL, REPOSITORY}
    values = {key: OmegaConf.create({key.rpartition(".")[2]: OmegaConf.select(parts, key)}) for key in keys}
    return [text for key, value in values.items() for _, text in paths_below(OmegaConf.to_container(value), names, key)]


def write_paths(config: Any, groups: Sequence[str] = (*WRITERS, DATA_GROUP)) -> Iterator[KeyedPath]:
    """Yield every write path in some groups of a resolved configuration."""
    for group in (group for group in WRITERS if group in groups):
        yield from paths_below(config.get(group), WRITE_KEYS, group)
    for key, source in nodes(config.get(DATA_GROUP) if DATA_GROUP in groups else None, DATA_GROUP):
        if may_download(source) and not has_known_url(source):
            for name in sorted(DOWNLOAD_KEYS & source.keys()):
                yield from ((f"{key}.{name}", text) for text in strings(source[name]))
            if isinstance(source.get("name"), str):
                yield f"{key}.name", str(Path(str(source.get("root"))) / source["name"])


def addresses(config: Any) -> Iterator[tuple[str, str]]:
    """Yield (key, address) of every address that a source of a resolved configuration may download from."""
    for key, source in nodes(config.get(DATA_GROUP), DATA_GROUP):
        if source.get(URL) is not None and may_download(source):
            yield f"{key}.{URL}", str(source[URL])
        repository = source.get(REPOSITORY)
        if repository is not None and may_download(source) and not Path(str(repository)).expanduser().is_dir():
            yield f"{key}.{REPOSITORY}", str(repository)


def may_download(source: Mapping[str, Any]) -> bool:
    """Return whether a source downloads what is missing."""
    return bool(source.get("download", source.get("_target_") in downloaders(conf_dir())))


def paths_below(node: Any, names: set[str], key: str) -> Iterator[KeyedPath]:
    """Yield every string in or below a value with one of the names, anywhere below a node."""
    for inner, mapping in nodes(node, key):
        for name in sorted(names & mapping.keys()):
            yield from ((f"{inner}.{name}", text) for text in strings(mapping[name]))


def nodes(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dotted key, mapping) of every mapping in plain containers."""
    if isinstance(node, dict):
        yield key, node
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from nodes(value, f"{key}.{name}")


def has_known_url(source: dict[str, Any]) -> bool:
    """Return whether a source downloads a public data set: from an address in its own code or in ``conf/``."""
    return "_args_" not in source and source.get(URL) in {None, *known_addresses(conf_dir())}


def known_addresses(folder: Path) -> set[str]:
    """Return every download address in the config groups."""
    return {node[URL] for node in config_mappings(folder) if URL in node}


def downloaders(folder: Path) -> set[str]:
    """Return the targets that may download: those with a ``download`` setting in the config groups."""
    return {node["_target_"] for node in config_mappings(folder) if "download" in node and "_target_" in node}


@cache
def config_mappings(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return every mapping of the config groups."""
    return tuple(node for content in options(folder).values() for _, node in nodes(content))


def is_inside(text: str, folders: Iterable[str]) -> bool:
    """Return whether a path, links followed, lies in one of the folders, with ``~`` and ``$X`` literal and expanded.

    A URL such as sqlite:///x lies in none.
    """
    readings = {text, os.path.expandvars(os.path.expanduser(text))}  # noqa: PTH111
    tops = [Path(folder).expanduser().resolve() for folder in folders]
    return all("://" not in path and any(Path(path).resolve().is_relative_to(top) for top in tops) for path in readings)
