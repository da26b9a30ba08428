"""What a run has left in its folder."""

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
from ganexp.records import curves, summary
from ganexp.records.curves import Curve

SPEED = "time/images_per_second"
LOG = "log.txt"
FINDING = re.compile(r"doctor: (.+)$")
UNKNOWN = "unfinished"
"""The status of a run that says nothing of itself and has not seen its whole budget."""
POINTS = 250
"""Of a curve that is only looked at."""
GENERATOR, DISCRIMINATOR = "generator", "discriminator"

# A hundredth of the time of the loader in Python.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Run:
    """A run: its configuration, how it stands, its scores and its speed; ``problems`` says what could not be read."""

    folder: Path
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    images_seen: int
    scores: list[ScoreCurve]
    curves: Mapping[str, Curve]
    """All columns of metrics.csv; scores and speed are whole, the others thinned out."""
    problems: list[str]

    @property
    def seed(self) -> Any:
        """What sets it apart from other runs of the same settings."""
        return self.config.get("seed")

    @property
    def status(self) -> str:
        """How it stands: finished, running, stopped, crashed or, where it does not say so, unfinished."""
        told = self.summary.get("status")
        if told == summary.RUNNING and not alive(self.summary.get("process")):
            return summary.CRASHED
        if told is None:
            budget = self.config.get("images")
            return summary.FINISHED if isinstance(budget, int) and self.images_seen >= budget else UNKNOWN
        return str(told)

    @property
    def standing(self) -> str:
        """Its status in words, with the reason where it failed."""
        reason = self.summary.get("reason")
        if self.status == summary.CRASHED and not reason:
            reason = "its process is gone"
        return f"{self.status}: {reason}" if reason else self.status

    @property
    def speed(self) -> Curve | None:
        """The images per second since the row before, without scoring."""
        return self.curves.get(SPEED)

    @property
    def images_per_second(self) -> float | None:
        """The median speed of training, without scoring."""
        return float(np.median(self.speed.values)) if self.speed is not None and len(self.speed.values) else None

    @property
    def images_per_update(self) -> float | None:
        """How many real images go by until the generator moves."""
        return of_player(self.summary.get("images_per_update"), GENERATOR)

    @property
    def peak_memory_bytes(self) -> float | None:
        """The most memory used: on a GPU what torch allocated, else what the process had."""
        return as_number(self.summary.get("peak_memory_bytes"))

    @property
    def parameters(self) -> tuple[float | None, float | None]:
        """The number of the generators' and of the discriminators' parameters."""
        known = self.summary.get("parameters")
        return of_player(known, GENERATOR), of_player(known, DISCRIMINATOR)

    @cached_property
    def findings(self) -> list[str]:
        """What the doctor said, each once."""
        try:
            lines = (self.folder / LOG).read_text(errors="replace").splitlines()
        except OSError:
            return []
        return list(dict.fromkeys(match[1] for line in lines if (match := FINDING.search(line))))

    @cached_property
    def fingerprint(self) -> str:
        """A checksum of its curves, which are the same in a copy."""
        try:
            return hashlib.blake2b((self.folder / curves.FILE).read_bytes(), digest_size=16).hexdigest()
        except OSError:
            return str(self.folder)


def read_run(folder: Path) -> Run | str:
    """Return the run in ``folder``, or why there is none."""
    known = summary.read(folder)
    if not (folder / CONFIG).exists() and "status" in known:
        return f"{known['status']}: {known.get('reason') or 'it never began'}"
    try:
        config = yaml.load((folder / CONFIG).read_text(), Loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return f"its {CONFIG} cannot be read"
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        return f"its {CONFIG} is not the configuration of a run"
    read = curves.read_curves(folder / curves.FILE, points_of)
    scores, problems = read_scores(folder, read)
    seen = max(read.images_seen, int(as_number(known.get("images_seen")) or 0))
    return Run(folder, config, known, seen, scores, read.curves, [*read.problems, *problems])


def points_of(column: str) -> int | None:
    """Return how many points of a curve are kept: what is computed with is kept whole."""
    return None if column == SPEED or column.startswith(PREFIX) else POINTS


def alive(process: Any) -> bool:
    """Return whether a process of this machine still runs; one of another machine is taken at its word."""
    if not isinstance(process, dict) or process.get("host") != platform.node():
        return True
    try:
        os.kill(int(process["pid"]), 0)
    except (ProcessLookupError, KeyError, ValueError, TypeError, OverflowError):
        return False
    except OSError:
        return True  # somebody else's
    return True


def of_player(by_player: Any, name: str) -> float | None:
    """Return a player's figure, None where there is none."""
    return as_number(by_player.get(name)) if isinstance(by_player, dict) else None


def as_number(value: Any) -> float | None:
    """Return a value that is a finite number, None for anything else."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None
