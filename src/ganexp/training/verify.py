"""Reproducibility checks of ``verify``: short runs of a configuration, trained twice and compared."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from ganexp.config.build import build
from ganexp.errors import CheckFailed, one_line
from ganexp.layers.dropout import Dropout
from ganexp.layers.statistics import BATCH_NORMS
from ganexp.numerics.flags import numerics_of
from ganexp.penalties.dragan import Dragan
from ganexp.penalties.lecam import LeCam
from ganexp.runs import run_folder, run_log
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.checkpoint_diff import Difference, differences, leaves
from ganexp.runs.overrides import with_options
from ganexp.runs.run import training_run
from ganexp.training import launch, launcher

ROUNDING = 1e-6
"""Largest difference of weights in double precision that counts as rounding, which alone gives about 1e-14."""
DROPOUTS = (Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def verify(config: DictConfig, steps: int, ranks: int) -> None:
    """Run the checks and print one line for each.

    Raises CheckFailed if any check fails.
    """
    failed = []
    with tempfile.TemporaryDirectory() as folder, run_log.silenced():
        for name, held, verdict in verdicts(config, steps, ranks, Path(folder)):
            print(f"{name}: {'holds' if held else 'FAILS'}: {verdict}", flush=True)
            failed += [] if held else [name]
    if failed:
        raise CheckFailed(f"{' and '.join(failed)}: not as it should be")


def verdicts(config: DictConfig, steps: int, ranks: int, folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Yield each check's name, whether it holds, and the finding."""
    yield "resume", *resume_verdict(config, steps, folder)
    if ranks > 1:
        yield "ranks", *ranks_verdict(config, steps, ranks, folder)


def resume_verdict(config: DictConfig, steps: int, folder: Path) -> tuple[bool, str]:
    """Return whether stopping, and resuming in a new process, changes nothing."""
    config = with_budget(config, 2 * steps)
    whole = train_batches(config, folder / "whole", 2 * steps)
    train_batches(config, folder / "stopped", steps)
    resumed = resume(config, folder / "stopped", 2 * steps)
    what = f"{steps} batches, a stop and {steps} more"
    changes = differences(whole, resumed)
    if not changes:
        count = sum(hasattr(value, "shape") for _, value in leaves(whole))
        return (
            True,
            f"{what} end where {2 * steps} do: all {count} tensors are the same, bit for bit{algorithms(config)}",
        )
    again = differences(whole, train_batches(config, folder / "again", 2 * steps))
    if again and on_gpu(config) and not is_deterministic(config):
        return True, (
            f"not checked: with numerics.deterministic=false a GPU adds in no fixed order: {2 * steps} batches from "
            f"the start differ from themselves by up to {again[0].size:.2g}; {what} differ {describe(changes)}"
        )
    why = (
        f"{2 * steps} batches from the start differ from themselves too, by up to {again[0].size:.2g}: something draws "
        "random numbers that seed= does not reach, or computes in no fixed order"
        if again
        else f"{2 * steps} batches from the start are always the same: something that training changes is not in the "
        "checkpoint, or depends on the process"
    )
    return False, f"{what} differ from {2 * steps} {describe(changes)}; {why}"


def on_gpu(config: DictConfig) -> bool:
    """Return whether the run's Trainer chooses a GPU on this machine."""
    return config.trainer.get("accelerator", "auto") in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def is_deterministic(config: DictConfig) -> bool:
    """Return whether the run uses deterministic algorithms."""
    return numerics_of(config.get("numerics"), config.trainer).deterministic


def algorithms(config: DictConfig) -> str:
    """Describe the algorithms that a GPU used; empty on a CPU, where all are deterministic."""
    if not on_gpu(config):
        return ""
    return f", with numerics.deterministic={str(is_deterministic(config)).lower()}"


