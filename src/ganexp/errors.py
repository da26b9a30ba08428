"""The ways in which a command ends other than well."""


class UserError(Exception):
    """A user's mistake, told in one line: what is wrong, where, and what would be right."""


class Interrupted(Exception):
    """Training was stopped by a signal and everything is saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.status = 128 + signal_number
