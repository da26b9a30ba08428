"""Descriptions of the config groups' options, from their files."""

from pathlib import Path


def description(path: Path) -> str:
    """Return the first comment of a YAML file that is not a directive to Hydra."""
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = (line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#"))
    return next((line for line in lines if not line.startswith("@")), "")
