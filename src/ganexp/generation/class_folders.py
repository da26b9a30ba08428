"""Subfolders for the samples of each class."""

from collections.abc import Sequence

from ganexp.errors import UserError

LONGEST_BYTES = 255


def class_folders(labels: Sequence[int], names: Sequence[str] | None) -> dict[int, str]:
    """Return the name of the subfolder of each class among the labels: the class's name or, without names, its number.

    Raises UserError for a name that two classes have, and for one that no folder can have.
    """
    folders = {label: str(label) if names is None else names[label] for label in sorted(set(labels))}
    # Some file systems do not distinguish cases.
    first: dict[str, int] = {}
    for label, name in folders.items():
        if name in ("", ".", "..") or set("/\\\0") & set(name) or len(name.encode(errors="replace")) > LONGEST_BYTES:
            raise UserError(f"by_class=true: class {label} is named {name!r}, which no folder can be: leave it out")
        other = first.setdefault(name.casefold(), label)
        if other != label:
            raise UserError(
                f"by_class=true: the classes {other} and {label} are both named {name!r}, and would share a folder: "
                "leave it out"
            )
    return folders
