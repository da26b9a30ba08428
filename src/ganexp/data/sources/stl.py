"""STL-10 data set."""

import numpy as np
from torchvision.datasets import STL10
from torchvision.datasets.utils import extract_archive

from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources.splits import check_split
from ganexp.files.download import Remote, folders_of, obtain


def stl10(root: str, split: str = "unlabeled", download: bool = True) -> ArrayPictures:
    """Return STL-10's photographs, RGB 96x96: 100,000 unlabeled, or in 10 classes 5,000 to train and 8,000 to test.

    `root` holds the archive or the folder stl10_binary, as for torchvision. Raises UserError if they are missing and
    cannot be downloaded. Source: Coates, Lee and Ng, 2011, https://cs.stanford.edu/~acoates/stl10.
    """
    check_split("STL-10", split, ("train", "test", "unlabeled"))
    files = [Remote(name, md5) for name, md5 in STL10.train_list + STL10.test_list]
    folder = obtain(
        f"STL-10 ({split})",
        [Remote(STL10.filename, STL10.tgz_md5, (STL10.url,))],
        folders_of(root),
        complete=lambda folder: all(file.is_complete_in(folder / STL10.base_folder) for file in files),
        unpack=extract_archive,
        download=download,
    )
    data = STL10(folder, split=split)
    images = data.data.transpose(0, 2, 3, 1)
    if split == "unlabeled":
        return ArrayPictures(images, np.zeros(len(images)), ())
    return ArrayPictures(images, data.labels, data.classes)
