"""Weights as a .safetensors file, with the description in its metadata."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.export.formats import Run
from ganexp.export.portable import Portable, as_tuple

KEY = "ganexp"


def write(portable: Portable, description: Mapping[str, Any], path: Path) -> None:
    """Write the network's weights and buffers, under the names that they have in its state_dict.

    Raises OSError if the file cannot be written.
    """
    from safetensors.torch import save

    weights = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in portable.network.state_dict().items()
        if isinstance(value, Tensor)
    }
    # Its own writer raises SafetensorError on a full disk, and makes a file that only this user can read.
    path.write_bytes(save(weights, metadata={"format": "pt", KEY: json.dumps(description)}))


def read(portable: Portable, path: Path) -> Run:
    """Return the network with every weight from the file."""
    from safetensors.torch import load_file

    head = copy.deepcopy(portable.head)
    network: Any = head.network
    with torch.no_grad():
        for value in network.state_dict().values():
            if isinstance(value, Tensor):
                value.zero_()
    network.load_state_dict(load_file(path), strict=False)

    @torch.no_grad()
    def run(inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        return as_tuple(head(**inputs))

    return run
