"""Terminal-safe output of untrusted text, such as file names and another user's settings."""


def printable(text: str) -> str:
    """Replace control and unprintable characters by spaces; line breaks are preserved."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def shortened(text: str, length: int = 80) -> str:
    """Return a text with its middle left out where it is longer than ``length`` characters."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"
