"""Recognizability of a run's samples by a classifier trained on the real images.

    python benchmarks/quality.py run=DIR [run=DIR …]

Draws 1,000 samples and prints the share recognized with a confidence above 0.9 and the share of each class, beside
the same figures of the real images. For conditional models also the share recognized as the requested class. The
classifier is the one whose features metric=fid_classifier uses.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.drawing.pictures import as_saved
from ganexp.metrics.classifier import classifier
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import RealImages
from ganexp.runs import run_folder
from ganexp.runs.checkpoint import load_weights
from ganexp.runs.run import saved_run

SAMPLES = 1_000
CONFIDENT = 0.9
BATCH = 256


def judge_of(folder: Path) -> tuple[Extractor, RealImages]:
    """Return a classifier of the run's data, and the data."""
    data = build(run_folder.read_config(folder).data)
    data.prepare_data()
    data.setup("fit")
    images = RealImages(data.dataset, data.dataset.checksum())
    return classifier(images, torch.device("cpu")), images


def samples_of(folder: Path, labels: list[int] | None) -> Tensor:
    """Return the run's samples (SAMPLES, C, S, S) of seed 0, uint8."""
    run = saved_run(folder)
    model = build(run.config.model)
    load_weights(model, run)
    return as_saved(model.sample(SAMPLES, 0, labels))


def probabilities(judge: Extractor, images: Tensor) -> Tensor:
    """Return the probability of each class (N, K) of uint8 images."""
    return torch.cat([judge(part)["logits"].softmax(1) for part in images.split(BATCH)])


def recognized(p: Tensor) -> tuple[Tensor, float]:
    """Return the share of each class (K,) and the share of images recognized with confidence."""
    confidence, guess = p.max(1)
    shares = torch.bincount(guess, minlength=p.shape[1]) / len(p)
    return shares, (confidence > CONFIDENT).float().mean().item()


def line(p: Tensor, labels: Tensor | None) -> str:
    """Return the figures as text, with the share recognized as their label where there are labels."""
    shares, confident = recognized(p)
    text = f"confident {confident:.1%}, rarest class {shares.min():.1%}, classes "
    text += " ".join(f"{share:.1%}" for share in shares.tolist())
    if labels is not None:
        text += f", as the label says {(p.argmax(1) == labels).float().mean():.1%}"
    return text


def main(folder: Path) -> None:
    """Print the figures of one run."""
    config = run_folder.read_config(folder)
    judge, real = judge_of(folder)
    classes = list(range(config.data.num_classes)) if config.requires.labels else None
    labels = torch.tensor(classes).repeat(SAMPLES)[:SAMPLES] if classes else None
    print(folder)
    print(f"  real:    {line(probabilities(judge, torch.cat(list(real.batches(BATCH)))), real.labels())}")
    print(f"  samples: {line(probabilities(judge, samples_of(folder, classes)), labels)}")


if __name__ == "__main__":
    composition.register_resolvers()
    for argument in sys.argv[1:]:
        main(Path(argument.removeprefix("run=")))
