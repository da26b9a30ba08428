"""Signals that ask a training command to save and stop."""

import signal

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def is_nohup(number: int) -> bool:
    """Return whether a signal is SIGHUP in a program started to ignore it, as nohup does."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
