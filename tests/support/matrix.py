"""Verdicts of all combinations, which take seconds, once per process."""

from ganexp.config.matrix import verdicts

VERDICTS = verdicts()
