"""Files of arrays, opened without running anything that is stored in them."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.machine import machine_memory
from ganexp.errors import UserError, one_line

IMAGES, LABELS = "images", "labels"
HDF5_SUFFIXES = (".h5", ".hdf5", ".he5", ".hdf")
SUFFIXES = (".npy", ".npz", *HDF5_SUFFIXES)
SHOWN = 5


class StoredArray:
    """An array on disk, opened on first use in every process; ``array[index]`` reads one item."""

    # A process must not use an HDF5 file that its parent opened, and a memory map would be copied to workers whole.

    def __init__(self, path: Path, opened: Callable[[Path], Any]) -> None:
        self.path = path
        self._open = opened
        self._process = 0
        self._array: Any = None
        array = self._current()
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(array.dtype)

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    def __getitem__(self, index: int) -> np.ndarray:
        return np.asarray(self._current()[index])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None, "_process": 0}

    def _current(self) -> Any:
        if self._process != os.getpid():
            self._array, self._process = self._open(self.path), os.getpid()
        return self._array


class Hdf5Array:
    """Opens one array of an HDF5 file."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, path: Path) -> Any:
        """Return the h5py data set, whose file stays open as long as it is used."""
        return open_hdf5(path)[self.key]


def memory_mapped(path: Path) -> np.ndarray:
    """Return the array of an .npy file, memory-mapped; raises UserError if it is damaged or has pickled objects."""
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise unreadable_array(path, error) from error
    return array


def unreadable_array(path: Path, error: Exception) -> UserError:
    """Return the error for a file that is damaged or has pickled objects."""
    # NumPy's message for an object array suggests to allow pickles.
    pickled = any(word in str(error) for word in ("pickle", "Object arrays", "Python objects"))
    reason = "it holds pickled Python objects, which could run any code" if pickled else one_line(error)
    return UserError(f"{path} cannot be read: {reason}. Give an array of numbers.")


def open_hdf5(path: Path) -> Any:
    """Return an opened HDF5 file; raises UserError if h5py is not installed or the file is damaged."""
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"{path} needs h5py: pip install 'ganexp[hdf5]'") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise unreadable_array(path, error) from error


def arrays_in(path: Path, key: str | None, label_key: str | None) -> tuple[Any, np.ndarray | None]:
    """Return the images and the labels, None if there are none, of an .npy, .npz or HDF5 file.

    Raises UserError for other files, for a missing key and for damaged files.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return StoredArray(path, memory_mapped), None
    if suffix == ".npz":
        return _zipped(path, key, label_key)
    if suffix in HDF5_SUFFIXES:
        return _hdf5(path, key, label_key)
    raise UserError(f"{path}: data=arrays reads {', '.join(SUFFIXES)} and folders of .npy files.")


def _zipped(path: Path, key: str | None, label_key: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            require_memory(path, sum(entry.file_size for entry in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            images, labels = keys_of(path, file.files, key, label_key)
            return file[images], None if labels is None else file[labels]
    except UserError:
        raise
    except Exception as error:  # damage makes zipfile, zlib and NumPy raise nearly anything
        raise unreadable_array(path, error) from error


def require_memory(path: Path, unpacked: int) -> None:
    """Raise UserError if the arrays of a file, which may be compressed, have more bytes than the machine's memory."""
    if unpacked > machine_memory():
        raise UserError(
            f"{path} has {unpacked / 1e9:,.0f} GB once it is unpacked, more than the memory: save the images as .npy, "
            "which stays on disk"
        )


def _hdf5(path: Path, key: str | None, label_key: str | None) -> tuple[StoredArray, np.ndarray | None]:
    names: list[str] = []
    try:
        with open_hdf5(path) as file:
            file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
            images, labels = keys_of(path, names, key, label_key)
            for name in filter(None, (images, labels)):
                require_own(path, file[name])
            classes = None if labels is None else np.asarray(file[labels])
        return StoredArray(path, Hdf5Array(images)), classes
    except UserError:
        raise
    except Exception as error:  # damage makes h5py raise nearly anything
        raise unreadable_array(path, error) from error


def require_own(path: Path, array: Any) -> None:
    """Raise UserError for an array of an HDF5 file whose values are those of other files, which may be anybody's."""
    if array.external or array.is_virtual:
        raise UserError(f"{path}: {array.name} is kept in other files; give a file that holds its images itself")


def keys_of(path: Path, names: list[str], key: str | None, label_key: str | None) -> tuple[str, str | None]:
    """Return the names of the images and of the labels among the arrays of a file.

    Raises UserError listing the names if one is missing or the images cannot be told.
    """
    shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "") or "none"
    for setting, wanted in (("key", key), ("label_key", label_key)):
        if wanted is not None and wanted not in names:
            raise UserError(f"{path} has no array {wanted} (data.source.{setting}); it has {shown}.")
    labels = label_key or (LABELS if LABELS in names else None)
    others = [name for name in names if name != labels]
    images = key or (IMAGES if IMAGES in names else others[0] if len(others) == 1 else None)
    if images is None:
        raise UserError(f"{path} has the arrays {shown}: choose the images with data.source.key=NAME.")
    return images, labels
