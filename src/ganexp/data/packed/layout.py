"""Layout of a packed shard: a tar file of samples of equal length (WebDataset's format).

They are KEY.npy, and KEY.cls with the class number, or KEY.json with 0 or 1 for each attribute.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence

import numpy as np

from ganexp.data.packed.index import Header, Label

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
"""The end of a tar file."""


class Layout:
    """Places of the samples in a shard: all have the same length, so that an image is found by arithmetic."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.shape = (header.height, header.width, header.channels)
        self.dtype = np.dtype(np.uint8) if header.value_range is None else np.dtype("<f4")
        pixels = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        self._start = _npy_header(self.shape, self.dtype)
        label = BLOCK + _padded(len(self._label(())) if header.attributes else 1) if header.classes else 0
        self.stride = BLOCK + _padded(len(self._start) + pixels) + label

    def size(self, shard: int) -> int:
        """Return the bytes of a whole shard."""
        return len(self.header.numbers(shard)) * self.stride + len(END)

    def offset(self, place: int) -> int:
        """Return where the pixels of a shard's image begin."""
        return place * self.stride + BLOCK + len(self._start)

    def parts(self, numbers: range, images: Sequence[np.ndarray], labels: Sequence[Label]) -> Iterator[bytes]:
        """Yield the content of a shard: images (height, width, channels), and labels if there are classes."""
        for place, number in enumerate(numbers):
            key = f"{number:09d}"
            yield from _member(f"{key}.npy", self._start + images[place].astype(self.dtype, copy=False).tobytes())
            if self.header.classes:
                kind = "json" if self.header.attributes else "cls"
                yield from _member(f"{key}.{kind}", self._label(labels[place]))
        yield END

    def _label(self, label: Label) -> bytes:
        """Return the text of a label: all of attributes are of equal length."""
        if isinstance(label, int):
            return str(label).encode()
        values = [int(number in label) for number in range(len(self.header.classes))]
        return json.dumps({"attributes": values}).encode()


def _member(name: str, content: bytes) -> Iterator[bytes]:
    # Without a date or an owner, the same images make the same file.
    info = tarfile.TarInfo(name)
    info.size = len(content)
    yield info.tobuf(tarfile.USTAR_FORMAT)
    yield content
    yield bytes(_padded(len(content)) - len(content))


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _npy_header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype.str, "fortran_order": False, "shape": shape})
    return buffer.getvalue()
