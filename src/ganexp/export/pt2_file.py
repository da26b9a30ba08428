"""Graph and weights as a .pt2 file of torch.export, with the description beside them."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.export.formats import Run
from ganexp.export.portable import Portable, as_tuple
from ganexp.export.tracing import traced

DESCRIPTION = "ganexp.json"


def write(portable: Portable, description: Mapping[str, Any], path: Path) -> None:
    """Write the network's graph and weights; raises OSError if the file cannot be written."""
    content = BytesIO()
    torch.export.save(traced(portable), content, extra_files={DESCRIPTION: json.dumps(description)})
    # torch's own writer raises RuntimeError on a full disk and without permission.
    path.write_bytes(content.getbuffer())


def read(portable: Portable, path: Path) -> Run:
    """Return the program in the file."""
    module = torch.export.load(path).module()

    @torch.no_grad()
    def run(inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        return as_tuple(module(**inputs))

    return run
