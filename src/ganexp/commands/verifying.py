"""The checks of ``verify``: short games of a run's own configuration, played twice."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from ganexp import run_folder
from ganexp.commands import fitting, processes
from ganexp.commands.building import build
from ganexp.commands.differences import Difference, differences, leaves
from ganexp.commands.loading import load_checkpoint
from ganexp.commands.resume import with_choices
from ganexp.commands.trust import trusted
from ganexp.errors import CheckFailed, one_line
from ganexp.layers.dropout import Dropout
from ganexp.layers.statistics import BATCH_NORMS
from ganexp.numerics import numerics_of
from ganexp.penalties import Dragan, LeCam

ROUNDING = 1e-6
"""How far apart weights in double precision may end up; rounding alone moves them by some 1e-14."""
DROPOUTS = (Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def verify(config: DictConfig, steps: int, ranks: int) -> None:
    """Make the checks and print a line for each.

    Raises CheckFailed if one does not hold.
    """
    failed = []
    with tempfile.TemporaryDirectory() as folder, run_folder.silenced():
        for name, held, verdict in verdicts(config, steps, ranks, Path(folder)):
            print(f"{name}: {'holds' if held else 'FAILS'}: {verdict}", flush=True)
            failed += [] if held else [name]
    if failed:
        raise CheckFailed(f"{' and '.join(failed)}: not as it should be")


def verdicts(config: DictConfig, steps: int, ranks: int, folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Yield each check's name, whether it holds, and what was seen."""
    yield "resume", *resume_verdict(config, steps, folder)
    if ranks > 1:
        yield "ranks", *ranks_verdict(config, steps, ranks, folder)


def resume_verdict(config: DictConfig, steps: int, folder: Path) -> tuple[bool, str]:
    """Return whether a stop, and a new process after it, changes nothing."""
    config = with_budget(config, 2 * steps)
    whole = play(config, folder / "whole", 2 * steps)
    play(config, folder / "stopped", steps)
    resumed = resume(config, folder / "stopped", 2 * steps)
    what = f"{steps} batches, a stop and {steps} more"
    found = differences(whole, resumed)
    if not found:
        count = sum(hasattr(value, "shape") for _, value in leaves(whole))
        return (
            True,
            f"{what} end where {2 * steps} do: all {count} tensors are the same, bit for bit{algorithms(config)}",
        )
    again = differences(whole, play(config, folder / "again", 2 * steps))
    if again and on_gpu(config) and not numerics_of(config).deterministic:
        return True, (
            f"not checked: with numerics.deterministic=false a GPU adds in no fixed order: {2 * steps} batches from "
            f"the start differ from themselves by up to {again[0].size:.2g}; {what} differ {described(found)}"
        )
    why = (
        f"{2 * steps} batches from the start differ from themselves too, by up to {again[0].size:.2g}: something draws "
        "random numbers that seed= does not reach, or computes in no fixed order"
        if again
        else f"{2 * steps} batches from the start are always the same: something that training changes is not in the "
        "checkpoint, or depends on the process"
    )
    return False, f"{what} differ from {2 * steps} {described(found)}; {why}"


def on_gpu(config: DictConfig) -> bool:
    """Return whether the run's Trainer chooses a GPU on this machine."""
    return config.trainer.get("accelerator", "auto") in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def algorithms(config: DictConfig) -> str:
    """Return in words which algorithms a GPU used; nothing for a processor, whose are all deterministic."""
    if not on_gpu(config):
        return ""
    return f", with numerics.deterministic={str(numerics_of(config).deterministic).lower()}"


