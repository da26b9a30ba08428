"""CIFAR-10 data set."""

from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import extract_archive

from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources.splits import check_split
from ganexp.files.download import Remote, folders_of, obtain


def cifar10(root: str, split: str = "train", download: bool = True) -> ArrayPictures:
    """Return CIFAR-10's photographs, RGB 32x32, in 10 classes: 50,000 to train, 10,000 to test.

    `root` holds the archive or the folder cifar-10-batches-py, as for torchvision. Raises UserError if they
    are missing and cannot be downloaded. Source: Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    check_split("CIFAR-10", split, ("train", "test"))
    lists = CIFAR10.train_list + CIFAR10.test_list
    batches = [Remote(name, md5) for name, md5 in lists]
    batches.append(Remote(CIFAR10.meta["filename"], CIFAR10.meta["md5"]))
    folder = obtain(
        f"CIFAR-10 ({split})",
        [Remote(CIFAR10.filename, CIFAR10.tgz_md5, (CIFAR10.url,))],
        folders_of(root),
        complete=lambda folder: all(batch.is_complete_in(folder / CIFAR10.base_folder) for batch in batches),
        unpack=extract_archive,
        download=download,
    )
    data = CIFAR10(folder, train=split == "train")
    return ArrayPictures(data.data, data.targets, data.classes)
