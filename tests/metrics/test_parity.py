"""From images to scores as torch-fidelity, on InceptionV3 with random weights."""

import pytest
import torch

from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.neighbours import PrecisionRecall
from support.fakes import RealFeatures, score

torch_fidelity = pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
FeatureExtractorInceptionV3 = pytest.importorskip(
    "torch_fidelity.feature_extractor_inceptionv3"
).FeatureExtractorInceptionV3

# Untrained InceptionV3 takes ten seconds; the metrics have closed forms, and the features parity, in the default suite.
pytestmark = pytest.mark.slow

NAME = "inception-v3-compat"
LAYERS = ["2048", "logits_unbiased"]
IMAGES = 24
SUBSETS, SUBSET_SIZE, SPLITS = 4, 12, 2


class Untrained(FeatureExtractorInceptionV3):
    """The network with random weights that keep the scale of its activations."""

    def load_state_dict(self, *_):
        """Draw weights instead, so that nothing is downloaded."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))


class Pictures(torch.utils.data.Dataset):
    """Images one by one, as torch-fidelity takes them."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index]


def pictures(darkest, seed):
    """Return random squares of random brightness."""
    rng = torch.Generator().manual_seed(seed)
    squares = 255 * torch.rand(IMAGES, 3, 4, 4, generator=rng)
    brightness = darkest + (1 - darkest) * torch.rand(IMAGES, 1, 1, 1, generator=rng)
    return (squares * brightness).byte().repeat_interleave(8, 2).repeat_interleave(8, 3)


@pytest.fixture(scope="module")
def images():
    return {"real": pictures(0.2, seed=0), "fake": pictures(0.6, seed=1)}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    network = Untrained(NAME, LAYERS, feature_extractor_weights_path=str(path))
    torch.save(network.state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def outputs(images, weights):
    network = FeatureExtractorInceptionV3(NAME, LAYERS, feature_extractor_weights_path=weights)
    return {
        side: dict(zip(LAYERS, map(torch.cat, zip(*map(network, values.split(12)), strict=True)), strict=True))
        for side, values in images.items()
    }


@pytest.fixture(scope="module")
def theirs(images, weights):
    return torch_fidelity.calculate_metrics(
        input1=Pictures(images["fake"]),
        input2=Pictures(images["real"]),
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        feature_extractor=NAME,
        feature_extractor_weights_path=weights,
        isc_splits=SPLITS,
        kid_subset_size=SUBSET_SIZE,
        kid_subsets=SUBSETS,
        save_cpu_ram=True,
        cuda=False,
        cache=False,
        batch_size=12,
        verbose=False,
    )


@pytest.fixture(scope="module")
def real(outputs):
    return RealFeatures(outputs["real"]["2048"])


@pytest.fixture(scope="module")
def fake(outputs):
    return outputs["fake"]


def test_frechet_distance_is_torch_fidelitys(theirs, real, fake):
    ours = score(FrechetDistance(real, IMAGES), fake["2048"])[""].value
    assert ours == pytest.approx(theirs[torch_fidelity.KEY_METRIC_FID], rel=1e-4)
    assert ours > 0.1


def test_kernel_distance_is_torch_fidelitys(theirs, real, fake):
    ours = score(KernelDistance(real, IMAGES, SUBSETS, SUBSET_SIZE), fake["2048"])[""]
    expected = theirs[torch_fidelity.KEY_METRIC_KID_MEAN], theirs[torch_fidelity.KEY_METRIC_KID_STD]
    assert ours == pytest.approx(expected, rel=1e-3)


def test_inception_score_is_torch_fidelitys(theirs, fake):
    ours = score(InceptionScore(None, IMAGES, SPLITS), fake["logits_unbiased"])[""]
    expected = theirs[torch_fidelity.KEY_METRIC_ISC_MEAN], theirs[torch_fidelity.KEY_METRIC_ISC_STD]
    assert ours == pytest.approx(expected, rel=1e-3)


def test_precision_and_recall_are_torch_fidelitys(theirs, real, fake):
    ours = {name: s.value for name, s in score(PrecisionRecall(real, IMAGES), fake["2048"]).items()}
    assert ours["precision"] == pytest.approx(theirs[torch_fidelity.KEY_METRIC_PRECISION], rel=1e-3)
    assert ours["recall"] == pytest.approx(theirs[torch_fidelity.KEY_METRIC_RECALL], rel=1e-3)
    assert 0 < ours["recall"] <= ours["precision"]
