"""Reader of .safetensors files: tensors by name, whose sizes are checked against the file before they are read."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

import torch
from torch import Tensor

SUFFIX = ".safetensors"
LENGTH_BYTES = 8
MAX_HEADER_BYTES = 25_000_000
MAX_STRIDE = 2**63 - 1
MAX_TENSORS = 20_000
"""The largest number of tensors; networks have a few thousand, and the time to compare names grows with both."""
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
METADATA = "__metadata__"


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file by name, without its metadata.

    Raises ValueError for a file that is damaged or of another format; OSError as reading does. The format is described
    in huggingface/safetensors README.md: the header's length, a header in JSON, the tensors' bytes.
    """
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
        start = file.tell()
        available = path.stat().st_size - start
        entries = {name: entry for name, entry in header.items() if name != METADATA}
        if len(entries) > MAX_TENSORS:
            raise ValueError(f"its header names more than {MAX_TENSORS:,} tensors")
        if sum(length_of(entry, available) for entry in entries.values()) > available:
            raise ValueError("its tensors overlap")
        return {name: read_tensor(file, start, entry) for name, entry in entries.items()}


def read_header(file: BinaryIO, size: int) -> Mapping[str, Any]:
    """Return the header of a file of ``size`` bytes, and leave the file at the first byte after it."""
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if not 0 < length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
        raise ValueError("it has no header")
    try:
        header = json.loads(file.read(length))
    except RecursionError as error:
        raise ValueError("its header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("its header has no names")
    return header


def length_of(entry: Any, available: int) -> int:
    """Return the number of bytes of the tensor that an entry of the header describes, at most ``available``."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if (
        not isinstance(dtype, str)
        or dtype not in DTYPES
        or not is_counts(shape)
        or not is_counts(offsets)
        or len(offsets) != 2
    ):
        raise ValueError("its header describes no tensor of a known type")
    begin, end = offsets
    itemsize = DTYPES[dtype].itemsize
    if not begin <= end <= available or end - begin != math.prod(shape) * itemsize:
        raise ValueError("its header describes more or less than there is")
    # A size of 0 hides any other from the length, and not from the strides.
    if math.prod(max(size, 1) for size in shape) * itemsize > MAX_STRIDE:
        raise ValueError("its header describes a tensor that cannot be addressed")
    return int(end - begin)


def read_tensor(file: BinaryIO, start: int, entry: Mapping[str, Any]) -> Tensor:
    """Return the tensor of an entry of the header whose bytes have been checked to be in the file."""
    begin, end = entry["data_offsets"]
    file.seek(start + begin)
    if begin == end:
        return torch.empty(entry["shape"], dtype=DTYPES[entry["dtype"]])
    # A bytearray, as torch wants a buffer that may be written to.
    return torch.frombuffer(bytearray(file.read(end - begin)), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])


def is_counts(values: Any) -> TypeGuard[list[int]]:
    """Return whether a value is a short list of whole numbers, 0 or more."""
    return isinstance(values, list) and len(values) <= 16 and all(type(value) is int and value >= 0 for value in values)
