"""Image files, recognized by their suffix, or by their first bytes where there is none.

Free of heavy imports, because the configuration uses this module.
"""

import os
import re

# What Pillow reads, without documents, films, and EPS, which would run Ghostscript on a stranger's file; nor .pcd and
# .fit, which are mostly point clouds and tracks.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp", ".avif", ".avifs"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".icb", ".vda", ".vst"),
    *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".qoi", ".ico", ".cur", ".icns", ".dds", ".pcx", ".dcx"),
    *(".sgi", ".rgb", ".rgba", ".bw", ".ras", ".psd", ".im", ".msp", ".xbm", ".xpm", ".blp", ".fli", ".flc"),
    *(".ftu", ".ftc", ".fits"),
)
EXAMPLES = ".jpg .png .webp .tif .gif .avif …"
"""Some of them, for messages."""
SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II\*\0|MM\0\*"
    rb"|....ftypavi[fs]|\0\0\0\x0cjP  |P[1-6]\s|qoif",
    re.DOTALL,
)
SIGNATURE_BYTES = 12
# A file may have become a pipe or a terminal since the folder was listed.
OPENED = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


def is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether a file in a folder's listing is an image; hidden files are none."""
    name = entry.name
    if name.startswith("."):
        return False
    if "." in name:
        return name.lower().endswith(SUFFIXES)
    # Only regular files are opened: a named pipe would lose what is read. The folder's listing says which these are.
    return entry.is_file() and begins_as_image(entry.path)


def begins_as_image(path: str) -> bool:
    """Return whether a file begins with the signature of a common image format."""
    # System calls alone, and as few as there can be, as a folder may have a million files without a suffix.
    try:
        file = os.open(path, OPENED)
    except OSError:
        return False
    try:
        return SIGNATURES.match(os.read(file, SIGNATURE_BYTES)) is not None
    except OSError:
        return False
    finally:
        os.close(file)
