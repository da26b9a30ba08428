"""Shapes of pairs: single pictures among the tests of a data set of pairs would be cut into halves and scored."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from ganexp.data.files.folders import images_below
from ganexp.data.files.headers import Size, upright_size
from ganexp.data.problems import Problem, report_problem
from ganexp.data.sources.layout import layout
from ganexp.data.sources.splits import TRAIN
from ganexp.data.translation.items import as_text
from ganexp.errors import UserError
from ganexp.files.pictures import open_picture

log = logging.getLogger(__name__)

SAMPLED = 100
TOLERANCE = 0.05
NAMES_SHOWN = 3


def training_shapes(top: Path) -> list[Size]:
    """Return the sizes of up to 100 training pairs, A and B side by side; none without a training split."""
    try:
        folders, _ = layout(top, TRAIN)
    except UserError:
        return []
    paths = images_below(folders[0])
    sizes = []
    for path in paths[:: max(1, len(paths) // SAMPLED)]:
        try:
            with open_picture(path) as image:
                width, height = upright_size(image)
        except Exception:  # unreadable files are reported where the split is opened
            continue
        sizes.append((width * len(folders), height))
    return sizes


def single_pictures(sizes: Mapping[str, Size], training: Sequence[Size], folder: Path) -> list[str]:
    """Return the paths of test pictures that are shaped like one half of a training pair, and report them.

    Other pictures that no training pair is shaped like are only warned of. Raises UserError with the files' names.
    """
    if not training:
        return []
    ratios = [width / height for width, height in training]
    usual = statistics.median(ratios)
    # Where training pairs have several shapes, the half of one may be the whole of another.
    one_shape = all(alike(ratio, usual) for ratio in ratios)
    other = {path: size for path, size in sizes.items() if not any(alike(size[0] / size[1], ratio) for ratio in ratios)}
    single = [path for path, size in other.items() if one_shape and alike(2 * size[0] / size[1], usual)]
    pair = as_text(training[0])
    if single:
        named = [f"{path} ({as_text(sizes[path])})" for path in single]
        fix = (
            "translate single pictures with python -m ganexp translate run=DIR input=FOLDER out=FOLDER, and keep only "
            f"pairs in {folder}"
        )
        error = UserError(
            f"{some(named)}: {len(single):,} of {len(sizes):,} test pictures have the shape of one half of a training "
            f"pair ({pair}), so they seem to be single pictures, not A and B side by side: {fix}."
        )
        what = f"single pictures among the test pairs, shaped like half of a training pair ({pair})"
        report_problem(error, Problem(what, tuple(named), fix))
    rest = [f"{path} ({as_text(size)})" for path, size in other.items() if path not in set(single)]
    if rest:
        log.warning(
            "data: %s: %d of %d test pictures are shaped unlike the training pairs (%s): are they A and B side by "
            "side? Single pictures are for python -m ganexp translate",
            some(rest),
            len(rest),
            len(sizes),
            pair,
        )
    return single


def alike(ratio: float, other: float) -> bool:
    """Return whether two ratios of width and height are the same, up to rounding of the sizes."""
    return abs(ratio / other - 1) <= TOLERANCE


def some(names: Sequence[str]) -> str:
    """Return the first three names and the number of further ones."""
    more = f"; and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{'; '.join(names[:NAMES_SHOWN])}{more}"
