"""Trial of a classifier on real images that it was not trained on: does it recognize more of them than chance would?"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scipy.special import bdtrc

from ganexp.errors import UserError
from ganexp.files.saved_values import NotACheckpoint, entry, require_count, require_dict, require_number

log = logging.getLogger(__name__)

SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Trial:
    """The number of images recognized, of how many, and the share of the most frequent label among all."""

    recognized: int
    images: int
    chance: float

    @classmethod
    def of(cls, saved: Any, source: Path | str) -> Self:
        """Return the trial saved in a file; raises UserError naming the ``source`` unless it is one."""
        try:
            values: Mapping[str, Any] = require_dict(saved, "trial")
            recognized, images = (require_count(entry(values, name), name) for name in ("recognized", "images"))
            chance = require_number(entry(values, "chance"), "chance")
        except NotACheckpoint as error:
            raise UserError(f"{source} does not contain a classifier of this version of ganexp: {error}") from error
        return cls(recognized, images, chance)

    @property
    def accuracy(self) -> float:
        """The share of images recognized."""
        return self.recognized / self.images

    @property
    def p_value(self) -> float:
        """The probability that as many or more are recognized by answers that do not depend on the image.

        It is that of the binomial distribution, for the most frequent label; no other answers are right more often.
        """
        return float(bdtrc(self.recognized - 1, self.images, self.chance)) if self.recognized else 1.0


def warn_of_chance(trial: Trial) -> None:
    """Warn in one line of a classifier whose accuracy cannot be told from chance."""
    if trial.p_value > SIGNIFICANT:
        log.warning(
            "warning: the classifier cannot be told from chance: it recognizes %s of %s held-out real images, and "
            "always giving the most frequent label %.1f %% (binomial test, p = %.2g), so scores in its features mean "
            "little; are the labels right, and the images enough? metric=fid has other features",
            f"{trial.recognized:,}",
            f"{trial.images:,}",
            100 * trial.chance,
            trial.p_value,
        )
