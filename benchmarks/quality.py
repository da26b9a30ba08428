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
from ganexp.commands.sampling import load_model
from ganexp.run_folder import last_checkpoint

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


def figures(network: nn.Module, images: Tensor, labels: Tensor | None, classes: int) -> str:
    """Return the shares recognized, of each class, and drawn as asked for."""
    with torch.no_grad():
        confidence, guess = torch.cat([network(part).softmax(1) for part in images.split(256)]).max(1)
    shares = torch.bincount(guess, minlength=classes) / len(images)
    text = f"confident {(confidence > CONFIDENT).float().mean():.1%}, classes "
    text += " ".join(f"{share:.1%}" for share in shares.tolist()) + f", rarest {shares.min():.1%}"
    if labels is not None:
        text += f", as the label says {(guess == labels).float().mean():.1%}"
    return text


def judge(folder: Path) -> None:
    """Print the figures of one run."""
    config = run_folder.read_config(folder)
    data = build(config.data)
    data.prepare_data()
    data.setup("fit")
    everything = data.dataset.__getitems__(list(range(len(data.dataset))))
    images, labels = everything["image"].float() / 127.5 - 1, everything["label"]
    classes = config.data.num_classes
    torch.manual_seed(0)
    order = torch.randperm(len(images))
    held_out, used = order[: len(order) // 10], order[len(order) // 10 :]
    network = trained(images[used], labels[used], classes)
    print(f"{folder}\n  held-out real: {figures(network, images[held_out], labels[held_out], classes)}")
    model = load_model(config, last_checkpoint(folder)).cpu()
    asked = list(range(classes)) if config.requires.labels else None
    samples = model.sample(SAMPLES, 0, asked)
    drawn_as = torch.tensor(asked).repeat(SAMPLES)[:SAMPLES] if asked else None
    print(f"  samples:       {figures(network, samples, drawn_as, classes)}")


if __name__ == "__main__":
    composition.register_resolvers()
    for argument in sys.argv[1:]:
        judge(Path(argument.removeprefix("run=")))
