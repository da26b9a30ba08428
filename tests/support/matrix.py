"""Verdicts of combinations, made when a test asks: to compose every model takes seconds."""

from functools import cache
from itertools import product

from ganexp.config.matrix import model_parts, option, options, verdict


@cache
def verdict_of(model, loss, penalty, normalization):
    """Return the rule that a combination breaks, None if it trains."""
    return verdict(
        model_parts(model), option("loss", loss), option("penalty", penalty), option("normalization", normalization)
    )


def verdicts_of(model):
    """Return the rule by (loss, penalty, normalization) that each breaks with a model, None where it trains."""
    others = product(options("loss"), options("penalty"), options("normalization"))
    return {cell: verdict_of(model, *cell) for cell in others}
