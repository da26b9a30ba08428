"""File formats of exported networks, by suffix, with the packages that each needs."""

import importlib.util
from pathlib import Path

from ganexp.errors import UserError
from ganexp.files.atomic import require_new_file

PACKAGES = {
    ".safetensors": ("safetensors",),
    ".onnx": ("onnx", "onnxscript", "onnxruntime"),
    ".pt2": (),
}


def require_writable(path: Path, overwrite: bool) -> None:
    """Raise UserError for an unknown suffix, a missing package, or a file that could not be written or replaced."""
    if path.suffix not in PACKAGES:
        raise UserError(f"out={path}: the suffix selects the format; choose one of {', '.join(PACKAGES)}")
    missing = [package for package in PACKAGES[path.suffix] if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(
            f"out={path}: the packages that write {path.suffix} are not installed ({', '.join(missing)}): "
            "pip install 'ganexp[export]'"
        )
    require_new_file(path, overwrite, f"generator{path.suffix}")