def ranks_verdict(config: DictConfig, steps: int, ranks: int, folder: Path) -> tuple[bool, str]:
    """Return whether several processes on this machine's CPUs learn the same as one, up to rounding."""
    parts = ranks * config.model.get("accumulate", 1)
    if config.data.batch_size % parts:
        return True, f"not checked: data.batch_size={config.data.batch_size} has no {parts} equal parts"
    # In double precision, where an optimizer such as Adam does not amplify rounding errors.
    try:
        one = train_batches(on_cpus(with_budget(config, steps), "cpu", 1), folder / "one", steps)
    except RuntimeError as error:
        return True, f"not checked: the model does not compute in double precision: {one_line(error)}"
    several = train_batches(on_cpus(with_budget(config, steps), "ddp_cpu", ranks), folder / "several", steps)
    changes = differences(*({"state_dict": checkpoint["state_dict"]} for checkpoint in (one, several)))
    if not changes or changes[0].size <= ROUNDING:
        furthest = f"by {changes[0].size:.1g} at most ({changes[0].name})" if changes else "in nothing"
        return (
            True,
            f"{ranks} processes end where 1 does after {steps} batches: in double precision they differ {furthest}",
        )
    reasons = inherent_differences(
        build(training_run(config.copy(), folder).config.model), config.model.get("accumulate", 1)
    )
    if reasons:
        return True, f"{ranks} processes differ from 1 {describe(changes)}, as they must: {'; '.join(reasons)}"
    return False, f"{ranks} processes differ from 1 after {steps} batches {describe(changes)}"


def describe(changes: list[Difference]) -> str:
    """Describe the differences, of which the largest is first."""
    return f"by up to {changes[0].size:.2g} ({changes[0].name}; {len(changes)} tensors and numbers)"


def inherent_differences(module: nn.Module, parts: int) -> list[str]:
    """Return the reasons why several processes cannot learn the same as one with this model."""
    kinds = Counter(
        kind
        for layer in module.modules()
        for kind, classes in {"batch": BATCH_NORMS, "dropout": DROPOUTS, "parts": (LeCam, Dragan)}.items()
        if isinstance(layer, classes) and getattr(layer, "p", 1) > 0
    )
    reasons = {
        "batch": f"{kinds['batch']} layers of batch normalization normalize by a process's own images "
        "(normalization=layer or spectral does not; on GPUs trainer.sync_batchnorm=true does by all images)",
        "dropout": f"{kinds['dropout']} layers of dropout draw separately in each process",
        "parts": "its penalty remembers something of each of model.accumulate's parts",
    }
    return [reason for kind, reason in reasons.items() if kinds[kind] and (kind != "parts" or parts > 1)]


def train_batches(config: DictConfig, folder: Path, batches: int) -> dict[str, Any]:
    """Train ``batches`` batches from the start and return the checkpoint."""
    launch.train(training_run(short_run(config, folder, batches), folder), quiet=True)
    return load_checkpoint(run_folder.last_checkpoint(folder))


def resume(config: DictConfig, folder: Path, batches: int) -> dict[str, Any]:
    """Resume in a new process up to ``batches`` batches and return the checkpoint."""
    run = training_run(short_run(config, folder, batches), folder, run_folder.last_checkpoint(folder))
    devices, nodes = launcher.devices(config.trainer), config.trainer.get("num_nodes", 1)
    launcher.launch(run, devices, nodes, quiet=True)
    return load_checkpoint(run_folder.last_checkpoint(folder))


def with_budget(config: DictConfig, batches: int) -> DictConfig:
    """Return the configuration with a budget of at least ``batches`` batches."""
    config = config.copy()
    config.images = max(config.images, batches * config.data.batch_size)
    return config


def short_run(config: DictConfig, folder: Path, batches: int) -> DictConfig:
    """Return the configuration of a run in ``folder`` that ends after ``batches`` batches, without scores and loggers.

    The budget of images is unchanged, so the schedules are those of the full run.
    """
    (folder / run_folder.CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    config = config.copy()
    OmegaConf.set_struct(config, False)
    images = batches * config.data.batch_size
    config.run_dir = str(folder)
    config.logger = {}
    # The checks hold from any weights, and those of a run that was moved may be missing.
    config.init = None
    for name in ("scores", "progress"):
        config.callbacks[name] = None
    config.callbacks.budget.images = images
    config.callbacks.checkpoints = {
        "_target_": "ganexp.callbacks.checkpoints.LastCheckpoint",
        "folder": str(folder / run_folder.CHECKPOINTS),
        "every": images + 1,
    }
    config.trainer.max_epochs = -1
    return config


def on_cpus(config: DictConfig, trainer: str, ranks: int) -> DictConfig:
    """Return the configuration with the trainer option, ``ranks`` processes and double precision."""
    config = with_options(config.copy(), [f"trainer={trainer}"])
    config.trainer.devices = ranks
    config.trainer.precision = "64-true"
    # The doctor does not affect training, and computes in single precision.
    config.callbacks["doctor"] = None
    return config
