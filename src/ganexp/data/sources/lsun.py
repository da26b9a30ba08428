"""LSUN bedroom data set."""

import hashlib
import io
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.data.sources.splits import check_split
from ganexp.errors import UserError
from ganexp.files.cache import cache_folder
from ganexp.files.download import Remote, missing
from ganexp.files.pictures import open_picture

ADDRESS = "http://dl.yf.io/lsun/scenes/"


def lsun_bedroom(root: str, split: str = "train", download: bool = True) -> "LmdbPictures":
    """Return LSUN's bedrooms, RGB, 256 pixels on the shorter side: 3,033,042 to train, 300 to validate (val).

    `root`/bedroom_train_lmdb (bedroom_val_lmdb) is the unpacked database, as in torchvision. Unlabelled. It
    is never downloaded (43 GB): raises UserError with the files to get if it is missing, or if lmdb is not
    installed. Source: Yu et al., 2015, https://arxiv.org/abs/1506.03365.
    """
    check_split("LSUN bedroom", split, ("train", "val"))
    folder = Path(root).expanduser().absolute() / f"bedroom_{split}_lmdb"
    if not (folder / "data.mdb").is_file():
        archive = Remote(f"{folder.name}.zip, unpacked to {folder.name}/data.mdb")
        why = f"{folder} is missing and too large to be downloaded automatically"
        raise missing(f"LSUN bedroom ({split})", why, [archive], ADDRESS, folder.parent)
    return LmdbPictures(folder)


class LmdbPictures:
    """Encoded pictures in an LMDB database, unlabelled, in the order of their keys.

    Raises UserError if lmdb is not installed or the database is damaged.
    """

    # torchvision's class writes a pickle of the keys to the current folder and cannot be passed to workers.

    classes: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = self._read_keys()

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        with _environment(self.folder).begin() as transaction:
            data = transaction.get(bytes(self.keys[index]))
        image = open_picture(io.BytesIO(data))
        image.load()
        return image, 0

    def name(self, index: int) -> str:
        """Return the database and the key of one picture."""
        return f"{self.folder.name}:{bytes(self.keys[index]).decode(errors='replace')}"

    def _read_keys(self) -> np.ndarray:
        # Cached, because listing three million keys reads from all over a file of 43 GB.
        path = self.folder / "data.mdb"
        identity = f"{path.absolute()} {path.stat().st_size} {path.stat().st_mtime_ns}"
        name = hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()
        cached = cache_folder("lsun") / f"{name}.npy"
        environment = _environment(self.folder)
        if cached.is_file():
            lengths: np.ndarray = np.load(cached)
            return lengths
        with environment.begin() as transaction:
            keys = np.array(list(transaction.cursor().iternext(keys=True, values=False)), dtype=np.bytes_)
        part = cached.with_name(f"{name}.{platform.node()}.{os.getpid()}.part.npy")
        np.save(part, keys)
        part.replace(cached)
        return keys


# A process may open a database only once, and must not use an environment that its parent opened.
_environments: dict[Path, tuple[int, Any]] = {}


def _environment(folder: Path) -> Any:
    path = folder.resolve()
    process, environment = _environments.get(path, (None, None))
    if process == os.getpid():
        return environment
    if environment is not None:
        environment.close()
    try:
        import lmdb
    except ImportError as error:
        raise UserError("LSUN needs lmdb: pip install 'ganexp[lsun]'") from error
    try:
        environment = lmdb.open(str(path), readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise UserError(f"{path} is not a complete LMDB database: {error}") from error
    _environments[path] = os.getpid(), environment
    return environment
