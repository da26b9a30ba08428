"""VGG-16's features: the network of torchvision, the images of torch-fidelity, the weights by checksum."""

import hashlib
from functools import partial

import pytest
import torch

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.memory import InMemory
from ganexp.files.download import Remote
from ganexp.metrics import vgg16 as module
from ganexp.metrics.inception import legacy
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import build_extractors
from ganexp.metrics.vgg16 import VGG16, VGGFeatures, resize_like_tensorflow1, vgg16
from support.formula import figures, fill, uniform
from support.refusals import complaint

CPU = torch.device("cpu")
narrow = partial(VGG16, width=4, hidden=24, classes=5)

# torch_fidelity/feature_extractor_vgg16.py of torch-fidelity 0.4.0, executed with a narrow network of torchvision.
FEATURES = {
    8: (0.0951494571, 0.1835904227, [0.26851419, 0.08327013, 0.12183628, 0, 0.14038134, 0.09145431, 0.10617479, 0]),
    32: (
        0.1588048377,
        0.2746636625,
        [0.16037448, 0.24468374, 0, 0.3019006, 0.22707345, 0.15389445, 0.04629258, 0.00860599],
    ),
    300: (
        0.4193314733,
        0.6746187335,
        [0.15649043, 0.26374513, 0.1707896, 0.5825659, 0, 0.29793179, 0.42686570, 0.56073451],
    ),
}


def images(side, channels=3):
    return ((uniform(2 * channels * side * side, 1) + 1) * 128).byte().view(2, channels, side, side)


def real(channels=3):
    return RealImages(InMemory(images(8, channels)), "formula")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The weights of a narrow network in a file, empty caches, and no address that can be reached."""
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(module, "VGG16", narrow)
    remote = Remote("vgg16-00000000.pth", urls=("http://127.0.0.1:1/vgg16-00000000.pth",), sha256="00000000")
    monkeypatch.setattr(module, "WEIGHTS", remote)
    path = tmp_path / "narrow.pth"
    torch.save(fill(narrow()).float().state_dict(), path)
    return path


def test_names_and_shapes_are_torchvisions():
    from torchvision.models import vgg16 as theirs

    with torch.device("meta"):
        expected, own = theirs().state_dict(), VGG16()
    assert {name: value.shape for name, value in own.state_dict().items()} == {
        name: value.shape for name, value in expected.items()
    }
    assert sum(parameter.numel() for parameter in own.parameters()) == 138_357_544
    assert own(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 4096)


@pytest.mark.parametrize("side", FEATURES)
def test_features_are_torch_fidelitys(weights, side):
    mean, std, values = FEATURES[side]
    features = vgg16(real(), CPU, weights=str(weights))(images(side))["features"]
    assert features.shape == (2, 24)
    assert not features.requires_grad
    computed = figures(features)
    assert computed["mean"] == pytest.approx(mean, rel=1e-4)
    assert computed["std"] == pytest.approx(std, rel=1e-4)
    assert computed["values"] == pytest.approx(values, abs=1e-4)


@pytest.mark.parametrize("size", [7, 32, 299, 400])
def test_images_are_resized_as_for_inception(size):
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    picture = images(size).float()
    torch.testing.assert_close(resize_like_tensorflow1(picture, 299), legacy(picture), rtol=0, atol=2e-2)


def test_grey_images_are_repeated_and_the_description_says_so(weights):
    grey, colour = vgg16(real(1), CPU, weights=str(weights)), vgg16(real(), CPU, weights=str(weights))
    batch = images(8, 1)
    torch.testing.assert_close(grey(batch), colour(batch.expand(-1, 3, -1, -1)))
    assert (grey.description["channels"], colour.description["channels"]) == ("grey, repeated to three", "RGB")
    assert grey.description["weights"] == hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    assert grey.fingerprint != colour.fingerprint
    assert "use metric=modes" in complaint(vgg16, real(2), CPU, weights=str(weights))


def test_memory_format_changes_the_rounding_alone(weights):
    default, last = (vgg16(real(), CPU, weights=str(weights), channels_last=chosen) for chosen in (False, True))
    assert default.description == last.description
    torch.testing.assert_close(default(images(8)), last(images(8)), rtol=1e-4, atol=1e-5)


def test_the_global_generator_stays_where_it_was(weights):
    before = torch.get_rng_state()
    extractor = vgg16(real(), CPU, weights=str(weights))
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(extractor, VGGFeatures)
    assert not extractor.train().training


def test_the_weights_are_downloaded_once_and_checked(weights, server, monkeypatch, tmp_path):
    served, address, asked = server
    data = weights.read_bytes()
    remote = Remote("vgg16.pth", urls=(address + "vgg16.pth",), sha256=hashlib.sha256(data).hexdigest()[:8])
    monkeypatch.setattr(module, "WEIGHTS", remote)
    (served / "vgg16.pth").write_bytes(b"<html>moved</html>")
    assert "has the wrong checksum" in complaint(vgg16, real(), CPU)
    (served / "vgg16.pth").write_bytes(data)
    downloaded = vgg16(real(), CPU)
    torch.testing.assert_close(downloaded(images(8)), vgg16(real(), CPU, weights=str(weights))(images(8)))
    assert vgg16(real(), CPU, download=False).description == downloaded.description
    assert len(asked) == 2
    (tmp_path / "cache" / "weights" / "vgg16.pth").write_bytes(data[:-1])
    assert "files with a wrong checksum and download=false" in complaint(vgg16, real(), CPU, download=False)


def test_the_address_is_torchvisions():
    from torchvision.models import VGG16_Weights

    assert module.WEIGHTS.urls == (VGG16_Weights.IMAGENET1K_V1.url,)
    assert module.WEIGHTS.urls[0].endswith(f"/{module.WEIGHTS.name}")
    assert module.WEIGHTS.name.endswith(f"-{module.WEIGHTS.sha256}.pth")


def test_without_weights_every_way_out_is_named(weights):
    message = complaint(vgg16, real(), CPU)
    for part in ("refused", "vgg16-00000000.pth", "extractor.vgg16.weights=FILE", "metric=[prc_inception]"):
        assert part in message


def test_weights_of_another_network_are_refused(weights, tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    message = complaint(vgg16, real(), CPU, weights=str(tmp_path / "other.pth"))
    assert "contains the weights of another network" in message


def test_evaluate_and_training_have_the_extractor(weights):
    for root in ("evaluate", "train"):
        overrides = ["metric=prc", f"extractor.vgg16.weights={weights}"]
        config = composition.compose(root, overrides + (["run_dir=unused"] if root == "train" else []))
        (measurement,) = [metric for metric in build(config.metric).values() if metric is not None]
        extractors = build_extractors([measurement], build(config.extractor), real(), CPU)
        assert extractors["vgg16"](images(8))["features"].shape == (2, 24)


def test_no_score_has_the_name_of_another_ones_features():
    composed = composition.compose("evaluate", ["metric=[prc,prc_inception,prc_classifier,prc_own]"])
    names = {option: metric.name for option, metric in build(composed.metric).items() if metric is not None}
    assert names == {
        "prc": "prc_vgg16",
        "prc_inception": "prc_inception",
        "prc_classifier": "prc_classifier",
        "prc_own": "prc_own",
    }
