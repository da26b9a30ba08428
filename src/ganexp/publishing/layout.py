"""Layout of a published model, that of the Hugging Face Hub: config.json, model.safetensors, scores.json, README.md."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp import __version__
from ganexp.config.composition import explain, resolve
from ganexp.errors import UserError
from ganexp.files.untrusted import read_yaml
from ganexp.runs import run_folder
from ganexp.runs.class_names import read_class_names
from ganexp.runs.run import Run
from ganexp.runs.trusted_code import trusted

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CARD = "README.md"
SAMPLES = "samples.png"
SCHEME = "hf://"
HUB_NAME = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
PARTS = ("model", "data", "requires")
CLASS_NAMES = "class_names"
"""Key of the names of the classes, by class number."""
DATA = ("name", "channels", "image_size", "num_classes", "direction")
"""What samples and translations need of the data; the rest, such as the folders of the user's machine, stays there."""


def is_hub_name(name: str) -> bool:
    """Return whether a name is one of the Hub, hf://owner/name or hf://owner/name@revision."""
    return name.startswith(SCHEME)


def hub_name(name: str) -> tuple[str, str | None]:
    """Return owner/name and the revision of a name of the Hub; raises UserError for any other."""
    match = HUB_NAME.fullmatch(name)
    if match is None:
        raise UserError(f"{name}: a model of the Hub is {SCHEME}owner/name, or {SCHEME}owner/name@revision")
    return match["name"], match["revision"]


def published_config(run: Run, images_seen: int) -> dict[str, Any]:
    """Return what config.json holds: the run's model and what it needs, references resolved."""
    config = resolve(run.config)
    data = {name: config["data"][name] for name in DATA if name in config["data"]}
    parts = {"model": config["model"], "data": data, "requires": config.get("requires") or {}}
    names = read_class_names(run.folder)
    # Read back as a configuration, in which it would be a reference.
    named = {} if names is None or any("${" in name for name in names) else {CLASS_NAMES: names}
    return {"library_name": "ganexp", "version": __version__, "images_seen": images_seen, **parts, **named}


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write config.json."""
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def published_run(folder: Path, trust: Sequence[str] = ()) -> Run:
    """Return the model published in a folder as a run to load; ``trust`` names code that its configuration may name.

    Raises UserError for a configuration that cannot be read, and for code that is not trusted.
    """
    path = folder / CONFIG
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise UserError(f"{folder} is not a published model: it has no {WEIGHTS}")
    config = trusted(run_folder.as_untrusted(read_config(path), folder, trust))
    if not isinstance(config.data.get("channels"), int):
        raise UserError(f"{path}: data.channels={config.data.get('channels')}: it must be a number")
    return Run(folder, config, {}, weights)


def read_config(path: Path) -> DictConfig:
    """Return the content of a config.json; raises UserError if it is not one of ganexp."""
    try:
        # JSON is YAML, so that the bounds on a run's configuration hold.
        config: DictConfig = OmegaConf.create(json.loads(read_yaml(path)))
        whole = isinstance(config, DictConfig) and all(isinstance(config.get(name), DictConfig) for name in PARTS)
    except (ValueError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path} cannot be read as JSON: {explain(error)}") from error
    if not whole:
        raise UserError(f"{path} is not the configuration of a model that ganexp published")
    checked: DictConfig = config
    return checked
