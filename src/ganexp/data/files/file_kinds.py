"""Image files, recognized by their suffix, or by their first bytes where there is none.

Free of heavy imports, because the configuration uses this module.
"""

import os
import re
import stat

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
    return name.lower().endswith(SUFFIXES) or ("." not in name and begins_as_image(f"{folder}/{name}"))


def begins_as_image(path: str | os.PathLike[str]) -> bool:
    """Return whether a regular file begins with the signature of a common image format."""
    # System calls alone, as a folder may have a million files without a suffix.
    try:
        # Opening a named pipe would wait forever without O_NONBLOCK.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            is_regular = stat.S_ISREG(os.fstat(file).st_mode)
            return is_regular and SIGNATURES.match(os.read(file, SIGNATURE_BYTES)) is not None
        finally:
            os.close(file)
    except OSError:
        return False
