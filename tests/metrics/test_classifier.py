import logging
import os

import pytest
import torch

from ganexp.data.images import ImageData
from ganexp.data.memory import InMemory
from ganexp.data.sources import digits
from ganexp.errors import UserError
from ganexp.files.weights import checksum_of
from ganexp.metrics.classification_tasks import Rotations
from ganexp.metrics.classifier import Network, classifier
from ganexp.metrics.reference import RealImages

CPU = torch.device("cpu")
BRIEF = {"epochs": 1}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "classifiers"


@pytest.fixture(scope="module")
def data():
    module = ImageData(digits, "digits", image_size=8, channels=1, num_classes=10, batch_size=8, seed=0)
    module.setup()
    return module.dataset


def some(data, labelled=True, number=200, checksum="digits"):
    return RealImages(InMemory(data.images[:number], data.labels[:number] if labelled else None), checksum)


def weights_of(extractor):
    return checksum_of(extractor.network.state_dict())


@pytest.mark.slow
def test_digits_are_recognized(data, caplog):
    with caplog.at_level(logging.INFO):
        extractor = classifier(RealImages(data, "digits"), CPU)
    assert extractor.description["held_out_accuracy"] >= 0.97
    assert "classifier: trained on 1,618 images (own labels) in " in caplog.text
    assert "179 images held out" in caplog.text
    assert "warning" not in caplog.text
    outputs = extractor(data.images[:50])
    assert outputs["features"].shape == (50, 128)
    assert outputs["logits"].shape == (50, 10)
    assert not outputs["features"].requires_grad
    assert torch.equal(outputs["features"][:5], extractor(data.images[:50])["features"][:5])


def test_it_is_trained_once_and_a_damaged_file_is_replaced(data, cache, caplog):
    caplog.set_level(logging.INFO)
    first = classifier(some(data), CPU, **BRIEF)
    assert classifier(some(data), CPU, **BRIEF).description == first.description
    assert caplog.text.count("trained on") == 1
    (path,) = cache.iterdir()
    path.write_bytes(path.read_bytes()[:-1000])
    again = classifier(some(data), CPU, **BRIEF)
    assert (weights_of(again), again.fingerprint) == (weights_of(first), first.fingerprint)
    assert caplog.text.count("trained on") == 2
    assert "recomputing it" in caplog.text


@pytest.mark.parametrize("labelled", [True, False])
def test_seeds_decide_and_nothing_else_does(data, monkeypatch, tmp_path, labelled):
    def train(folder, **settings):
        monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / folder))
        return weights_of(classifier(some(data, labelled), CPU, **BRIEF, **settings))

    first = train("a")
    torch.manual_seed(7)
    state = torch.get_rng_state()
    with torch.inference_mode():
        assert train("b") == first
        assert torch.is_inference_mode_enabled()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert train("c") == first
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert train("a", seed=1) != first


def test_without_labels_it_learns_rotations(data):
    extractor = classifier(some(data, labelled=False, number=600), CPU, epochs=15)
    assert extractor.description["labels"] == "rotations"
    assert extractor.description["held_out_accuracy"] > 0.6
    assert extractor(data.images[:3])["logits"].shape == (3, 4)
    alike = RealImages(InMemory(data.images[:20], torch.zeros(20, dtype=torch.int64)), "one class")
    assert classifier(alike, CPU, **BRIEF).description["labels"] == "rotations"


def test_rotations_are_quarter_turns(data):
    images = data.images[:50]
    rotated, turns = Rotations(0)(images, torch.arange(50))
    assert set(turns.tolist()) == {0, 1, 2, 3}
    for image, before, turn in zip(rotated, images, turns, strict=True):
        assert torch.equal(image, torch.rot90(before, int(turn), (1, 2)))


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 5, 9), (1, 28, 28), (3, 32, 32), (4, 100, 70), (1, 200, 200)])
def test_any_size_and_any_channels(shape):
    network = Network(shape, 10).eval()
    features, logits = network(torch.randint(0, 256, (2, *shape), dtype=torch.uint8))
    assert (features.shape, logits.shape) == ((2, 128), (2, 10))
    assert features.isfinite().all()


def test_one_made_in_inference_mode_serves_outside(data):
    with torch.inference_mode():
        extractor = classifier(some(data), CPU, **BRIEF)
        expected = extractor(data.images[:5])["features"].clone()
    features = extractor(data.images[:5])["features"]
    assert torch.equal(features, expected)
    assert not features.is_inference()


def test_it_works_without_a_cache(data, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "file" / "below"))
    assert classifier(some(data), CPU, **BRIEF)(data.images[:2])["logits"].shape == (2, 10)


def test_the_number_of_images_shown(data):
    shown = [
        classifier(some(data), CPU, epochs=epochs, most_images=most).description["images_shown"]
        for epochs, most in ((2, 1_000), (30, 500), (30, 10))
    ]
    assert shown == [360, 500, 180]


