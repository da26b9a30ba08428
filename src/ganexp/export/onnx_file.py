"""Graph and weights as an .onnx file, with the description in its metadata."""

import inspect
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from ganexp.errors import UserError, one_line
from ganexp.export.formats import Run
from ganexp.export.portable import Portable
from ganexp.export.tracing import traced

KEY = "ganexp"
TALKATIVE = ("torch.onnx", "onnxscript", "onnx_ir")


def write(portable: Portable, description: Mapping[str, Any], path: Path) -> None:
    """Write the network's graph and weights.

    Raises UserError for an operator that ONNX lacks, with the layer that needs it, and for a torch that is too old.
    """
    if "dynamo" not in inspect.signature(torch.onnx.export).parameters:
        raise UserError(f"torch {torch.__version__} cannot write .onnx files of this kind: it takes torch 2.6 or newer")
    program = traced(portable)
    try:
        with _silenced():
            exported: Any = torch.onnx.export(
                program,
                (),
                kwargs=portable.example(0),
                dynamo=True,
                input_names=[source.port.name for source in portable.inputs],
                output_names=[port.name for port in portable.outputs],
            )
    except Exception as error:  # the exporter raises many kinds of errors
        raise UserError(unsupported(error, program)) from error
    name_sizes(exported.model.graph, portable)
    exported.model.metadata_props[KEY] = json.dumps(description)
    exported.save(path)


def read(portable: Portable, path: Path) -> Run:
    """Return the model in the file, run by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        outputs = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        return tuple(torch.from_numpy(output) for output in outputs)

    return run


def name_sizes(graph: Any, portable: Portable) -> None:
    """Give the free sizes of a graph's inputs and outputs their names, such as batch, in place of torch's symbols."""
    from onnx_ir import Shape

    ports = [*(source.port for source in portable.inputs), *portable.outputs]
    for value, port in zip([*graph.inputs, *graph.outputs], ports, strict=True):
        value.shape = Shape(port.shape)


def unsupported(error: BaseException, program: ExportedProgram) -> str:
    """Return a message with the operator that ONNX lacks and the layer that needs it, or with the innermost cause."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    instead = "choose out=….pt2 or out=….safetensors"
    operator = re.search(r"No ONNX function found for .*?op='([\w.]+)'", str(cause))
    if operator is None:
        return f"the network cannot be written as ONNX: {one_line(cause)[:300]}; {instead}"
    # The exporter has broken operators up before it looks for them, but keeps their names in those of the parts.
    name = operator[1].rpartition(".")[2]
    nodes = [node for node in program.graph.nodes if node.op == "call_function" and name in str(node.target)]
    where = f"{str(nodes[0].target).rpartition('.')[0]} in {layer_of(nodes[0])}" if nodes else operator[1]
    return f"ONNX has no operator for {where}: {instead}"


def layer_of(node: Any) -> str:
    """Return the name of the layer that a node of a graph comes from, as in the network's named_modules()."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = str(stack[-1][0]) if stack else ""
    return path.removeprefix("network").removeprefix(".") or "the network's forward pass"


@contextmanager
def _silenced() -> Iterator[None]:
    """Drop what the exporter prints and logs about its progress."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
