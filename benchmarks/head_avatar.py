"""Figures of a head avatar on drawn puppets: its speed, the error of its landmarks, and whether it keeps the identity.

    python benchmarks/head_avatar.py speed [sizes=64,128] [widths=16,32] [threads=1,2]
    python benchmarks/head_avatar.py quality run=DIR [checkpoint=last] [steps=1500]

speed: frames per second of an embedded picture that landmarks drive, one at a time, and of the whole network, for
untrained weights, which take the same time. quality: of a run on data=puppets, on its test puppets, which it was not
trained on. A small network that is trained on other puppets reads the landmarks of pictures, and another one, trained
on other poses of the test puppets, tells these apart; both are also asked about the pictures themselves.
"""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

import ganexp
from ganexp.config.build import build
from ganexp.data.puppets.drawing import draw, signed_unit
from ganexp.data.puppets.parameters import identity, pose
from ganexp.data.sources.puppets import Puppets
from ganexp.image_size import ImageSize
from ganexp.layers.normalization import instance
from ganexp.networks.head_avatar import Generator

LANDMARKS = 14
SECONDS = 5.0
BATCH = 32
FIRST_OTHER_PUPPET = 2**40
POSES = 24
"""Other poses of each test puppet, from which its classifier learns."""


def rates(step: Callable[[], Any]) -> str:
    """Return how often a step is taken in a second, and in a second of processor time, after three to warm up."""
    for _ in range(3):
        step()
    steps, begin, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < SECONDS:
        step()
        steps += 1
    return f"{steps / (time.perf_counter() - begin):.0f} ({steps / (time.process_time() - used):.0f})"


@torch.inference_mode()
def speed(sizes: Sequence[int], widths: Sequence[int], threads: Sequence[int]) -> None:
    """Print a table of frames per second, with those per second of processor time in brackets."""
    print("| size | width | threads | driven, frames/s | whole network, frames/s |\n| --- | --- | --- | --- | --- |")
    for size, width, number in product(sizes, widths, threads):
        torch.set_num_threads(number)
        network = Generator(3, size, instance(), LANDMARKS, 4 + LANDMARKS, width=width).eval()
        images = 2 * torch.rand(1, 4 + LANDMARKS, size, size) - 1
        avatar, landmarks = network.avatar(network.person_in(images)), network.landmarks_in(images)
        driven = rates(lambda network=network, a=avatar, at=landmarks: network.drive(a, at).picture())
        whole = rates(lambda network=network, images=images: network(images))
        print(f"| {size} | {width} | {number} | {driven} | {whole} |", flush=True)


def small_network(outputs: int, size: ImageSize) -> nn.Sequential:
    """Return a convolutional network from pictures (N, 3, H, W) to (N, outputs)."""
    layers: list[nn.Module] = []
    channels = 3
    for wider in (24, 48, 96):
        layers += [nn.Conv2d(channels, wider, 3, 2, 1), nn.BatchNorm2d(wider), nn.ReLU()]
        channels = wider
    with torch.no_grad():
        features = nn.Sequential(*layers)(torch.zeros(2, 3, *size)).flatten(1).shape[1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, outputs))


def train(network: nn.Module, images: Tensor, answers: Tensor, loss: Callable[..., Tensor], steps: int) -> nn.Module:
    """Return the network after some steps on random batches, in evaluation mode."""
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(len(images), (BATCH,))
        optimizer.zero_grad()
        loss(network(as_input(images[rows])), answers[rows]).backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def as_input(images: Tensor) -> Tensor:
    """Return pictures, uint8, in [-1, 1]."""
    return images.float() / 127.5 - 1


def drawn(people: Sequence[int], number: int, size: ImageSize) -> tuple[Tensor, Tensor, Tensor]:
    """Return puppets in random poses: pictures, uint8 (N, 3, H, W), landmarks (N, 2K), and who they are (N,)."""
    pictures, landmarks, who = [], [], []
    for index in range(number):
        person = index % len(people)
        frame = draw(identity(0, people[person]), pose(1, index, "figures"), size)
        pictures.append(frame.picture)
        landmarks.append(signed_unit(frame.landmarks, size).ravel())
        who.append(person)
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    return stacked, torch.tensor(np.stack(landmarks), dtype=torch.float32), torch.tensor(who)


@torch.no_grad()
def distance(network: nn.Module, images: Tensor, landmarks: Tensor, size: ImageSize) -> float:
    """Return the mean distance between the landmarks that a network reads and others, in percent of the width."""
    read = network(images)
    apart = (read - landmarks).unflatten(1, (-1, 2)).norm(dim=2).mean().item()
    return 50 * apart * min(size) / size.width


def quality(run: str, checkpoint: str, steps: int) -> None:
    """Print the figures of a checkpoint, last or best."""
    torch.manual_seed(0)
    model = ganexp.load(run, checkpoint)
    size = ImageSize.of(model.config.data.image_size)
    source: Puppets = build(model.config.data.source)(split="test")
    pairs = [source[index][0] for index in range(len(source))]
    inputs = torch.stack([torch.from_numpy(pair.input.values).permute(2, 0, 1) for pair in pairs])
    targets = torch.stack([torch.from_numpy(pair.target).permute(2, 0, 1) for pair in pairs])
    wanted = torch.tensor(
        np.stack([signed_unit(source.target(index).landmarks, size).ravel() for index in range(len(source))]),
        dtype=torch.float32,
    )
    people = [source.person(index) for index in range(source.people)]
    who = torch.tensor([index % source.people for index in range(len(source))])
    reader_data = drawn(range(FIRST_OTHER_PUPPET, FIRST_OTHER_PUPPET + 400), 6000, size)
    reader = train(small_network(2 * LANDMARKS, size), reader_data[0], reader_data[1], mse_loss, steps)
    other_poses = drawn(people, POSES * len(people), size)
    classifier = train(small_network(len(people), size), other_poses[0], other_poses[2], cross_entropy, steps)
    shown = {
        "synthesized": model.translate(as_input(inputs)),
        "the target itself": as_input(targets),
        "the source, not driven": as_input(inputs[:, :3]),
    }
    print(f"{len(source)} pairs of {source.people} test puppets, {size.text}, checkpoint {checkpoint}\n")
    print("| picture | landmarks, % of the width | identity | L1 |\n| --- | --- | --- | --- |")
    for name, images in shown.items():
        error = distance(reader, images, wanted, size)
        with torch.no_grad():
            right = (classifier(images).argmax(1) == who).float().mean().item()
        l1 = (images - as_input(targets)).abs().mean().item() / 2
        print(f"| {name} | {error:.1f} | {100 * right:.0f} % | {l1:.3f} |")


def main(arguments: Sequence[str]) -> None:
    """Print the chosen figures."""
    command, *rest = arguments or ["speed"]
    options = dict(argument.split("=", 1) for argument in rest)
    if command == "speed":
        lists = {"sizes": "64,128", "widths": "16,32", "threads": "1,2"} | options
        speed(*([int(value) for value in lists[name].split(",")] for name in ("sizes", "widths", "threads")))
    else:
        quality(options["run"], options.get("checkpoint", "last"), int(options.get("steps", 1500)))


if __name__ == "__main__":
    main(sys.argv[1:])