def test_another_machines_file_gives_the_same_features(data, cache, monkeypatch, tmp_path, caplog):
    first = classifier(some(data), CPU, **BRIEF)
    (path,) = cache.iterdir()
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "elsewhere"))
    caplog.clear()
    caplog.set_level(logging.INFO)
    second = classifier(some(data, checksum="others", labelled=False), CPU, weights=str(path))
    assert second.description == first.description
    assert torch.equal(second(data.images[:9])["logits"], first(data.images[:9])["logits"])
    assert [record.getMessage() for record in caplog.records] == [
        f"classifier: accuracy {100 * first.description['held_out_accuracy']:.1f} % on real images that were held out "
        "(own labels)"
    ]


def one_line_of(*args, **settings):
    with pytest.raises(UserError) as caught:
        classifier(*args, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_unusable_files_are_named(data, cache, tmp_path):
    images, path = some(data), tmp_path / "classifier.pt"
    assert f"{path} cannot be read: No such file" in one_line_of(images, CPU, weights=str(path))
    torch.save({"content": Malicious(str(tmp_path / "run"))}, path)
    assert "contains code" in one_line_of(images, CPU, weights=str(path))
    assert not (tmp_path / "run").exists()
    torch.save(Network((1, 8, 8), 10).state_dict(), path)
    assert f"{path} is damaged, or not a file of ganexp's cache" in one_line_of(images, CPU, weights=str(path))
    for content, message in (
        ({"features": torch.ones(2, 2)}, "does not contain a classifier"),
        ({"description": {"network": "another"}, "state_dict": {}}, "does not contain a classifier of this version"),
    ):
        file = {"key": "", "content": content}
        torch.save({**file, "checksum": checksum_of(file)}, path)
        assert message in one_line_of(images, CPU, weights=str(path))
    classifier(images, CPU, **BRIEF)
    larger = RealImages(InMemory(torch.zeros(2, 3, 9, 9, dtype=torch.uint8)), "larger")
    message = one_line_of(larger, CPU, weights=str(next(cache.iterdir())))
    assert "is a classifier for 1x8x8 images, not for 3x9x9" in message


def test_rectangles_without_labels_are_told_from_their_half_turns(cache):
    images = torch.arange(20 * 8 * 12).view(20, 1, 8, 12).byte()
    extractor = classifier(RealImages(InMemory(images), "rectangles"), CPU, **BRIEF)
    assert (extractor.description["labels"], extractor.description["classes"]) == ("half turns", 2)
    turned, turns = Rotations(0, square=False)(images, torch.arange(20))
    assert set(turns.tolist()) == {0, 1}
    assert torch.equal(turned, torch.where(turns.view(-1, 1, 1, 1) == 1, images.flip(2, 3), images))


def test_what_cannot_be_classified_is_refused():
    def images(*shape):
        return RealImages(InMemory(torch.zeros(shape, dtype=torch.uint8)), "black")

    assert "not 1x1; for points in the plane use metric=modes" in one_line_of(images(9, 2, 1, 1), CPU)
    assert "needs at least two images" in one_line_of(images(1, 1, 8, 8), CPU)


def warnings_of(caplog, images, **settings):
    caplog.clear()
    classifier(images, CPU, epochs=2, **settings)
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_classifier_at_chance_level_is_named_whenever_it_is_used(data, cache, caplog, monkeypatch, tmp_path):
    noise = torch.randint(10, (600,), generator=torch.Generator().manual_seed(0))
    shuffled = RealImages(InMemory(data.images[:600], noise), "labels without a meaning")
    (warning,) = warnings_of(caplog, shuffled)
    assert warning.startswith("warning: the classifier cannot be told from chance: it recognizes ")
    assert " of 60 held-out real images" in warning
    assert warnings_of(caplog, shuffled) == [warning]
    (path,) = cache.iterdir()
    assert warnings_of(caplog, some(data), weights=str(path)) == [warning]
    assert warnings_of(caplog, some(data, number=600)) == []


def test_black_images_teach_no_rotations(caplog):
    black = RealImages(InMemory(torch.zeros(400, 1, 8, 8, dtype=torch.uint8)), "black")
    assert "giving the most frequent label 25.0 %" in warnings_of(caplog, black)[0]


def test_always_giving_the_most_frequent_label_is_chance_however_often_it_is_right(data, caplog):
    rare = (torch.arange(600) % 10 == 0).long()
    noise = torch.randint(256, (600, 1, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    assert "giving the most frequent label 90.0 %" in warnings_of(caplog, RealImages(InMemory(noise, rare), "rare"))[0]


def test_a_file_with_another_trial_is_refused(data, cache):
    classifier(some(data), CPU, **BRIEF)
    (path,) = cache.iterdir()
    file = torch.load(path, weights_only=True)
    file["content"]["trial"] = {"recognized": -1, "images": 20, "chance": 0.1}
    torch.save({**file, "checksum": checksum_of({key: file[key] for key in ("key", "content")})}, path)
    assert "recognized is -1, but a whole number" in one_line_of(some(data), CPU, weights=str(path))
    del file["content"]["trial"]
    torch.save({**file, "checksum": checksum_of({key: file[key] for key in ("key", "content")})}, path)
    classifier(some(data), CPU, weights=str(path))
