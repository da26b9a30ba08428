"""Writer of a published model's weights."""

from pathlib import Path
from typing import Any

from ganexp.publishing.packages import installed
from ganexp.runs.published_weights import network_tensors


def save_weights(model: Any, path: Path) -> None:
    """Write the tensors of a game's networks to a .safetensors file."""
    torch_format = installed("safetensors.torch")
    # A tensor under two names would be refused, and so would a channels_last one.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in network_tensors(model).items()}
    # Its own writer makes a file that only this user can read.
    path.write_bytes(torch_format.save(tensors, metadata={"format": "pt"}))
