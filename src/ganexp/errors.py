"""The ways in which a command ends other than well."""

import signal


class UserError(Exception):
    """A user's mistake, reported in one line: what is wrong, where, and what would be right."""


class Diverged(UserError):
    """Weights or losses became infinite; ``what`` says which, and the last good checkpoint is kept."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; try a lower learning rate, model.gradient_clip=1 or normalization=spectral")
        self.what = what


class Pruned(UserError):
    """A search stopped the run, as it fell behind."""


class NotFinite(UserError):
    """Samples or their features are not finite, so there is nothing to draw or to score; ``what`` says which."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}; {hint}" if hint else what)
        self.what = what


class RankFailed(Exception):
    """A process of a run on several devices was killed, crashed or makes no progress."""


class CheckFailed(Exception):
    """A check that the user asked for failed; the details have been printed."""


class Interrupted(Exception):
    """Training was stopped by a signal; ``what_now`` says how to continue."""

    def __init__(self, signal_number: int, what_now: str) -> None:
        super().__init__(f"{signal.Signals(signal_number).name}: {what_now}")
        self.signal_number = signal_number
        self.what_now = what_now
        self.status = 128 + signal_number


def one_line(error: BaseException) -> str:
    """Return an error's text as one line, or its kind where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
