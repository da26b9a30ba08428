"""Image files, recognized by their suffix, or by their first bytes where there is none.

Free of heavy imports, because the configuration uses this module.
"""

import re
from pathlib import Path

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


def is_image(folder: str, name: str) -> bool:
    """Return whether a file is an image; hidden files are none."""
    if name.startswith("."):
        return False
    return name.lower().endswith(SUFFIXES) or ("." not in name and begins_as_image(Path(folder, name)))


def begins_as_image(path: Path) -> bool:
    """Return whether a regular file begins with the signature of a common image format."""
    # Not of other files: opening a named pipe would wait forever.
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return SIGNATURES.match(file.read(SIGNATURE_BYTES)) is not None
    except OSError:
        return False
