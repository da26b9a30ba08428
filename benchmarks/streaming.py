"""Time training's batches straight from a server that answers late, with and without row groups fetched in advance.

    python benchmarks/streaming.py [images=4000] [rows=100] [delay_ms=100] [step_ms=40] [batch_size=64] [rounds=3]

A server on this machine has one parquet file of noisy JPEGs of 32x32 in row groups of ``rows`` images, and waits before
each answer. In turn, an epoch is read with `data.source.prefetch` 0 and 4 from an empty cache, and again from the full
one, by none and by two workers; a sleep of ``step_ms`` after each batch stands for a step on a GPU. Printed are median
and range of the images per second over the rounds.
"""

import io
import re
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from ganexp.data.images import ImageData
from ganexp.data.sources.row_group_pictures import RowGroupPictures
from ganexp.data.streaming.bounded_folder import BoundedFolder
from ganexp.data.streaming.row_groups import RowGroups

SIZE, WINDOW = 32, 1000


def encoded(images: int, rows: int) -> bytes:
    """Return a parquet file of images of noise."""
    random = np.random.default_rng(0)
    pictures = []
    for _ in range(images):
        file = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(file, "JPEG")
        pictures.append({"bytes": file.getvalue(), "path": None})
    whole = io.BytesIO()
    parquet.write_table(pyarrow.table({"image": pictures}), whole, row_group_size=rows)
    return whole.getvalue()


class Late(BaseHTTPRequestHandler):
    """Answers with ranges of a file after a while."""

    content = b""
    delay = 0.0

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Send the file, or the range that is asked for."""
        time.sleep(self.delay)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = map(int, asked.groups()) if asked else (0, len(self.content) - 1)
        part = self.content[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        self.end_headers()
        self.wfile.write(part)


class Ranges(io.RawIOBase):
    """A file of a server, of which ranges are read."""

    def __init__(self, address: str, size: int) -> None:
        super().__init__()
        self.address = address
        self.size = size
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        return self.place

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self.place + size, self.size)
        asked = urllib.request.Request(self.address, headers={"Range": f"bytes={self.place}-{end - 1}"})
        with urllib.request.urlopen(asked) as answer:
            content: bytes = answer.read()
        self.place = end
        return content


class Server:
    """The server as a file system whose clients, unlike fsspec's, work in forked processes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def open(self, address: str, cache_type: str) -> Ranges:
        """Open a file to read ranges of it."""
        return Ranges(address, self.size)


def rate(
    server: Server, address: str, folder: Path, prefetch: int, workers: int, step: float, batch_size: int
) -> float:
    """Return the images per second of an epoch after the first batch, row groups being kept in a folder."""
    groups = RowGroups(server, [address], ["image"], None)
    kept = BoundedFolder(folder, 10**10)
    pictures = RowGroupPictures(groups, kept, "image", None, "late", "1", WINDOW, prefetch)
    data = ImageData(lambda: pictures, "hf", SIZE, 3, None, batch_size, 0, workers=workers, in_memory=False)
    data.setup()
    batches = iter(data.train_dataloader())
    next(batches)
    number, started = data.images_per_epoch // batch_size - 1, time.perf_counter()
    for _ in islice(batches, number):
        time.sleep(step)
    return number * batch_size / (time.perf_counter() - started)


def main(images: int, rows: int, delay_ms: int, step_ms: int, batch_size: int, rounds: int) -> None:
    """Print the rates."""
    content = encoded(images, rows)
    handler = type("LateWithFile", (Late,), {"content": content, "delay": delay_ms / 1000})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{http.server_port}/train.parquet"
        rates: dict[str, list[float]] = {}
        for workers in [0, 2] * rounds:
            for prefetch in (0, 4):
                with tempfile.TemporaryDirectory() as folder:
                    arguments = (
                        Server(len(content)),
                        address,
                        Path(folder),
                        prefetch,
                        workers,
                        step_ms / 1000,
                        batch_size,
                    )
                    rates.setdefault(f"{workers} workers, prefetch={prefetch}", []).append(rate(*arguments))
                    rates.setdefault(f"{workers} workers, from the cache", []).append(rate(*arguments))
        for name, seen in rates.items():
            print(f"{name}: {median(seen):,.0f} images/s ({min(seen):,.0f} to {max(seen):,.0f})")
        http.shutdown()


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    defaults = {"images": 4000, "rows": 100, "delay_ms": 100, "step_ms": 40, "batch_size": 64, "rounds": 3}
    main(**{name: int(given.get(name, default)) for name, default in defaults.items()})
