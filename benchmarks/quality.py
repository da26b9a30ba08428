"""Does a classifier trained on the real images recognize what a run has learned to draw?

    python benchmarks/quality.py run=DIR [run=DIR …]

Draws 1,000 samples and prints the share recognized with a confidence above 0.9 and the share of each class, beside
the same figures of held-out real images. For conditional models also the share drawn as the class asked for.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from ganexp import composition, run_folder
from ganexp.commands.building import build
from ganexp.commands.loading import load_weights
from ganexp.data.values import to_signed_unit

SAMPLES = 1_000
CONFIDENT = 0.9
EPOCHS = 30
BATCH = 64


def classifier(channels: int, size: int, classes: int) -> nn.Module:
    """Return a small convolutional network to logits (N, classes)."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * (size // 4) ** 2, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def trained(images: Tensor, labels: Tensor, classes: int) -> nn.Module:
    """Return a classifier trained on images (N, C, S, S) in [-1, 1]."""
    network = classifier(images.shape[1], images.shape[2], classes)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    epochs = max(1, min(EPOCHS, 60_000 // len(images)))
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def recognized(network: nn.Module, images: Tensor) -> tuple[Tensor, float]:
    """Return the share of each class (K,) and the share of images recognized with confidence."""
    with torch.no_grad():
        probabilities = torch.cat([network(part).softmax(1) for part in images.split(256)])
    confidence, guess = probabilities.max(1)
    shares = torch.bincount(guess, minlength=probabilities.shape[1]) / len(images)
    return shares, (confidence > CONFIDENT).float().mean().item()


def judge_of(folder: Path) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a classifier trained on nine tenths of the run's data, and the images and labels of the last tenth."""
    config = run_folder.read_config(folder)
    data = build(config.data)
    data.prepare_data()
    data.setup("fit")
    everything = data.dataset.__getitems__(list(range(len(data.dataset))))
    images, labels = to_signed_unit(everything["image"]), everything["label"]
    torch.manual_seed(0)
    order = torch.randperm(len(images))
    held_out, used = order[: len(order) // 10], order[len(order) // 10 :]
    return trained(images[used], labels[used], config.data.num_classes), images[held_out], labels[held_out]


def samples_of(folder: Path, labels: list[int] | None) -> Tensor:
    """Return the run's samples (SAMPLES, C, S, S) of seed 0."""
    model = build(run_folder.read_config(folder).model)
    load_weights(model, run_folder.last_checkpoint(folder))
    return model.sample(SAMPLES, 0, labels)


def line(network: nn.Module, images: Tensor, labels: Tensor | None) -> str:
    """Return the figures as text, with the share drawn as asked for where there are labels."""
    shares, confident = recognized(network, images)
    text = f"confident {confident:.1%}, rarest class {shares.min():.1%}, classes "
    text += " ".join(f"{share:.1%}" for share in shares.tolist())
    if labels is not None:
        with torch.no_grad():
            text += f", as the label says {(network(images).argmax(1) == labels).float().mean():.1%}"
    return text


def main(folder: Path) -> None:
    """Print the figures of one run."""
    config = run_folder.read_config(folder)
    network, images, labels = judge_of(folder)
    asked = list(range(config.data.num_classes)) if config.requires.labels else None
    drawn_as = torch.tensor(asked).repeat(SAMPLES)[:SAMPLES] if asked else None
    print(folder)
    print(f"  held-out real: {line(network, images, labels)}")
    print(f"  samples:       {line(network, samples_of(folder, asked), drawn_as)}")


if __name__ == "__main__":
    composition.register_resolvers()
    for argument in sys.argv[1:]:
        main(Path(argument.removeprefix("run=")))
