import logging
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.images import ImageData
from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources import digits, image_folder
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from support.loading import Watcher, watched


def pictures(number=20, size=6, classes=("a", "b")):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, size, size, 3), dtype=np.uint8)
    return ArrayPictures(images, rng.integers(0, 2, number), classes)


def data(source=pictures, **kwargs):
    settings = {"name": "test", "image_size": 6, "channels": 3, "num_classes": 2, "batch_size": 4, "seed": 0}
    module = ImageData(source, **{**settings, **kwargs})
    module.prepare_data()
    module.setup("fit")
    return module


def same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype
        assert torch.equal(one[key], other[key])


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_and_disk_give_the_same_batches(workers):
    held = data(in_memory=True)
    left = data(in_memory=False, workers=workers)
    loader = left.train_dataloader()
    for _ in range(2):  # the second time over the persistent workers, after breaking off
        for one, other in zip(islice(held.train_dataloader(), 12), loader, strict=False):
            same(one, other)
            assert one["image"].shape == (4, 3, 6, 6)
            assert one["label"].shape == (4,)
    same(held.dataset[3], left.dataset[3])


@pytest.mark.parametrize("kwargs", [{"in_memory": True}, {"in_memory": False, "workers": 1}])
def test_loading_leaves_the_global_generator_alone(kwargs):
    module = data(**kwargs)
    before = torch.get_rng_state()
    list(islice(module.train_dataloader(), 3))
    assert torch.equal(before, torch.get_rng_state())


def test_images_reach_the_model_in_the_fixed_range():
    module = data()
    batch = next(iter(module.train_dataloader()))
    moved = module.on_after_batch_transfer(batch, 0)
    assert torch.equal(moved["label"], batch["label"])
    assert torch.allclose(moved["image"], batch["image"].double().div(127.5).sub(1).float(), atol=1e-6)
    ends = to_signed_unit(torch.tensor([0, 255], dtype=torch.uint8))
    assert ends.dtype == torch.float32
    assert ends.tolist() == [-1, 1]
    points = torch.tensor([0.3, 7.0])
    assert to_signed_unit(points) is points


def test_labels_are_served_only_on_demand():
    for in_memory in (True, False):
        module = data(num_classes=None, in_memory=in_memory, workers=0)
        assert next(iter(module.train_dataloader())).keys() == {"image"}


@pytest.mark.parametrize(
    ("source", "kwargs", "words"),
    [
        (pictures, {"num_classes": 3}, "data.num_classes=3, but test has 2 classes: data.num_classes=2"),
        (partial(pictures, classes=()), {}, "test has no labels: data.num_classes=null"),
        (pictures, {"image_size": 0}, "data.image_size=0"),
        (pictures, {"channels": 5}, "data.channels=5: pictures have at most 4"),
        (pictures, {"resize_filter": "best"}, "data.resize_filter=best"),
        (partial(pictures, number=0), {}, "test has no images"),
    ],
)
def test_settings_that_do_not_fit_are_refused(source, kwargs, words):
    with pytest.raises(UserError, match=words):
        data(source, **kwargs)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match=r"data\.batch_size=21 is more than the 20 images"):
        data(batch_size=21).train_dataloader()


def test_one_line_tells_what_was_loaded(caplog):
    with caplog.at_level(logging.INFO):
        module = data(digits, name="digits", image_size=16, channels=1, num_classes=10, batch_size=128)
    assert [record.getMessage() for record in caplog.records] == [
        "data: digits, 1,797 images of 1x16x16, decoded into memory (0.5 MB), resize bicubic 8x8 -> 16x16"
    ]
    assert module.num_images == 1797
    assert module.images_per_epoch == 1792
    module.setup("validate")
    assert len(caplog.records) == 1


def test_what_does_not_fit_a_quarter_of_memory_stays_on_disk(monkeypatch, caplog):
    needed = 20 * 3 * 6 * 6
    monkeypatch.setattr("ganexp.data.storage.machine_memory", lambda: 4 * needed)
    with caplog.at_level(logging.INFO):
        data()
        monkeypatch.setattr("ganexp.data.storage.machine_memory", lambda: 4 * needed + 4)
        data()
    assert ["left on disk" in record.getMessage() for record in caplog.records] == [True, False]


def test_unprepared_data_say_so():
    module = ImageData(pictures, "test", 6, 3, 2, 4, 0)
    with pytest.raises(RuntimeError, match="setup"):
        _ = module.dataset


@pytest.fixture
def broken_folder(tmp_path):
    good = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    for name in ("cut.jpg", "good.jpg", "cut.png"):
        good.save(tmp_path / name)
    for name in ("cut.jpg", "cut.png"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:300])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("<html>not found</html>")
    Image.new("F", (8, 8)).save(tmp_path / "floats.tiff")
    return tmp_path


def folder_data(folder, **kwargs):
    return data(partial(image_folder, str(folder)), num_classes=None, batch_size=1, **kwargs)


def test_all_unreadable_files_are_told_at_once(broken_folder):
    with pytest.raises(UserError) as caught:
        folder_data(broken_folder, in_memory=True)
    message = str(caught.value)
    assert message.startswith("5 of 6 images cannot be read: ")
    assert "\n" not in message
    assert "cut.jpg (" in message
    assert "empty.png (empty or not an image)" in message
    assert "and 2 more. Repair or remove them" in message


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_file_on_disk_is_told_in_one_line(broken_folder, workers):
    (broken_folder / "good.jpg").unlink()
    loader = folder_data(broken_folder, in_memory=False, workers=workers).train_dataloader()
    with pytest.raises(UserError) as caught:
        next(iter(loader))
    assert str(caught.value).startswith(f"1 of 5 images cannot be read: {broken_folder}")
    assert "\n" not in str(caught.value)


def trained(batches, batches_seen=0, epochs=1, **kwargs):
    return watched(Watcher(batches_seen), data(**kwargs), batches, max_epochs=epochs)


@pytest.mark.parametrize("kwargs", [{"in_memory": True}, {"in_memory": False, "workers": 2}])
@pytest.mark.thinned(2)
def test_a_trainer_gets_every_batch_once_over_epochs_and_after_resuming(kwargs):
    whole = trained(9, **kwargs)
    assert all(batch["image"].dtype == torch.float32 for batch in whole)
    assert len(whole) == 9
    for one, other in zip(whole, trained(3, epochs=3, **kwargs), strict=True):
        same(one, other)
    for one, other in zip(whole[4:], trained(5, batches_seen=4, **kwargs), strict=True):
        same(one, other)
