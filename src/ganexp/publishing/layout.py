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
from ganexp.config.composition import resolve
from ganexp.config.conditions import translates
from ganexp.config.messages import explain
from ganexp.config.schema import check_schema
from ganexp.errors import UserError
from ganexp.files.untrusted import read_yaml
from ganexp.image_size import ImageSize
from ganexp.runs import run_folder
from ganexp.runs.class_names import CLASS_NAMES, read_class_names
from ganexp.runs.run import Run
from ganexp.runs.trusted_code import trusted

CONFIG = "config.json"
SUFFIX = ".safetensors"
WEIGHTS = f"model{SUFFIX}"
CARD = "README.md"
SAMPLES = "samples.png"
SCHEME = "hf://"
HUB_NAME = re.compile(r"hf://(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
PARTS = ("model", "data", "requires")
RANGES = ("value_range", "input_value_range")
DATA = ("name", "channels", "input_channels", "image_size", "num_classes", "direction", "flip", "dequantize", *RANGES)
"""What samples, translations and scores need of the data; the rest, such as the folders of the user's machine, stays
there."""
IMAGES_SEEN = "images_seen"
CHECKPOINT = "checkpoint"
OPTIONAL = ("library_name", "version", IMAGES_SEEN, CHECKPOINT, CLASS_NAMES)


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
    stated = {name: config["data"][name] for name in DATA if name in config["data"] and name not in RANGES}
    data = {**stated, **ranges(run)}
    parts = {"model": config["model"], "data": data, "requires": config.get("requires") or {}}
    names = read_class_names(run.folder)
    # Read back as a configuration, in which it would be a reference.
    named = {} if names is None or any("${" in name for name in names) else {CLASS_NAMES: names}
    assert run.checkpoint is not None
    counted = {IMAGES_SEEN: images_seen, CHECKPOINT: run.checkpoint.stem}
    return {"library_name": "ganexp", "version": __version__, **counted, **parts, **named}


def ranges(run: Run) -> dict[str, list[float]]:
    """Return the ranges of values that a run was trained with, stated or measured; none of pictures of 8 bits."""
    from ganexp.runs.value_range import value_range_of

    found = {"value_range": value_range_of(run)}
    if translates(run.config):
        found["input_value_range"] = value_range_of(run, "input")
    return {name: list(value_range) for name, value_range in found.items() if value_range is not None}


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write config.json."""
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def published_run(folder: Path, trust: Sequence[str] = ()) -> Run:
    """Return the model published in a folder as a run to load; ``trust`` names code that its configuration may name.

    Raises UserError for a configuration that cannot be read, and for code that is not trusted.
    """
    from ganexp.data.depth.value_range import checked_setting

    path = folder / CONFIG
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise UserError(f"{folder} is not a published model: it has no {WEIGHTS}")
    config = trusted(run_folder.as_untrusted(needed(read_config(path)), folder, trust))
    for name, types in (("channels", (int,)), ("input_channels", (int, type(None)))):
        if type(config.data.get(name)) not in types:
            raise UserError(f"{path}: data.{name}={config.data.get(name)}: it must be a number")
    try:
        ImageSize.of(config.data.get("image_size"))
    except ValueError as error:
        raise UserError(f"{path}: data.image_size={config.data.get('image_size')}: {error}") from error
    with run_folder.naming(path):
        for name in RANGES:
            checked_setting(config.data.get(name))
        check_schema({"model": OmegaConf.to_container(config.model)})
    return Run(folder, config, {}, weights)


def needed(config: DictConfig) -> DictConfig:
    """Return the parts of a config.json that are read, so that nothing else in it is built."""
    parts: DictConfig = OmegaConf.masked_copy(config, [*PARTS, *(key for key in OPTIONAL if key in config)])
    parts.data = OmegaConf.masked_copy(config.data, [name for name in DATA if name in config.data])
    return parts


def is_published(run: Run) -> bool:
    """Return whether a run is a published model, which has neither its data nor what it was trained with."""
    return run.checkpoint is not None and run.checkpoint.suffix == SUFFIX


def checkpoint_name(run: Run) -> str:
    """Return the name of the checkpoint that a model was published from, such as last or best."""
    name = run.config.get(CHECKPOINT)
    return name if isinstance(name, str) and name.isidentifier() else "last"


def images_seen(run: Run) -> int | None:
    """Return the number of real images that a published model was trained on, None if its config.json does not say."""
    number = run.config.get(IMAGES_SEEN)
    return number if type(number) is int and number >= 0 else None


def read_config(path: Path) -> DictConfig:
    """Return the content of a config.json; raises UserError if it is not one of ganexp."""
    try:
        # JSON is YAML, so that the bounds on a run's configuration hold.
        content = json.loads(read_yaml(path))
        config: DictConfig = OmegaConf.create(content)
    except (ValueError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{path} cannot be read as JSON: {explain(error)}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(name), dict) for name in PARTS):
        raise UserError(f"{path} is not the configuration of a model that ganexp published")
    return config
