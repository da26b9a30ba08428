"""Sources of images: functions that return a data set of (PIL image, class number) with `classes`.

Sources of image-to-image data return pairs, or two domains.
"""

from ganexp.data.sources.archives import paired_archive, unpaired_archive
from ganexp.data.sources.arrays import arrays
from ganexp.data.sources.cifar import cifar10
from ganexp.data.sources.domains import unpaired_folder
from ganexp.data.sources.faces import celeba
from ganexp.data.sources.folder import image_folder, split_folder
from ganexp.data.sources.head_clips import head_clips
from ganexp.data.sources.house_numbers import svhn
from ganexp.data.sources.hugging_face import hugging_face, labels_on_the_hub, parquet
from ganexp.data.sources.idx import fashion_mnist, mnist
from ganexp.data.sources.ilsvrc import imagenet
from ganexp.data.sources.lsun import lsun_bedroom
from ganexp.data.sources.pairs import paired_folder
from ganexp.data.sources.puppets import puppets
from ganexp.data.sources.scikit import digits
from ganexp.data.sources.splits import divided, halves
from ganexp.data.sources.stl import stl10
from ganexp.data.sources.stream import packed
from ganexp.data.sources.webdataset import webdataset

__all__ = [
    "arrays",
    "celeba",
    "cifar10",
    "digits",
    "divided",
    "fashion_mnist",
    "halves",
    "head_clips",
    "hugging_face",
    "image_folder",
    "imagenet",
    "labels_on_the_hub",
    "lsun_bedroom",
    "mnist",
    "packed",
    "paired_archive",
    "paired_folder",
    "parquet",
    "puppets",
    "split_folder",
    "stl10",
    "svhn",
    "unpaired_archive",
    "unpaired_folder",
    "webdataset",
]
