"""Folders of images."""

from pathlib import Path

from ganexp.data.files.folders import all_images, existing, image_files, training_folder
from ganexp.data.files.pages import count_further_pages, report_further_pages
from ganexp.data.labels.matching import labels_of_files, require_images
from ganexp.data.labels.table import LabelTable, label_table
from ganexp.data.pictures import FilePictures, Pictures
from ganexp.data.sources.layout import layout, share
from ganexp.errors import UserError


def image_folder(root: str, labels: str | None = None) -> FilePictures:
    """Return all images below a folder, sorted by path; hidden and other files are skipped.

    If all are in two or more subfolders, at any depth, these are the classes, unless a file gives their ``labels``
    (`label_table`). Raises UserError if the folder is missing or empty, a class folder is empty, or the file's rows are
    not the images'.
    """
    if labels is not None:
        return labelled_by_file(training_folder(root), label_table(labels))
    paths, numbers, classes = image_files(root)
    report_further_pages(root, *count_further_pages(paths))
    return FilePictures(paths, numbers, classes)


def labelled_by_file(top: Path, table: LabelTable) -> FilePictures:
    """Return all images below a folder, sorted by path, with the labels of a file.

    Raises UserError if there are none, if a row is missing or fits several images, or if a class has no image.
    """
    paths = all_images(top)
    report_further_pages(str(top), *count_further_pages(paths))
    labels = labels_of_files(paths, top, table)
    require_images(labels, table)
    return FilePictures(paths, labels, table.names)


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
