"""Noise, or styles, of real pictures, as the projection saves it and other analyses start from it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.analysis.picture_files import read_pictures
from ganexp.analysis.subject import Subject
from ganexp.errors import UserError
from ganexp.files.atomic import replacing
from ganexp.files.untrusted import read_json

MOST = 64
"""The largest number of pictures of a folder that are encoded."""


@dataclass(frozen=True)
class ProjectedNoise:
    """Noise (K, latent) of pictures, in the order of their names, and labels (K, …) if the generator takes them.

    ``latents_are`` is noise, or styles.
    """

    pictures: list[str]
    latents: Tensor
    labels: Tensor | None = None
    latents_are: str = "noise"

    def latents_of(self, numbers: Sequence[int]) -> Tensor:
        """Return the noise (N, latent) of the pictures with these numbers; raises UserError for others."""
        last = len(self.latents) - 1
        wrong = [number for number in numbers if not (isinstance(number, int) and 0 <= number <= last)]
        if wrong:
            raise UserError(f"{wrong}: the projected pictures have the numbers 0 to {last}")
        return self.latents[list(numbers)]

    def labels_of(self, numbers: Sequence[int]) -> Tensor | None:
        """Return the labels (N, …) of the pictures with these numbers, if there are any."""
        return None if self.labels is None else self.labels[list(numbers)]

    def save(self, path: Path) -> None:
        """Write the noise as JSON, atomically."""
        content = {
            "pictures": self.pictures,
            "latents_are": self.latents_are,
            "latents": self.latents.tolist(),
            "labels": None if self.labels is None else self.labels.tolist(),
        }
        with replacing(path) as file:
            file.write(json.dumps(content) + "\n")


def file_name(subject: Subject) -> str:
    """Return the name of the file that pictures projected into a subject's noise, or styles, are saved in."""
    return f"{subject.latents_are}.json"


def projected_noise(path: str, subject: Subject) -> ProjectedNoise:
    """Return the noise in a file that the projection wrote, or the codes of a folder of pictures.

    Raises UserError if it cannot be read, or belongs to a generator of other noise or other labels, or has noise where
    the subject takes styles or the reverse, and for a folder where the model has no encoder.
    """
    if Path(path).is_dir():
        return encoded_pictures(path, subject)
    try:
        content: Any = read_json(Path(path))
        latents = torch.tensor(content["latents"], dtype=torch.float32)
        labels = None if content["labels"] is None else torch.tensor(content["labels"], dtype=torch.int64)
        pictures = [str(name) for name in content["pictures"]]
        latents_are = str(content.get("latents_are", "noise"))
        whole = latents.ndim == 2 and len(latents) == len(pictures) > 0 and bool(latents.isfinite().all())
        if not whole or (labels is not None and len(labels) != len(latents)):
            raise ValueError("its lists do not fit each other")
    except OSError as error:
        raise UserError(f"pictures={path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        expected = file_name(subject)
        raise UserError(f"pictures={path}: is not a {expected} written by analyze analysis=projection") from error
    if latents_are != subject.latents_are:
        remedy = f"project the pictures with analysis=projection space={subject.latents_are}"
        raise UserError(f"pictures={path}: has no {subject.latents_are}; {remedy}")
    if latents.shape[1] != subject.latent:
        size = latents.shape[1]
        raise UserError(f"pictures={path}: has noise of {size} values, and this generator takes {subject.latent}")
    if not _are_labels(labels, subject):
        raise UserError(f"pictures={path}: its labels are not this generator's; project the pictures with this run")
    return ProjectedNoise(pictures, latents, labels)


def encoded_pictures(path: str, subject: Subject) -> ProjectedNoise:
    """Return the noise that a model's encoder gives the first pictures below a folder.

    Raises UserError if there are none, some cannot be read, or the model has no encoder.
    """
    if subject.encoder is None:
        raise UserError(
            f"pictures={path}: this model has no encoder for a folder of pictures; project them with "
            f"analysis=projection, and give the {file_name(subject)} that it writes"
        )
    names, pictures = read_pictures(Path(path), subject.shape, MOST, "pictures")
    return ProjectedNoise(names, subject.encodings(pictures))


def _are_labels(labels: Tensor | None, subject: Subject) -> bool:
    if labels is None or subject.num_classes is None:
        return labels is None and subject.num_classes is None
    shape, values = ((), subject.num_classes) if subject.attributes is None else ((subject.num_classes,), 2)
    return labels.shape[1:] == shape and bool(((labels >= 0) & (labels < values)).all())
