"""Validation of settings, before any heavy package is imported."""

from typing import Any

from ganexp.config.kinds import is_whole
from ganexp.config.rules import check_rules
from ganexp.config.schema import check_schema
from ganexp.config.single_pixels import processes
from ganexp.config.types import flatten
from ganexp.data.files.folders import existing
from ganexp.errors import UserError

REPLACEMENTS = {
    "gradient_clip_val": (None, "model.gradient_clip", "Lightning does not clip when players take turns"),
    "accumulate_grad_batches": (
        1,
        "model.accumulate",
        "Lightning does not accumulate when players take turns",
    ),
    "max_steps": (-1, "images", "Lightning counts the optimizer steps of all players"),
}

CHECKPOINTS = ("last", "best")

FOLDER_SOURCES = {
    f"ganexp.data.sources.{name}" for name in ("image_folder", "split_folder", "paired_folder", "unpaired_folder")
}
"""Sources that read the user's own folders, which are never downloaded."""
FOLDER_KEYS = ("root", "a", "b", "test_a", "test_b")
NETWORKS = ("generator", "discriminator", "generator.network", "discriminator.network")


def check_parts(config: dict[str, Any]) -> None:
    """Raise UserError if a required part was removed or emptied."""
    for part in ("model", "data", "trainer"):
        if not isinstance(config.get(part), dict) or "_target_" not in config[part]:
            raise UserError(f"{part}: every run needs one; choose from python -m ganexp list {part}")
    check_networks(config["model"])
    for part in ("callbacks", "logger"):
        if not isinstance(config.get(part), dict):
            raise UserError(f"{part}: a group of named parts is expected; python -m ganexp list {part}")
    if not isinstance(config["callbacks"].get("budget"), dict):
        raise UserError("callbacks.budget: without it training never ends; give images=N instead")
    for key in ("images", "seed"):
        if not is_whole(config.get(key)) and "${" not in str(config.get(key)):
            raise UserError(f"{key}={config.get(key)}: a whole number is expected")


def check_networks(model: dict[str, Any]) -> None:
    """Raise UserError if a network of a model of ganexp is null, as ``model/without`` leaves it."""
    if str(model["_target_"]).startswith("ganexp."):
        settings = dict(flatten(model))
        for place in NETWORKS:
            if settings.get(place, "absent") is None:
                raise UserError(f"model.{place}: a run needs it; give a network in its place (docs/extending.md)")


def check(config: dict[str, Any]) -> None:
    """Raise UserError for the first setting that cannot work."""
    check_schema(config)
    check_trainer(config["trainer"])
    check_rank_timeout(config.get("rank_timeout"))
    check_numerics(config.get("numerics") or {}, config["trainer"])
    check_clipping(config)
    check_accumulation(config)
    check_rollback(config)
    check_encoder(config["model"], config["data"])
    check_rules(config)


def check_trainer(trainer: dict[str, Any]) -> None:
    """Raise UserError for Trainer arguments that manual optimization ignores or forbids, with their replacement."""
    for name, (default, replacement, reason) in REPLACEMENTS.items():
        if trainer.get(name, default) != default:
            raise UserError(f"trainer.{name}={trainer[name]}: {reason}; use {replacement}= instead")
    check_devices(trainer.get("devices", 1))
    if trainer.get("limit_train_batches") == 0:
        raise UserError("trainer.limit_train_batches=0: there is nothing to train on; give images=N for a short run")


def check_rank_timeout(seconds: Any) -> None:
    """Raise UserError for a time after which every rank would hang."""
    if seconds is not None and (not is_whole(seconds) or seconds < 1):
        raise UserError(f"rank_timeout={seconds}: whole seconds, 1 or more, or null for no limit are expected")


