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
VALIDATED_ON = 1_000  # images at most, to choose the strength
FOLDS = 5  # one of five is held out for it


@dataclass(frozen=True)
class Published:
    """Accuracy published in a paper, with the features, the data and the number of labels."""

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
    """Accuracies of a linear SVM on features with ``dimensions`` dimensions; ``strength`` is its C."""

    dimensions: int
    strength: float
    accuracies: tuple[Accuracy, ...]


@dataclass(frozen=True)
class Labelled:
    """Features (N, D) and classes (N,) for training and for testing."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


def probe(data: Labelled, counts: Sequence[int | None] = (None,), seeds: Sequence[int] = (0,)) -> Probe:
    """Return the accuracies of an L2-regularized linear SVM trained with ``counts`` labels each, None for all.

    Features are standardized. The strength of the regularization is chosen once, by the accuracy on a held-out fifth of
    at most 1,000 training images. A count below all labels is a class-balanced random choice for each seed; all labels
    give a single accuracy. Raises ValueError for more labels than there are, for fewer labels than classes, and for a
    single class.
    """
    labels = data.train_labels
    strength = chosen_strength(data.train, labels, seeds[0])
    accuracies = []
    for count in counts:
        if count is None:
            values = [fitted_accuracy(data, torch.arange(len(labels)), strength)]
        else:
            values = [fitted_accuracy(data, balanced_choice(labels, count, seed), strength) for seed in seeds]
        accuracies.append(Accuracy(len(labels) if count is None else count, tuple(values)))
    return Probe(data.train.shape[1], strength, tuple(accuracies))


def balanced_choice(labels: Tensor, count: int, seed: int) -> Tensor:
    """Return the positions (count,) of a random choice of labels (N,) that is as class-balanced as possible.

    Raises ValueError for more labels than there are, and for fewer labels than classes.
    """
    classes = labels.unique()
    if not len(classes) <= count <= len(labels):
        raise ValueError(
            f"{count} labels: give at least {len(classes)}, one per class, and at most {len(labels)}, all of them"
        )
    order = torch.randperm(len(labels), generator=rng(seed, "labelled"))
    # The rank of an image within its class, in random order: first those of rank 0 of all classes, then of rank 1 …
    rank = torch.empty(len(labels), dtype=torch.long)
    for label in classes:
        members = order[labels[order] == label]
        rank[members] = torch.arange(len(members))
    return order[rank[order].argsort(stable=True)][:count]


def chosen_strength(features: Tensor, labels: Tensor, seed: int) -> float:
    """Return the C with the highest accuracy on a held-out fifth of the training images, the smallest one on a tie."""
    order = torch.randperm(len(labels), generator=rng(seed, "strength"))[:VALIDATED_ON]
    held_out, train = order.tensor_split([max(1, len(order) // FOLDS)])
    if len(labels[train].unique()) < 2:  # The other classes are too rare to be drawn.
        return STRENGTHS[0]
    data = Labelled(features[train], labels[train], features[held_out], labels[held_out])
    return max(STRENGTHS, key=lambda strength: fitted_accuracy(data, torch.arange(len(train)), strength))


def fitted_accuracy(data: Labelled, chosen: Tensor, strength: float) -> float:
    """Return the test accuracy of an SVM trained on the chosen images (K,).

    Raises ValueError if they are of a single class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    # liblinear visits coordinates in random order; a fixed seed makes the accuracy reproducible.
    # With a thousand features, the dual problem takes a half to a third of the primal problem's time.
    svm = LinearSVC(C=strength, dual=True, tol=1e-2, max_iter=200, random_state=derived_seed(0, "svm") % 2**32)
    model = make_pipeline(StandardScaler(), svm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data.train[chosen].numpy(), data.train_labels[chosen].numpy())
    return float(model.score(data.test.numpy(), data.test_labels.numpy()))


def plot_probes(probes: dict[str, Probe]) -> Figure:
    """Draw the accuracies by the name of the features, with their standard deviation over the seeds."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    counts = [accuracy.labels for accuracy in next(iter(probes.values())).accuracies]
    width = 0.8 / len(counts)
    for number, count in enumerate(counts):
        accuracies = [probe.accuracies[number] for probe in probes.values()]
        centers = [position - 0.4 + width * (number + 0.5) for position in range(len(probes))]
        axis.bar(
            centers,
            [accuracy.mean for accuracy in accuracies],
            width,
            yerr=[accuracy.std for accuracy in accuracies],
            label=f"{count:,} labels",
        )
    axis.set_xticks(range(len(probes)), list(probes))
    lowest = min(accuracy.mean for probe in probes.values() for accuracy in probe.accuracies)
    axis.set_ylim(max(0.0, lowest - 0.1), 1)
    axis.set_ylabel("test accuracy")
    axis.legend(loc="lower right")
    return figure
