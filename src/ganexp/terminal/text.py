"""Terminal-safe output of untrusted text, such as file names and another user's settings."""


def printable(text: str) -> str:
    """Replace control and unprintable characters by spaces; line breaks are preserved."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)
