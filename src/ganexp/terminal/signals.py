"""Signals that ask a training command to save and stop."""

import signal


def existing(*names: str) -> tuple[signal.Signals, ...]:
    """Return the signals with these names that this system has: Windows lacks most of them."""
    return tuple(signal.Signals[name] for name in names if name in signal.Signals.__members__)


STOPPING = existing("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
KILLED = existing("SIGKILL")


def is_nohup(number: int) -> bool:
    """Return whether a signal is SIGHUP in a program started to ignore it, as nohup does."""
    return number in existing("SIGHUP") and signal.getsignal(number) == signal.SIG_IGN
