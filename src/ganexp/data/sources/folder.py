"""Any folder of images."""

from ganexp.data.folders import image_files
from ganexp.data.pictures import FilePictures


def image_folder(root: str) -> FilePictures:
    """Return all images below a folder, sorted by path; hidden ones and other files are left out.

    If all lie in two or more subfolders, at any depth, these are the classes. Raises UserError if the folder
    is missing or empty, or a class folder is empty.
    """
    paths, labels, classes = image_files(root)
    return FilePictures(paths, labels or None, classes)
