"""Traces of a network by torch.export, with free batch size and, for translators, height and width."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.export import Dim, ExportedProgram, export

from ganexp.errors import UserError, one_line
from ganexp.export.portable import Portable
from ganexp.export.ports import BATCH, HEIGHT, WIDTH


@torch.no_grad()
def traced(portable: Portable) -> ExportedProgram:
    """Return the graph of a network; raises UserError with torch's reason if it cannot be traced."""
    network = portable.plain()
    sizes = {
        BATCH: Dim("batch", min=1),
        HEIGHT: portable.multiple * Dim("rows", min=1),
        WIDTH: portable.multiple * Dim("columns", min=1),
    }
    shapes = {
        source.port.name: {axis: sizes[side] for axis, side in enumerate(source.port.shape) if isinstance(side, str)}
        for source in portable.inputs
    }
    # Of a size of 1 torch.export would conclude that it is always 1.
    example = portable.example(0, batch=3, taller=2, wider=1)
    try:
        with _any_size_is_possible():
            return export(network, (), kwargs=example, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # tracing runs the network's own code, which may raise anything
        raise UserError(f"the network cannot be traced by torch.export: {reason(error)}") from error


def _any_size_is_possible() -> AbstractContextManager[Any]:
    """Return a context in which the graph also holds for inner maps of a single pixel, where this torch can do that."""
    from torch.fx.experimental import _config

    try:
        return _config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined,no-any-return]
    except AttributeError:
        return nullcontext()


def reason(error: Exception) -> str:
    """Return the essence of torch's message, with a hint where code fixes the batch size."""
    text = one_line(error).partition(" For more information")[0]
    if "specialized" in one_line(error):
        return f"{text} (code such as len(x) or int(x.shape[0]) fixes a size; use x.shape[0])"
    return text[:300]
