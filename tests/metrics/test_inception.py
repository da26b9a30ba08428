import hashlib
import logging
import os
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.memory import InMemory
from ganexp.files.download import Remote
from ganexp.files.weights import standard_weights
from ganexp.metrics import inception as module
from ganexp.metrics.inception import clean, inception, legacy
from ganexp.metrics.protocol import differences
from ganexp.metrics.reference import RealImages
from support.formula import figures, uniform
from support.refusals import complaint

pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")

CPU = torch.device("cpu")


def images(number, channels, size=8):
    draws = torch.Generator().manual_seed(number)
    return torch.randint(0, 256, (number, channels, size, size), dtype=torch.uint8, generator=draws)


def real(channels=3):
    return RealImages(InMemory(images(2, channels)), "random")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """torch-fidelity's network with random weights, and these in a file."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):
        def load_state_dict(self, *args):
            pass

    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save({}, path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Untrained("theirs", ["2048", "logits_unbiased"], str(path))
    torch.save(network.state_dict(), path)
    return network, path


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Empty caches, and no address that can be reached."""
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    remote = Remote("inception-00000000.pth", urls=("http://127.0.0.1:1/inception-00000000.pth",), sha256="00000000")
    monkeypatch.setattr(module, "WEIGHTS", remote)
    return tmp_path / "cache" / "weights", tmp_path / "torch" / "hub" / "checkpoints"


