"""Graph and weights as a .pt2 file of torch.export, with the description beside them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.export.formats import Run
from ganexp.export.portable import Portable, as_tuple
from ganexp.export.tracing import traced

DESCRIPTION = "ganexp.json"


def write(portable: Portable, description: Mapping[str, Any], path: Path) -> None:
    """Write the network's graph and weights."""
    torch.export.save(traced(portable), path, extra_files={DESCRIPTION: json.dumps(description)})


def read(portable: Portable, path: Path) -> Run:
    """Return the program in the file."""
    module = torch.export.load(path).module()

    @torch.no_grad()
    def run(inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        return as_tuple(module(**inputs))

    return run
