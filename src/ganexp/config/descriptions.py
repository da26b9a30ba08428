"""Descriptions of the config groups' options, from their files."""

from pathlib import Path


def description(path: Path) -> str:
    """Return the first comment of a YAML file that is not a directive to Hydra."""
    lines = (line.removeprefix("#").strip() for line in path.read_text().splitlines() if line.startswith("#"))
    return next((line for line in lines if not line.startswith("@")), "")