def test_legacy_features_are_torch_fidelitys(theirs):
    network, path = theirs
    before = torch.get_rng_state()
    extractor = inception(real(), CPU, weights=str(path))
    assert torch.equal(torch.get_rng_state(), before)
    batch = images(2, 3, 24)
    features, logits = network(batch)
    outputs = extractor(batch)
    torch.testing.assert_close(outputs["features"], features, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(outputs["logits"], logits, rtol=1e-5, atol=1e-7)
    assert features.std(0).max() > 0
    assert not outputs["features"].requires_grad
    assert not extractor.train().training


@pytest.mark.slow
def test_grey_images_are_repeated_and_the_description_says_so(theirs):
    path = str(theirs[1])
    grey, colour = inception(real(1), CPU, weights=path), inception(real(3), CPU, weights=path, resize="clean")
    batch = images(1, 1)
    torch.testing.assert_close(grey(batch), grey(batch.expand(-1, 3, -1, -1)))
    assert grey.description["channels"] == "grey, repeated to three"
    assert colour.description["channels"] == "RGB"
    assert (grey.description["resize"], colour.description["resize"]) == ("legacy", "clean")
    assert grey.description["weights"] == hashlib.sha256(theirs[1].read_bytes()).hexdigest()[:16]
    assert grey.fingerprint != colour.fingerprint
    assert grey.fingerprint == inception(real(1), CPU, weights=path).fingerprint
    own = inception(real(3), CPU, weights=path, resize=partial(torch.nn.functional.interpolate, size=299))
    assert own.description["resize"] == "torch.nn.functional.interpolate(size=299)"
    assert own(batch.expand(-1, 3, -1, -1))["features"].shape == (1, 2048)
    assert "resize=cleaner is not one of legacy, clean." in complaint(inception, real(), CPU, resize="cleaner")
    assert "but have 2 channels; for points in the plane use metric=modes" in complaint(
        inception, real(2), CPU, weights=path
    )


@pytest.mark.slow
def test_memory_format_changes_the_rounding_alone_and_bfloat16_is_another_protocol(theirs):
    path, batch = str(theirs[1]), images(2, 3, 24)
    default, last = (inception(real(), CPU, weights=path, channels_last=chosen) for chosen in (False, True))
    assert default.description == last.description
    assert (default.channels_last, last.channels_last) == (False, True)
    torch.testing.assert_close(last(batch), default(batch), rtol=1e-4, atol=1e-6)
    reduced = inception(real(), CPU, weights=path, precision="bfloat16", channels_last=True)
    outputs, expected = reduced(batch), default(batch)
    assert {name: output.dtype for name, output in outputs.items()} == dict.fromkeys(expected, torch.float32)
    error = (outputs["features"] - expected["features"]).norm() / expected["features"].norm()
    assert 1e-6 < error < 0.05
    assert reduced.description == {**default.description, "precision": "bfloat16"}
    assert differences({"features": reduced.description}, {"features": default.description}) == [
        "features.precision: bfloat16 against none"
    ]
    assert reduced.fingerprint != default.fingerprint
    assert "precision=half is not one of float32, bfloat16." in complaint(inception, real(), CPU, precision="half")


def test_a_gpu_without_bfloat16_is_refused(theirs, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    message = complaint(inception, real(), torch.device("cuda"), weights=str(theirs[1]), precision="bfloat16")
    assert "Tesla T4 has no bfloat16 arithmetic" in message


@pytest.mark.parametrize("size", [8, 32, 299, 400])
def test_clean_resize_is_pillows(size):
    picture = images(1, 1, size)
    expected = Image.fromarray(picture[0, 0].numpy().astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
    difference = clean(picture.float())[0, 0] - torch.from_numpy(np.asarray(expected).clip(0, 255))
    assert difference.abs().max() < 1e-3 * 255


# Of cleanfid/resize.py, executed: GaParmar/clean-fid@353c13ed5137a148d750db5a6735773d80bf17e8.
CLEAN = {
    28: (126.863462, 81.236865, [255, 255, 129.72099, 6.68282, 131.22266, 221.11218, 0, 143.36511]),
    32: (127.567041, 81.626647, [255, 0, 85.45094, 118.62299, 111.19922, 56.87116, 147.07909, 119.7774]),
    400: (127.433613, 61.794022, [211.65137, 65.72084, 139.30844, 37.94032, 52.52766, 96.92202, 139.61208, 115.93127]),
}


@pytest.mark.parametrize("side", CLEAN)
def test_clean_resize_has_the_figures_of_clean_fid(side):
    pixels = ((uniform(side * side * 3, 0) + 1) * 128).floor().view(side, side, 3)
    # Black and white pixels side by side, where the filter overshoots.
    pixels[: side // 2] = (pixels[: side // 2] > 127) * 255.0
    resized = clean(pixels.permute(2, 0, 1)[None].float())[0]
    mean, std, values = CLEAN[side]
    computed = figures(resized)
    assert computed["mean"] == pytest.approx(mean, abs=1e-3)
    assert computed["std"] == pytest.approx(std, abs=1e-3)
    assert computed["values"] == pytest.approx(values, abs=5e-3)
    assert resized.min() >= 0
    assert resized.max() <= 255


def test_scores_of_clipped_images_are_not_those_of_before(theirs):
    clipped = inception(real(3), CPU, weights=str(theirs[1]), resize="clean").description
    before = {name: value for name, value in clipped.items() if name != "clipped"}
    assert differences({"features": clipped}, {"features": before}) == ["features.clipped: to [0, 255] against none"]


def test_legacy_resize_takes_pixels_at_whole_steps():
    ramp = torch.arange(13.0).expand(1, 1, 13, 13)
    expected = (torch.arange(299) * 13 / 299).clamp(max=12)
    torch.testing.assert_close(legacy(ramp)[0, 0], expected.expand(299, 299), rtol=0, atol=1e-5)


def test_the_standard_weights_are_downloaded_once_and_checked(theirs, server, folders, monkeypatch, caplog):
    served, address, asked = server
    data = theirs[1].read_bytes()
    name = "inception.pth"
    remote = Remote(name, urls=(address + name,), sha256=hashlib.sha256(data).hexdigest()[:8])
    monkeypatch.setattr(module, "WEIGHTS", remote)

    (served / name).write_bytes(b"<html>moved</html>")
    message = complaint(inception, real(), CPU)
    assert "has the wrong checksum" in message
    assert not list(folders[0].iterdir())

    (served / name).write_bytes(data)
    with caplog.at_level(logging.INFO):
        network = standard_weights("Inception's weights", remote, True, module.REMEDY)
    assert network == folders[0] / name
    assert f"downloading {address}{name}" in caplog.text
    assert standard_weights("Inception's weights", remote, False, module.REMEDY) == network
    assert len(asked) == 2

    folders[1].mkdir(parents=True)
    network.rename(folders[1] / name)
    found = inception(real(), CPU, download=False)
    assert found.description["weights"].startswith(remote.sha256)
    (folders[1] / name).write_bytes(data[:-1])
    assert "files with a wrong checksum and download=false" in complaint(inception, real(), CPU, download=False)


def test_the_address_is_torch_fidelitys(monkeypatch):
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    monkeypatch.undo()
    assert module.WEIGHTS.urls == (URL_INCEPTION_V3,)
    assert URL_INCEPTION_V3.endswith(f"/{module.WEIGHTS.name}")
    assert module.WEIGHTS.name.endswith(f"-{module.WEIGHTS.sha256}.pth")


@pytest.mark.parametrize("download", [True, False])
def test_without_weights_and_network_every_way_out_is_named(folders, download):
    message = complaint(inception, real(), CPU, download=download)
    for part in (
        "refused" if download else "download=false",
        "from http://127.0.0.1:1/",
        f"to {folders[0]}: inception-00000000.pth (sha256 00000000)",
        "extractor.inception.weights=FILE",
        "metric=[fid_classifier]",
    ):
        assert part in message


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_code_in_a_weights_file_is_never_run(tmp_path):
    path, mark = tmp_path / "weights.pth", tmp_path / "run"
    torch.save({"fc.bias": Malicious(str(mark))}, path)
    assert "contains code" in complaint(inception, real(), CPU, weights=str(path))
    assert not mark.exists()


def test_unusable_files_are_named(theirs, tmp_path):
    path = tmp_path / "weights.pth"
    assert f"{path} cannot be read: No such file" in complaint(inception, real(), CPU, weights=str(path))
    path.write_bytes(theirs[1].read_bytes()[:100_000])
    assert f"{path} cannot be loaded as weights alone" in complaint(inception, real(), CPU, weights=str(path))
    path.write_bytes(b"x")
    assert f"{path} cannot be loaded as weights alone" in complaint(inception, real(), CPU, weights=str(path))
    torch.save([1], path)
    assert f"{path} contains no state_dict" in complaint(inception, real(), CPU, weights=str(path))
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    message = complaint(inception, real(), CPU, weights=str(path))
    assert f"{path} contains the weights of another network" in message
    assert len(message) < 400
    standard = tmp_path / module.WEIGHTS.name
    torch.save({}, standard)
    assert f"{standard} is damaged: its sha256 is" in complaint(inception, real(), CPU, weights=str(standard))
