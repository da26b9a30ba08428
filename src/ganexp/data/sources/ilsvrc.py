"""ImageNet data set (ILSVRC 2012)."""

from pathlib import Path

from torchvision.datasets import ImageNet
from torchvision.datasets.imagenet import ARCHIVE_META

from ganexp.data.pictures import FilePictures
from ganexp.data.sources.splits import check_split
from ganexp.files.cache import one_process_at_a_time
from ganexp.files.download import Remote, missing

ADDRESS = "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php"


def imagenet(root: str, split: str = "train", download: bool = True) -> FilePictures:
    """Return ImageNet's photographs (ILSVRC 2012), RGB of varying size, in 1,000 classes.

    1,281,167 to train, 50,000 to validate (val). `root`/imagenet holds the two archives, which are
    unpacked there at first use, as in torchvision. It is never downloaded (that needs an account): raises UserError
    with the files to get if it is missing. Source: Russakovsky et al., 2015, https://arxiv.org/abs/1409.0575.
    """
    check_split("ImageNet", split, ("train", "val"))
    folder = Path(root).expanduser().absolute() / "imagenet"
    try:
        with one_process_at_a_time(folder):
            data = ImageNet(folder, split=split)
    except (RuntimeError, OSError) as error:
        files = [Remote(*ARCHIVE_META[split]), Remote(*ARCHIVE_META["devkit"])]
        how = f"cannot be unpacked ({error})" if isinstance(error, PermissionError) else "not there"
        why = f"{how}, and only an account can download it (a folder of class folders: data=image_folder)"
        raise missing(f"ImageNet ({split})", why, files, ADDRESS, folder) from error
    paths, labels = zip(*data.samples, strict=True)
    return FilePictures(paths, labels, [names[0] for names in data.classes])
