"""`analysis=probe labelled=svhn`, on small files in SVHN's own layout."""

import hashlib
import json

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.io import savemat
from torchvision import datasets

from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.evaluation.held_out import labelled_images

SIZES = {"train": 1010, "test": 100}


@pytest.fixture
def small_svhn(here, monkeypatch):
    """Files of SVHN's names and layout, (32, 32, 3, N) and (N, 1) with 10 for noughts, where data are looked for.

    Each digit is a bright square at a place of its own on a coloured ground.
    """
    folder = here / "data"
    folder.mkdir()
    monkeypatch.setenv("GANEXP_DATA", str(folder))
    monkeypatch.setattr(datasets.SVHN, "split_list", dict(datasets.SVHN.split_list))
    rng = np.random.default_rng(0)
    for split, n in SIZES.items():
        labels = np.arange(n) % 10
        images = rng.integers(0, 100, (32, 32, 3, n), dtype=np.uint8)
        for number, label in enumerate(labels):
            row, column = 8 * (label // 4), 8 * (label % 4)
            images[row : row + 8, column : column + 8, :, number] += 120
        path = folder / f"{split}_32x32.mat"
        savemat(path, {"X": images, "y": np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)})
        entry = ["http://127.0.0.1:1/", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
        monkeypatch.setitem(datasets.SVHN.split_list, split, entry)
    return folder


@pytest.mark.slow
def test_a_grey_8x8_model_is_probed_on_svhns_own_splits_with_1000_labels(ganexp, unlabelled, small_svhn, here):
    asked = ["labelled=svhn", "labels=[1000,4000]", "seeds=1", "out=looked"]
    outcome = ganexp("analyze", f"run={unlabelled}", "analysis=probe", *asked)
    assert outcome.status == 0, outcome.err
    figures = json.loads((here / "looked" / "figures.json").read_text())["figures"]
    assert figures["data"] == (
        "1,010 of 1,010 training images; tested on 100 of 100 images of svhn (test), converted to 8x8 with 1 channel"
    )
    assert figures["left_out"] == ["4,000 labels of 1,010"]
    for name in ("discriminator", "raw pixels"):
        assert set(figures["accuracy"][name]) == {"1000 labels", "1010 labels", "dimensions", "C"}
    # Squares are as plain to pixels of 8x8 as they are at 32x32.
    assert figures["accuracy"]["raw pixels"]["1000 labels"]["mean"] > 0.99
    assert "SVHN" in {each["data"] for each in figures["published"]}


def test_a_model_of_svhns_own_size_sees_it_as_it_is(small_svhn):
    data = OmegaConf.create(composition.resolve(composition.compose("evaluate", ["data=svhn"]).data))
    train, test = labelled_images("svhn", data)
    assert (train.shape, train.count) == ((3, 32, 32), 1010)
    assert test.description == "100 images of svhn (test)"
    assert train.labels()[:12].tolist() == [*range(10), 0, 1]


def test_svhn_that_cannot_be_had_is_told_in_one_line(ganexp, unlabelled, small_svhn):
    (small_svhn / "test_32x32.mat").unlink()
    outcome = ganexp("analyze", f"run={unlabelled}", "analysis=probe", "labelled=svhn", "out=looked")
    assert outcome.status == 2
    assert "SVHN (test)" in outcome.complaint


def test_a_damaged_file_of_svhn_is_told_in_one_line(small_svhn):
    data = OmegaConf.create(composition.resolve(composition.compose("evaluate", ["data=svhn"]).data))
    path = small_svhn / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="SVHN"):
        labelled_images("svhn", data)
