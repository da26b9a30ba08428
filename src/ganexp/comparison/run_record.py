"""Records of runs, read from the files in their folders."""

import hashlib
import math
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ganexp.comparison.finding import CONFIG
from ganexp.comparison.scores import PREFIX, ScoreCurve, read_scores
from ganexp.errors import UserError
from ganexp.files.untrusted import read_text, read_yaml, require_links_inside
from ganexp.records import changes, curves, summary
from ganexp.records.changes import Change
from ganexp.records.curves import Curve

SPEED = "time/images_per_second"
LOG = "log.txt"
FINDING = re.compile(r"doctor: (.+)$")
UNFINISHED = "unfinished"
"""The status of a run that recorded none and has not seen its whole budget."""
POINTS = 250
"""The points of a curve that is only displayed."""
GENERATOR, DISCRIMINATOR = "generator", "discriminator"

# A hundred times faster than the loader in Python.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class RunRecord:
    """A run's configuration, summary, scores and curves; ``problems`` lists what could not be read."""

    folder: Path
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    images_seen: int
    scores: list[ScoreCurve]
    curves: Mapping[str, Curve]
    """All columns of metrics.csv: scores and speed with every point, the others thinned out."""
    problems: list[str]

    @property
    def seed(self) -> Any:
        """The seed, which distinguishes it from other runs with the same settings."""
        return self.config.get("seed")

    @property
    def status(self) -> str:
        """The status: finished, running, stopped, crashed or, where none was recorded, finished or unfinished."""
        recorded = self.summary.get("status")
        if recorded == summary.RUNNING and not alive(self.summary.get("process")):
            return summary.CRASHED
        if recorded is None:
            budget = self.config.get("images")
            return summary.FINISHED if isinstance(budget, int) and self.images_seen >= budget else UNFINISHED
        return str(recorded)

    @property
    def status_text(self) -> str:
        """The status with its reason, where there is one."""
        spent = self.status == summary.FINISHED and self.images_seen >= (as_number(self.config.get("images")) or 0)
        reason = None if spent else self.summary.get("reason")
        if self.status == summary.CRASHED and not reason:
            reason = "its process no longer exists"
        return f"{self.status}: {reason}" if reason else self.status

    @property
    def speed(self) -> Curve | None:
        """The images per second since the previous row, without scoring."""
        return self.curves.get(SPEED)

    @property
    def images_per_second(self) -> float | None:
        """The median speed of training, without scoring."""
        return float(np.median(self.speed.values)) if self.speed is not None and len(self.speed.values) else None

    @property
    def images_per_update(self) -> float | None:
        """The number of real images per generator update."""
        return max(player_values(self.summary.get("images_per_update"), GENERATOR), default=None)

    @property
    def peak_memory_bytes(self) -> float | None:
        """The peak memory: allocated by torch on a GPU, else resident in the process."""
        return as_number(self.summary.get("peak_memory_bytes"))

    @property
    def parameters(self) -> tuple[float | None, float | None]:
        """The numbers of generator and of discriminator parameters."""
        counts = self.summary.get("parameters")
        generators, discriminators = player_values(counts, GENERATOR), player_values(counts, DISCRIMINATOR)
        return sum(generators) if generators else None, sum(discriminators) if discriminators else None

    @property
    def changes(self) -> list[Change]:
        """The settings that changed during training."""
        return changes.recorded(self.summary)

    @cached_property
    def findings(self) -> list[str]:
        """The doctor's distinct findings."""
        try:
            lines = read_text(self.folder / LOG).splitlines()
        except OSError:
            return []
        return list(dict.fromkeys(match[1] for line in lines if (match := FINDING.search(line))))

    @cached_property
    def fingerprint(self) -> str:
        """A checksum of its curves, which is the same for a copy."""
        try:
            return hashlib.blake2b(read_text(self.folder / curves.FILE).encode(), digest_size=16).hexdigest()
        except OSError:
            return str(self.folder)


def read_run(folder: Path) -> RunRecord | str:
    """Return the record of the run in ``folder``, or the reason why there is none."""
    try:
        require_links_inside(folder)
    except (OSError, UserError) as error:
        return str(error)
    recorded = summary.read(folder)
    if not (folder / CONFIG).exists() and "status" in recorded:
        return f"{recorded['status']}: {recorded.get('reason') or 'it never started'}"
    try:
        config = yaml.load(read_yaml(folder / CONFIG), Loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, UserError):
        return f"its {CONFIG} cannot be read"
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        return f"its {CONFIG} is not the configuration of a run"
    read = curves.read_curves(folder / curves.FILE, most_points)
    scores, problems = read_scores(folder, read)
    images_seen = max(read.images_seen, int(as_number(recorded.get("images_seen")) or 0))
    return RunRecord(folder, config, recorded, images_seen, scores, read.curves, [*read.problems, *problems])


def most_points(column: str) -> int | None:
    """Return the number of points to keep of a curve; None, all, for those that computations use."""
    return None if column == SPEED or column.startswith(PREFIX) else POINTS


def alive(process: Any) -> bool:
    """Return whether a process is still running; one on another machine is assumed to be."""
    if not isinstance(process, dict) or process.get("host") != platform.node():
        return True
    try:
        os.kill(int(process["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError, TypeError, OverflowError):
        return False
    except OSError:
        return True  # a process of another user
    return True


def player_values(by_player: Any, kind: str) -> list[float]:
    """Return the numbers of a game's generators or discriminators, such as those of each level of a pyramid."""
    numbers = by_player.items() if isinstance(by_player, dict) else ()
    of_kind = (as_number(value) for name, value in numbers if str(name).partition("_")[0] == kind)
    return [number for number in of_kind if number is not None]


def as_number(value: Any) -> float | None:
    """Return a value as a float if it is a finite number, else None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
