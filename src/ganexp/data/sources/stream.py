"""Packed sets, as `python -m ganexp data pack` makes them."""

from pathlib import Path

from ganexp.data.packed.pictures import PackedPictures


def packed(path: str) -> PackedPictures:
    """Return the images of a packed set, which need not fit into memory.

    Raises UserError if the folder has none, or if shards are missing or cut short.
    """
    return PackedPictures(Path(path).expanduser())
