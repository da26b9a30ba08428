"""Folders of images."""

from ganexp.data.folders import existing, image_files
from ganexp.data.pages import count_further_pages, report_further_pages
from ganexp.data.pictures import FilePictures, Pictures
from ganexp.data.sources.layout import layout, share
from ganexp.errors import UserError


def image_folder(root: str) -> FilePictures:
    """Return all images below a folder, sorted by path; hidden and other files are skipped.

    If all are in two or more subfolders, at any depth, these are the classes. Raises UserError if the folder
    is missing or empty, or a class folder is empty.
    """
    paths, labels, classes = image_files(root)
    report_further_pages(root, *count_further_pages(paths))
    return FilePictures(paths, labels or None, classes)


def split_folder(split: str, root: str) -> Pictures:
    """Return the images of the folder `root`/`split`, or a part of all below `root` if there are no splits.

    Without splits, every tenth image is reserved for testing. Raises UserError if a folder is missing or empty, or
    has other splits only.
    """
    folders, undivided = layout(existing(root, "data.root"), split)
    if len(folders) != 1:
        raise UserError(f"{root} has two domains: choose data=paired_folder or data=unpaired_folder.")
    pictures = image_folder(str(folders[0]))
    return share(pictures, split, str(folders[0])) if undivided else pictures