def check_devices(devices: Any) -> None:
    """Raise UserError for a value that is neither a number of devices nor a list of device indices."""
    indices = devices.split(",") if isinstance(devices, str) else devices if isinstance(devices, list) else [devices]
    is_all = devices in ("auto", -1, "-1")
    if not is_all and not (indices and all(is_device_index(index) for index in indices if index != "")):
        raise UserError(
            f"trainer.devices={devices}: a whole number is expected, or a list such as trainer.devices=[0,2]; "
            "-1 means all"
        )


def is_device_index(value: Any) -> bool:
    """Return whether a value is a whole number, 0 or more, possibly as text."""
    return (is_whole(value) and value >= 0) or (isinstance(value, str) and value.strip().isdigit())


def check_numerics(numerics: dict[str, Any], trainer: dict[str, Any]) -> None:
    """Raise UserError for deterministic algorithms combined with benchmarking, whose choice varies from run to run."""
    deterministic = trainer.get("deterministic")
    is_deterministic = numerics.get("deterministic") if deterministic is None else deterministic
    if is_deterministic and trainer.get("benchmark"):
        raise UserError(
            "trainer.benchmark=true chooses algorithms by timing them, so two runs may differ: give "
            "numerics.deterministic=false as well"
        )


def check_clipping(config: dict[str, Any]) -> None:
    """Raise UserError for a fused optimizer with a loss scaler and clipping: it unscales after the clipping."""
    has_loss_scaler = str(config["trainer"].get("precision")) in ("16", "16-mixed")
    for player, optimizer in (config.get("optimizer") or {}).items():
        if has_loss_scaler and config["model"].get("gradient_clip") is not None and optimizer.get("fused"):
            raise UserError(
                f"model.gradient_clip={config['model']['gradient_clip']} with trainer.precision=16-mixed needs "
                f"optimizer.{player}.fused=false"
            )


def check_accumulation(config: dict[str, Any]) -> None:
    """Raise UserError for batches of which a rank's share has no equal parts."""
    parts, images = config["model"].get("accumulate"), config["data"].get("batch_size")
    if not (is_whole(parts) and is_whole(images) and parts > 0):
        return
    ranks = processes(config)
    share = images // ranks if images % ranks == 0 else images
    if share % parts:
        raise UserError(f"model.accumulate={parts} does not divide the {share} images that a rank gets of each batch")


def check_rollback(config: dict[str, Any]) -> None:
    """Raise UserError for a run that is to return to checkpoints which it does not write."""
    if (config.get("doctor") or {}).get("rollback") and config["callbacks"].get("checkpoints") is None:
        raise UserError(
            "doctor.rollback=true returns to the last checkpoint, and callbacks.checkpoints=null writes none: leave "
            "one of them out"
        )


def check_encoder(model: dict[str, Any], data: dict[str, Any]) -> None:
    """Raise UserError for an encoder of images of other channels than the data has."""
    generator = model.get("generator")
    for place, holder in (("model", model), ("model.generator", generator)):
        encoder = holder.get("encoder") if isinstance(holder, dict) else None
        channels = encoder.get("channels") if isinstance(encoder, dict) else None
        if channels not in (None, data.get("channels")):
            raise UserError(
                f"{place}.encoder.channels={channels}: the data has data.channels={data.get('channels')}; leave it "
                "out, or convert the pictures by data.channels"
            )


def check_folders(data: dict[str, Any]) -> None:
    """Raise UserError for folders of images that are not given or do not exist."""
    source = data.get("source")
    if isinstance(source, dict) and str(source.get("_target_")) in FOLDER_SOURCES:
        if all(data.get(key) is None for key in FOLDER_KEYS):
            domains = ", or two domains by data.a=FOLDER data.b=FOLDER" if "a" in data else ""
            raise UserError(f"data.root is not set: give data.root=FOLDER{domains}")
        for key in FOLDER_KEYS:
            if isinstance(data.get(key), str):
                existing(data[key], f"data.{key}")


def check_checkpoint(name: Any) -> None:
    """Raise UserError for a checkpoint name other than last and best."""
    if name not in CHECKPOINTS:
        raise UserError(f"checkpoint={name}: choose {' or '.join(CHECKPOINTS)}")
