"""Where images come from: functions that return a data set of (PIL image, class number) with `classes`."""

from ganexp.data.sources.cifar import cifar10
from ganexp.data.sources.faces import celeba
from ganexp.data.sources.folder import image_folder
from ganexp.data.sources.house_numbers import svhn
from ganexp.data.sources.idx import fashion_mnist, mnist
from ganexp.data.sources.ilsvrc import imagenet
from ganexp.data.sources.lsun import lsun_bedroom
from ganexp.data.sources.scikit import digits

__all__ = [
    "celeba",
    "cifar10",
    "digits",
    "fashion_mnist",
    "image_folder",
    "imagenet",
    "lsun_bedroom",
    "mnist",
    "svhn",
]
