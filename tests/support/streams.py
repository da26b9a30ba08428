"""Parquet files of tiny images, read as a stream from this machine, for tests."""

import io

import pyarrow
from fsspec.implementations.local import LocalFileSystem
from PIL import Image
from pyarrow import parquet

from ganexp.data.images import ImageData
from ganexp.data.sources.row_group_pictures import RowGroupPictures
from ganexp.data.sources.table_labels import Classes
from ganexp.data.streaming.bounded_folder import BoundedFolder
from ganexp.data.streaming.row_groups import RowGroups

ROWS = [5, 5, 2, 5, 5, 2]
"""The rows of the row groups of two files of twelve images."""


class Files(LocalFileSystem):
    """Files of this machine, whose reading is written down and may fail."""

    cachable = False

    def __init__(self, fails=0):
        super().__init__()
        self.fails = fails
        self.opened = []

    def open(self, path, **options):
        self.opened.append(path)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("reset by peer")
        return super().open(path, **options)


def encoded(value):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def write_files(folder):
    """Write two files of twelve images, whose red is their number, in row groups of `ROWS`; return their paths.

    Two of the images are of the class "rare", the first of each file.
    """
    paths = []
    for number in range(2):
        values = range(12 * number, 12 * number + 12)
        images = [{"bytes": encoded(value), "path": None} for value in values]
        table = pyarrow.table(
            {
                "image": images,
                "label": [v % 3 for v in values],
                "rare": [int(v % 12 == 0) for v in values],
                "odd": [v % 2 == 1 for v in values],
                "factors": [[n for n in (0, 1) if v % (n + 2) == 0] for v in values],
                "text": ["long " * 99] * 12,
            }
        )
        paths.append(str(folder / f"train-{number}.parquet"))
        parquet.write_table(table, paths[-1], row_group_size=5)
    return paths


def stream(files, folder, filesystem=None, images=None, limit=10**9, window=8, prefetched=2, labels=None):
    labels = labels or Classes("label", ["a", "b", "c"], "o/n")
    groups = RowGroups(filesystem or Files(), files, ["image", *labels.columns], images)
    kept = BoundedFolder(folder, limit)
    return RowGroupPictures(groups, kept, "image", labels, "o/n", "commit", window, prefetched)


def batches_of(pictures, workers=0):
    """Return the endless batches of four images of a stream, as lists of reds."""
    data = ImageData(lambda: pictures, "hf", 4, 3, 3, 4, 0, workers=workers)
    data.setup()
    return (batch["image"][:, 0, 0, 0].tolist() for batch in data.train_dataloader())
