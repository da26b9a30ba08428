"""Text that came from elsewhere, such as names of files and settings of somebody's run, on the terminal."""


def printable(text: str) -> str:
    """Return text without characters that a terminal would obey or could not show; lines stay lines."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)
