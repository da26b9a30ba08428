"""Schedules: functions from progress in [0, 1] to a factor, or to a value, such as of a learning rate.

Progress is the share of the budget of images that the discriminator has seen, so a schedule means the same
for every batch size, number of critic steps and number of ranks, and has no state to save.
"""

import math


def constant(progress: float) -> float:
    """Keep the learning rate."""
    return 1.0


def linear(progress: float, start: float = 0.5, final: float = 0.0) -> float:
    """Hold until ``start``, then fall linearly to ``final`` (arXiv 1703.10593, section 4, with start 0.5)."""
    if progress <= start:
        return 1.0
    return final + (1.0 - final) * (1.0 - progress) / (1.0 - start)


def cosine(progress: float, final: float = 0.0, initial: float = 1.0, until: float = 1.0) -> float:
    """Go from ``initial`` along half a cosine to ``final``, reached at ``until`` (arXiv 1608.03983, eq. 5)."""
    share = min(1.0, progress / until) if until > 0 else 1.0
    return final + (initial - final) * 0.5 * (1.0 + math.cos(math.pi * share))


def warmup(progress: float, until: float = 0.05) -> float:
    """Rise linearly from 0 until ``until``, then hold."""
    return min(1.0, progress / until) if until > 0 else 1.0


def growth(progress: float, doublings: int, until: float = 0.8, fading: float = 0.5) -> float:
    """Rise from 0 to a number of doublings at ``until``, in equal phases (arXiv 1710.10196, section 2, appendix A).

    Each phase stays at its whole number, and rises linearly to the next in its last part, of the share ``fading``.
    """
    phases = progress / until * doublings if until > 0 else float(doublings)
    if phases >= doublings:
        return float(doublings)
    whole = math.floor(phases)
    return whole + (max(0.0, phases - whole - (1 - fading)) / fading if fading > 0 else 0.0)
