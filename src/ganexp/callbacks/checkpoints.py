"""Checkpoint writing: atomic, beside training, verified to be finite, with a limited number of earlier ones."""

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from ganexp.callbacks.game_module import GameModule
from ganexp.callbacks.interval import Interval
from ganexp.callbacks.snapshot import Snapshot
from ganexp.errors import Diverged, one_line
from ganexp.files.background import BackgroundTasks, ImmediateTasks, Tasks, completed

log = logging.getLogger(__name__)

UNFINISHED = ".tmp"
"""Suffix of files being written, which get their own name once they are whole."""


class LastCheckpoint(L.Callback):
    """Writes last.ckpt every ``every`` images and at the end; with ``from_start`` also before the first batch.

    If ``keep`` is more than 1, the latest ``keep`` checkpoints are also kept as NNNNNNNN.ckpt, named by images seen.
    Never replaces a good checkpoint by one whose weights or losses are not finite. If ``asynchronous``, training goes
    on once the weights are copied in memory. Another thread looks whether they are finite, copies optimizer states and
    moving averages, for which the next optimizer step waits, and writes the copy; one copy exists at a time, so a save
    waits until the previous one is written. Errors of writing, such as OSError for a full disk, are raised after the
    next batch; training ends only when everything is written.
    """

    def __init__(
        self, folder: str, every: int, from_start: bool = False, keep: int = 1, asynchronous: bool = True
    ) -> None:
        if keep < 1:
            raise ValueError(f"callbacks.checkpoints.keep={keep}: it must be 1 or more")
        self.path = Path(folder) / "last.ckpt"
        self.keep = keep
        self.every = Interval(every)
        self.from_start = from_start
        self.tasks: Tasks = BackgroundTasks() if asynchronous else ImmediateTasks()
        self.asynchronous = asynchronous
        self.checkpoint_io = AtomicCheckpointIO()
        self.checked = completed()

    def setup(self, trainer: L.Trainer, module: Any, stage: str) -> None:
        """Make the trainer write all checkpoints in this way."""
        if self.asynchronous:
            self.checkpoint_io = BackgroundCheckpointIO(self.tasks, partial(changed_by_steps_alone, trainer, module))
        trainer.strategy.checkpoint_io = self.checkpoint_io

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Start counting, and save the initial state if asked to."""
        self.every.start(module.images_seen)
        if self.from_start and module.images_seen == 0:
            self.save(trainer, module)

    def on_before_optimizer_step(self, trainer: L.Trainer, module: Any, optimizer: Any) -> None:
        """Wait until what the step changes is checked and copied.

        Raises Diverged if the weights are not finite.
        """
        self.tasks.wait_for(self.checked)
        self.checkpoint_io.wait_for_copy()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Save when the interval has passed.

        Raises the error of an earlier save.
        """
        self.tasks.check()
        if self.every.due(module.images_seen):
            self.save(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Save the last state, and wait until it is written."""
        self.save(trainer, module)
        self.tasks.wait()

    def on_exception(self, trainer: L.Trainer, module: Any, exception: BaseException) -> None:
        """Wait for what is being written; if it fails, log why, as training has already ended for another reason."""
        try:
            self.tasks.wait()
        except Exception as error:
            log.warning("%s", one_line(error))

    def save(self, trainer: L.Trainer, module: GameModule) -> None:
        """Replace last.ckpt, unless the weights are not finite, of which the next step or wait raises Diverged.

        Raises Diverged if losses are not finite.
        """
        module.require_finite_terms()
        # Another thread may not wait for a GPU while this one captures a CUDA graph.
        checks = self.tasks if module.device.type == "cpu" else ImmediateTasks()
        self.checked = checks.start(partial(require_finite_weights, module))
        trainer.save_checkpoint(self.path)
        if self.keep > 1 and trainer.is_global_zero:
            self.tasks.start(partial(keep_numbered, self.path, module.images_seen, self.keep))


def keep_numbered(last: Path, images_seen: int, count: int) -> None:
    """Keep last.ckpt under a name with the number of images seen too, and only the latest ``count`` of these."""
    hardlink_or_copy(last, last.with_name(f"{images_seen:08d}.ckpt"))
    # Other names, such as "00000032 (copy).ckpt", are the user's own.
    own = (path for path in last.parent.glob("*.ckpt") if path.stem.isdecimal())
    numbered = sorted(own, key=lambda path: int(path.stem))
    for path in numbered[:-count]:
        path.unlink()


def hardlink_or_copy(file: Path, other: Path) -> None:
    """Give a checkpoint another name, replacing any file of that name; a hard link takes neither time nor space."""
    unfinished = other.with_suffix(UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        unfinished.hardlink_to(file)
    # Some file systems have no hard links.
    except OSError:
        shutil.copyfile(file, unfinished)
    unfinished.replace(other)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint next to the old one, then replaces it; a failure leaves the old one intact."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write the file.

        Raises OSError naming the file if the disk is full.
        """
        unfinished = Path(path).with_suffix(UNFINISHED)
        try:
            unfinished.unlink(missing_ok=True)
            with unfinished.open("xb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException as error:
            unfinished.unlink(missing_ok=True)
            # torch raises an error of its own in place of the system's.
            cause = error.__context__ if isinstance(error, RuntimeError) else error
            if isinstance(cause, OSError):
                raise OSError(cause.errno, cause.strerror, str(path)) from error
            raise

    def wait_for_copy(self) -> None:
        """Return, as files are written at once."""


class BackgroundCheckpointIO(AtomicCheckpointIO):
    """Copies a checkpoint's contents in memory, and writes the copy as one of the tasks.

    The tensors that ``steady`` returns are copied by a task too, as nothing changes them before ``wait_for_copy``.
    """

    def __init__(self, tasks: Tasks, steady: Callable[[], Iterable[Tensor]] = tuple) -> None:
        self.tasks = tasks
        self.steady = steady
        self.snapshot = Snapshot()
        self.copied = self.written = completed()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Start to write the file, once earlier ones are written.

        Raises OSError naming an earlier file if it could not be written.
        """
        self.tasks.wait_for(self.written)
        copy = self.snapshot.take(checkpoint, self.steady())
        self.copied = self.tasks.start(self.snapshot.complete)
        self.written = self.tasks.start(partial(super().save_checkpoint, copy, path))

    def wait_for_copy(self) -> None:
        """Wait until the contents of the latest checkpoint may change."""
        self.tasks.wait_for(self.copied)

    def remove_checkpoint(self, path: Any) -> None:
        """Remove the file, once earlier ones are written."""
        self.tasks.start(partial(super().remove_checkpoint, path))

    def teardown(self) -> None:
        """Wait until every file is written."""
        self.tasks.wait()


def changed_by_steps_alone(trainer: L.Trainer, module: GameModule) -> Iterator[Tensor]:
    """Yield the tensors that change only with an optimizer's step: optimizer states and moving averages of weights.

    The weights themselves are not among them, since a forward pass of a user's network may change them too.
    """
    for optimizer in trainer.optimizers:
        for state in optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))
    for player in module.players():
        if player.average is not None:
            yield from player.average.parameters()


def require_finite_weights(module: GameModule) -> None:
    """Raise Diverged naming the first weights that are not finite."""
    parameters = dict(module.named_parameters())
    norms = torch.stack(torch._foreach_norm([p.detach() for p in parameters.values()]))
    for name, finite in zip(parameters, norms.isfinite().tolist(), strict=True):
        if not finite:
            raise Diverged(f"the weights {name} are not finite")
