"""Checks of what networks are asked to be."""


def require_positive(**numbers: int) -> None:
    """Raise ValueError, by the argument's name, unless every number is a whole one of at least 1."""
    for name, number in numbers.items():
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {number!r}")
