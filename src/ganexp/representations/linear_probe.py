"""Linear probe: the accuracy of a linear SVM on features (arXiv 1511.06434, section 5)."""

import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.numerics.randomness import derived_seed
from ganexp.numerics.randomness import generator as rng

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
TRIED_ON = 1_000  # images, when the strength is chosen
TRIED_WITH = 5  # one in five is held out then


@dataclass(frozen=True)
class Published:
    """An accuracy from a paper, with what it was measured on."""

    features: str
    data: str
    labels: str
    accuracy: float
    source: str


PUBLISHED = (
    Published("DCGAN trained on ImageNet-1k, at most 512 maps a layer", "CIFAR-10", "all", 0.828, "arXiv 1511.06434"),
    Published("DCGAN trained on ImageNet-1k, at most 512 maps a layer", "CIFAR-10", "4,000", 0.738, "arXiv 1511.06434"),
    Published("1 layer of k-means, 4,800 centroids", "CIFAR-10", "all", 0.806, "arXiv 1511.06434, table 1"),
    Published("DCGAN trained on SVHN", "SVHN", "1,000", 1 - 0.2248, "arXiv 1511.06434, table 2"),
)


@dataclass(frozen=True)
class Accuracy:
    """Test accuracies, one per seed, with ``labels`` labelled training images."""

    labels: int
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """The standard deviation over the seeds, 0 for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Probe:
    """The accuracies of a linear SVM on features of ``dimensions`` numbers; ``strength`` is the C chosen for it."""

    dimensions: int
    strength: float
    accuracies: tuple[Accuracy, ...]


@dataclass(frozen=True)
class Labelled:
    """Features (N, D) with classes (N,), to train on and to test on."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def probe(data: Labelled, counts: Sequence[int | None] = (None,), seeds: Sequence[int] = (0,)) -> Probe:
    """Return the accuracy of an L2-regularized linear SVM for numbers of labels, None for all.

    Features are standardized. The strength of the regularization is chosen once, on one in five of the training images
    (of 1,000 at most). Some of the labels are a random choice that holds each class alike, another for each seed; with
    all labels there is nothing to choose, and so one value. Raises ValueError for more labels than there are, for fewer
    than classes, and for one class only.
    """
    labels = data.train_labels
    strength = chosen_strength(data.train, labels, seeds[0])
    accuracies = []
    for count in counts:
        if count is None:
            values = [fitted_accuracy(data, torch.arange(len(labels)), strength)]
        else:
            values = [fitted_accuracy(data, evenly(labels, count, seed), strength) for seed in seeds]
        accuracies.append(Accuracy(len(labels) if count is None else count, tuple(values)))
    return Probe(data.train.shape[1], strength, tuple(accuracies))


def evenly(labels: Tensor, count: int, seed: int) -> Tensor:
    """Return the positions (count,) of a random choice of labels (N,) in which each class is as frequent as can be.

    Raises ValueError for more than there are and for fewer than classes.
    """
    classes = labels.unique()
    if not len(classes) <= count <= len(labels):
        raise ValueError(
            f"{count} labels: from {len(classes)}, one a class, to {len(labels)}, which is all, can be taken"
        )
    order = torch.randperm(len(labels), generator=rng(seed, "labelled"))
    # The number of an image among those of its class, in random order: all first ones, then all second ones, and so on.
    turn = torch.empty(len(labels), dtype=torch.long)
    for label in classes:
        mine = order[labels[order] == label]
        turn[mine] = torch.arange(len(mine))
    return order[turn[order].argsort(stable=True)][:count]


def chosen_strength(features: Tensor, labels: Tensor, seed: int) -> float:
    """Return the C of the SVM that gets most of one in five training images right, the first where nothing tells."""
    order = torch.randperm(len(labels), generator=rng(seed, "strength"))[:TRIED_ON]
    held_out, shown = order.tensor_split([max(1, len(order) // TRIED_WITH)])
    if len(labels[shown].unique()) < 2:  # A class so rare that it was not drawn.
        return STRENGTHS[0]
    tried = Labelled(features[shown], labels[shown], features[held_out], labels[held_out])
    return max(STRENGTHS, key=lambda strength: fitted_accuracy(tried, torch.arange(len(shown)), strength))


def fitted_accuracy(data: Labelled, chosen: Tensor, strength: float) -> float:
    """Return the test accuracy of an SVM trained on the chosen images (K,).

    Raises ValueError for one class only.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    # liblinear draws the order of its coordinates; a fixed seed makes the value repeatable.
    # The dual problem takes a half to a third of the primal one's time for features of a thousand dimensions.
    svm = LinearSVC(C=strength, dual=True, tol=1e-2, max_iter=200, random_state=derived_seed(0, "svm") % 2**32)
    model = make_pipeline(StandardScaler(), svm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data.train[chosen].numpy(), data.train_labels[chosen].numpy())
    return float(model.score(data.test.numpy(), data.test_labels.numpy()))


def plot_probes(probes: dict[str, Probe]) -> Figure:
    """Draw the accuracies of features by name, with their standard deviation over the seeds."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    counts = [accuracy.labels for accuracy in next(iter(probes.values())).accuracies]
    width = 0.8 / len(counts)
    for number, count in enumerate(counts):
        accuracies = [probe.accuracies[number] for probe in probes.values()]
        left = [place - 0.4 + width * (number + 0.5) for place in range(len(probes))]
        axis.bar(
            left,
            [accuracy.mean for accuracy in accuracies],
            width,
            yerr=[accuracy.std for accuracy in accuracies],
            label=f"{count:,} labels",
        )
    axis.set_xticks(range(len(probes)), list(probes))
    lowest = min(accuracy.mean for probe in probes.values() for accuracy in probe.accuracies)
    axis.set_ylim(max(0.0, lowest - 0.1), 1)
    axis.set_ylabel("accuracy on test images")
    axis.legend(loc="lower right")
    return figure
