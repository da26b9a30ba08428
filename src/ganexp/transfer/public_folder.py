"""Folder of junyanz/pytorch-CycleGAN-and-pix2pix's checkpoints, with a file for each network."""

import re
from pathlib import Path

# The roles are those of cyclegan_and_pix2pix.ROLES, which imports torch, and this file is imported before it.
FILE = re.compile(r"(?P<epoch>.+)_net_[GD](?:_[AB])?\.pth")
LATEST = "latest"


def public_files(folder: Path) -> list[Path]:
    """Return the files of the networks in a folder: those named latest, else those of the last epoch, else none."""
    matches = {path: FILE.fullmatch(path.name) for path in sorted(folder.glob("*.pth"))}
    epochs = {path: match["epoch"] for path, match in matches.items() if match is not None}
    if not epochs:
        return []
    chosen = max(epochs.values(), key=lambda epoch: (epoch == LATEST, epoch.isdecimal(), int_or_zero(epoch), epoch))
    return [path for path, epoch in epochs.items() if epoch == chosen]


def int_or_zero(text: str) -> int:
    """Return a number of decimal digits, 0 for other text."""
    return int(text) if text.isdecimal() else 0