def ranks_verdict(config: DictConfig, steps: int, ranks: int, folder: Path) -> tuple[bool, str]:
    """Return whether several processes on this machine's processors learn what one learns, but for rounding."""
    parts = ranks * config.model.get("accumulate", 1)
    if config.data.batch_size % parts:
        return True, f"not checked: data.batch_size={config.data.batch_size} has no {parts} equal parts"
    # In double precision, where an optimizer like Adam cannot blow up rounding.
    try:
        one = play(on_processors(with_budget(config, steps), "cpu", 1), folder / "one", steps)
    except RuntimeError as error:
        return True, f"not checked: the model does not compute in double precision: {one_line(error)}"
    several = play(on_processors(with_budget(config, steps), "ddp_cpu", ranks), folder / "several", steps)
    found = differences(*({"state_dict": each["state_dict"]} for each in (one, several)))
    if not found or found[0].size <= ROUNDING:
        furthest = f"by {found[0].size:.1g} at most ({found[0].name})" if found else "in nothing"
        return (
            True,
            f"{ranks} processes end where 1 does after {steps} batches: in double precision they differ {furthest}",
        )
    reasons = differing_by_nature(build(trusted(config).model), config.model.get("accumulate", 1))
    if reasons:
        return True, f"{ranks} processes differ from 1 {described(found)}, as they must: {'; '.join(reasons)}"
    return False, f"{ranks} processes differ from 1 after {steps} batches {described(found)}"


def described(found: list[Difference]) -> str:
    """Return differences in words, largest first."""
    return f"by up to {found[0].size:.2g} ({found[0].name}; {len(found)} tensors and numbers)"


def differing_by_nature(module: nn.Module, parts: int) -> list[str]:
    """Return why several processes cannot learn the same as one with this model."""
    kinds = Counter(
        kind
        for layer in module.modules()
        for kind, classes in {"batch": BATCH_NORMS, "dropout": DROPOUTS, "parts": (LeCam, Dragan)}.items()
        if isinstance(layer, classes) and getattr(layer, "p", 1) > 0
    )
    reasons = {
        "batch": f"{kinds['batch']} layers of batch normalization normalize by a process's own images "
        "(normalization=layer or spectral does not; on GPUs trainer.sync_batchnorm=true does by all images)",
        "dropout": f"{kinds['dropout']} layers of dropout draw in each process apart",
        "parts": "its penalty remembers something of each of model.accumulate's parts",
    }
    return [reason for kind, reason in reasons.items() if kinds[kind] and (kind != "parts" or parts > 1)]


def play(config: DictConfig, folder: Path, batches: int) -> dict[str, Any]:
    """Return the checkpoint after so many batches from the start."""
    fitting.run(short(config, folder, batches), folder, None, quiet=True)
    return load_checkpoint(run_folder.last_checkpoint(folder))


def resume(config: DictConfig, folder: Path, batches: int) -> dict[str, Any]:
    """Return the checkpoint after the rest of the batches, in a new process as after a stop."""
    ours, last = short(config, folder, batches), run_folder.last_checkpoint(folder)
    devices, nodes = processes.devices(config.trainer), config.trainer.get("num_nodes", 1)
    processes.run(ours, folder, last, devices, nodes, quiet=True)
    return load_checkpoint(run_folder.last_checkpoint(folder))


def with_budget(config: DictConfig, batches: int) -> DictConfig:
    """Return the configuration with a budget of so many batches at least."""
    ours = config.copy()
    ours.images = max(ours.images, batches * ours.data.batch_size)
    return ours


def short(config: DictConfig, folder: Path, batches: int) -> DictConfig:
    """Return the configuration of a run in ``folder`` that ends after so many batches, without scores and loggers.

    Its budget of images stays, so that schedules are those of the run.
    """
    (folder / run_folder.CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    ours = config.copy()
    OmegaConf.set_struct(ours, False)
    images = batches * ours.data.batch_size
    ours.run_dir = str(folder)
    ours.logger = {}
    for name in ("scores", "progress"):
        ours.callbacks[name] = None
    ours.callbacks.budget.images = images
    ours.callbacks.checkpoints = {
        "_target_": "ganexp.callbacks.checkpoints.LastCheckpoint",
        "folder": str(folder / run_folder.CHECKPOINTS),
        "every": images + 1,
    }
    ours.trainer.max_epochs = -1
    return ours


def on_processors(config: DictConfig, trainer: str, ranks: int) -> DictConfig:
    """Return the configuration with an option of the group of trainers, so many processes and double precision."""
    ours = with_choices(config.copy(), [f"trainer={trainer}"])
    ours.trainer.devices = ranks
    ours.trainer.precision = "64-true"
    # It only looks on, in single precision.
    ours.callbacks["doctor"] = None
    return ours
