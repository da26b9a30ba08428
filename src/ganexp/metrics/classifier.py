"""Classifier features: a small network trained on the real data, for use where Inception is missing or unsuitable."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from ganexp.errors import UserError
from ganexp.files.weights import checksum_of, load_into
from ganexp.metrics.chance import Trial, warn_of_chance
from ganexp.metrics.classification_tasks import Task, classification_task
from ganexp.metrics.extractor import Description, Extractor
from ganexp.metrics.reference import BATCH, RealImages
from ganexp.metrics.store import Content, cached, load_cached
from ganexp.numerics.randomness import generator, seed_layers
from ganexp.terminal.progress import progress

log = logging.getLogger(__name__)

ARCHITECTURE = "convolutional classifier 1"
"""Increment when the network or its training changes, so that no older network is loaded from the cache."""
WIDTH = 128
SMALLEST_SIDE, LARGEST_SIDE, LAST_SIDE = 4, 64, 4
Shape = tuple[int, int, int]
HELD_OUT = 10  # one image in ten
LEARNING_RATE = 1e-3


class Network(nn.Module):
    """Features (N, 128) and logits (N, classes) of uint8 images (N, C, H, W) of one size.

    Convolutions halve the feature map and double the channels, from 16 to 128, until the map is at most 4x4.
    """

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        height, width = self.size = min(height, LARGEST_SIDE), min(width, LARGEST_SIDE)
        layers = [_convolution(channels, 16, stride=1)]
        maps = 16
        while max(height, width) > LAST_SIDE:
            layers.append(_convolution(maps, min(2 * maps, WIDTH), stride=2))
            maps = min(2 * maps, WIDTH)
            height, width = (height + 1) // 2, (width + 1) // 2
        self.features = nn.Sequential(
            *layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(maps * height * width, WIDTH), nn.ReLU()
        )
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits."""
        features = self.features(adaptive_avg_pool2d(images.float() / 127.5 - 1, self.size))
        return features, self.head(features)


class Classifier(Extractor):
    """Features (N, 128) and logits (N, K) of a trained network."""

    network: Network

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" and "logits"."""
        features, logits = self.network(images)
        return {"features": features, "logits": logits}


def classifier(
    images: RealImages,
    device: torch.device,
    weights: str | None = None,
    seed: int = 0,
    epochs: int = 30,
    most_images: int = 100_000,
) -> Classifier:
    """Return the extractor on a device, trained on the real images' labels, or on rotations if they have none.

    Training takes ``epochs`` epochs, limited to ``most_images`` images in total but to no less than one epoch. The
    result is cached for the same data and settings. ``weights`` is a file from another machine's cache that is used
    instead.

    Raises UserError if the images are smaller than 4x4 or fewer than two; and if the weights file is missing or
    damaged, belongs to another network or contains code.
    """
    _, height, width = images.shape
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(
            f"extractor classifier: images must be at least 4x4, not {height}x{width}; for points in the plane use "
            "metric=modes."
        )
    if weights is not None:
        path = Path(weights).expanduser()
        return _from(load_cached(path), images.shape, path).to(device)
    settings = {
        "network": ARCHITECTURE,
        "data": images.fingerprint,
        "seed": seed,
        "epochs": epochs,
        "most_images": most_images,
    }
    key = checksum_of(settings)[:16]
    content = cached("classifiers", key, lambda: _trained(images, device, seed, epochs, most_images))
    return _from(content, images.shape, f"the cached classifier {key}").to(device)


def _from(content: Content, shape: Shape, source: Path | str) -> Classifier:
    description, weights = content.get("description"), content.get("state_dict")
    if not isinstance(description, dict) or not isinstance(weights, dict) or description.get("network") != ARCHITECTURE:
        raise UserError(f"{source} does not contain a classifier of this version of ganexp")
    if description.get("images") != _name(shape):
        raise UserError(f"{source} is a classifier for {description.get('images')} images, not for {_name(shape)}")
    with torch.random.fork_rng(devices=[]):
        network = Network(shape, description["classes"])
    load_into(network, weights, source)
    log.info(
        "classifier: accuracy %.1f %% on real images that were held out (%s)",
        100 * description["held_out_accuracy"],
        description["labels"],
    )
    # Files of earlier versions have no trial.
    if "trial" in content:
        warn_of_chance(Trial.of(content["trial"], source))
    return Classifier(network, {**description, "weights": checksum_of(weights)[:16]})


def _trained(images: RealImages, device: torch.device, seed: int, epochs: int, most_images: int) -> Content:
    """Return the state_dict of a network trained on nine tenths of the images, and its description."""
    if images.count < 2:
        raise UserError("extractor classifier: training needs at least two images.")
    begin = time.monotonic()
    order = torch.randperm(images.count, generator=generator(seed, "held out"))
    held_out, training = order.tensor_split([max(1, images.count // HELD_OUT)])
    task = classification_task(images, seed)
    total = max(len(training), min(epochs * len(training), most_images))
    devices = [device] if device.type == "cuda" else []
    # The trainer may be validating, without gradients or in half precision; and its random state must not change.
    with (
        torch.random.fork_rng(devices),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        seed_layers(seed, device)
        network = Network(images.shape, task.classes).to(device)
        _train(network, images, task, _training_batches(training, total, seed), total, device)
        trial = Trial(_recognized(network, images, task, held_out, device), len(held_out), task.chance)
    log.info(
        "classifier: trained on %s images (%s) in %.0f s, %s images held out",
        f"{len(training):,}",
        task.name,
        time.monotonic() - begin,
        f"{len(held_out):,}",
    )
    description: Description = {
        "network": ARCHITECTURE,
        "images": _name(images.shape),
        "labels": task.name,
        "classes": task.classes,
        "trained_on": images.fingerprint,
        "images_shown": total,
        "held_out_accuracy": round(trial.accuracy, 4),
    }
    weights = {name: v.cpu() for name, v in network.state_dict().items()}
    return {"description": description, "state_dict": weights, "trial": asdict(trial)}


def _train(
    network: Network,
    images: RealImages,
    task: Task,
    batches: Iterator[Tensor],
    total: int,
    device: torch.device,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    with progress("training a classifier", total) as advance:
        for positions in batches:
            batch, labels = task(images.at(positions), positions)
            _, logits = network(batch.to(device))
            loss = cross_entropy(logits, labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            advance(len(positions))


def _training_batches(positions: Tensor, total: int, seed: int) -> Iterator[Tensor]:
    """Yield ``total`` positions in batches, in random order, without repetition within an epoch."""
    left = total
    epoch = 0
    while left > 0:
        order = torch.randperm(len(positions), generator=generator(seed, "classifier's order", epoch))[:left]
        yield from positions[order].split(BATCH)
        left -= len(order)
        epoch += 1


def _recognized(network: Network, images: RealImages, task: Task, positions: Tensor, device: torch.device) -> int:
    """Return the number of images, of those at the positions, of which the network gives the label."""
    network.eval()
    correct = 0
    with torch.no_grad():
        for part in positions.split(BATCH):
            batch, labels = task(images.at(part), part)
            _, logits = network(batch.to(device))
            correct += int((logits.argmax(1).cpu() == labels).sum())
    return correct


def _convolution(channels: int, maps: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, maps, 3, stride, padding=1, bias=False), nn.BatchNorm2d(maps), nn.ReLU())


def _name(shape: Shape) -> str:
    return "x".join(str(size) for size in shape)
