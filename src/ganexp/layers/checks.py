"""Argument checks of network constructors."""


def require_positive(**arguments: int) -> None:
    """Raise ValueError, with the argument's name, unless every argument is a whole number of at least 1."""
    for name, value in arguments.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
