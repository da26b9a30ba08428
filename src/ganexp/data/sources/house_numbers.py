"""SVHN data set (street view house numbers)."""

from pathlib import Path

import numpy as np
from torchvision.datasets import SVHN

from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources.splits import check_split
from ganexp.files.download import Remote, folders_of, obtain


def svhn(root: str, split: str = "train", download: bool = True) -> ArrayPictures:
    """Return SVHN's house numbers, RGB 32x32, in 10 classes: 73,257 to train, 26,032 to test, 531,131 extra.

    `root` holds the file of the split (train_32x32.mat …), as for torchvision. Raises UserError if it is
    missing and cannot be downloaded. Source: Netzer et al., 2011, http://ufldl.stanford.edu/housenumbers/.
    """
    check_split("SVHN", split, SVHN.split_list)
    url, name, md5 = SVHN.split_list[split]
    file = Remote(name, md5, (url,))
    folder = obtain(
        f"SVHN ({split})", [file], folders_of(root), complete=file.is_complete_in, unpack=_keep, download=download
    )
    data = SVHN(folder, split=split)
    images = np.ascontiguousarray(data.data.transpose(0, 2, 3, 1))
    return ArrayPictures(images, data.labels, [str(digit) for digit in range(10)])


def _keep(file: Path, folder: Path) -> None:
    """Leave the file unchanged: it is not an archive."""
