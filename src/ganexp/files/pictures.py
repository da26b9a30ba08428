"""Pictures from files that may be anyone's."""

from pathlib import Path
from typing import IO

from PIL import EpsImagePlugin, Image

# PostScript is a program, which Pillow would have Ghostscript run.
EpsImagePlugin.gs_binary = False


def open_picture(file: str | Path | IO[bytes]) -> Image.Image:
    """Return a picture, which is decoded when its pixels are read, and of PostScript raises OSError then.

    Raises what `PIL.Image.open` does.
    """
    return Image.open(file)
