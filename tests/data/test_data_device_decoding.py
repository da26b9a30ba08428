"""JPEGs decoded on the device: the processor's batches bit for bit, if the device's decoder has its pixels."""

import io
import logging
from functools import partial
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from ganexp.data.device_decoding import decoder as decoder_module
from ganexp.data.device_decoding.cuda import cuda_jpegs, reason_against
from ganexp.data.device_decoding.decoder import NoDecoder, parts
from ganexp.data.device_decoding.encoded import Jpeg
from ganexp.data.files.lfs_pointers import HEADER
from ganexp.data.images import ImageData
from ganexp.data.sources import image_folder
from ganexp.errors import UserError
from support.loading import CPU, Watcher, rank_on, watched
from support.stand_in_device import stand_in_device

ORIENTATION = 0x0112


def photograph(width, height, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    smooth = 120 + 90 * np.sin(x / 9 + seed)[..., None] * np.cos(y / 7)[..., None] * np.array([1, 0.8, 0.5])
    return Image.fromarray(np.clip(smooth + rng.normal(0, 9, (height, width, 3)), 0, 255).astype(np.uint8))


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, "jpeg", **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(photograph(26, 19, orientation), exif=exif)


PLAIN = {
    "wide.jpg": encoded(photograph(40, 23)),
    "tall.jpg": encoded(photograph(17, 31), progressive=True),
    "smaller.jpg": encoded(photograph(9, 11)),
    "exact.jpg": encoded(photograph(16, 12)),
    "grey.jpg": encoded(photograph(30, 22).convert("L")),
    **{f"turned{number}.jpg": turned(number) for number in range(1, 9)},
}
OTHERS = {
    "cmyk.jpg": encoded(photograph(30, 22).convert("CMYK")),
    "stored_as_rgb.jpg": encoded(photograph(30, 22), keep_rgb=True),
    "bytes_after_the_end.jpg": PLAIN["wide.jpg"] + bytes(3),
}
CUT = PLAIN["wide.jpg"][:-200]


class StandIn:
    """Decodes on the processor, and refuses some files; ``asked`` are the numbers of JPEGs in its calls."""

    def __init__(self, refused=(), device=CPU):
        self.refused = refused
        self.device = device
        self.asked = []
        self.failures = 0
        self.decoded = set()

    def __call__(self, contents, channels):
        files = [content.numpy().tobytes() for content in contents]
        self.asked.append(len(files))
        if any(file in self.refused for file in files):
            self.failures += 1
            raise RuntimeError("nvJPEG error 4\nnot supported")
        self.decoded.update(files)
        mode = ImageReadMode.RGB if channels == 3 else ImageReadMode.GRAY
        return [decode_jpeg(content, mode).to(self.device) for content in contents]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of two classes."""
    top = tmp_path_factory.mktemp("pictures")
    for number, (name, content) in enumerate((PLAIN | OTHERS).items()):
        path = top / "ab"[number % 2] / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    photograph(33, 20).save(top / "a" / "lossless.png")
    photograph(33, 20).convert("RGBA").save(top / "b" / "transparent.png")
    return top


def data(folder, decode=None, device=CPU, batches_seen=0, **settings):
    own = {"image_size": [12, 16], "channels": 3, "num_classes": 2, "batch_size": 5, "seed": 0, "workers": 0}
    decoding = {"device_decoding": decode is not None, "jpeg_decoder": lambda device: decode}
    options = {**own, "resize_filter": "torch_bicubic", "in_memory": False, "flip": True, **decoding, **settings}
    module = ImageData(partial(image_folder, str(folder)), "test", **options)
    module.trainer = rank_on(device, batches_seen)
    module.setup("fit")
    return module


def batches(module, number=8):
    """Return batches as the model receives them."""
    device = module.trainer.strategy.root_device
    drawn = islice(module.train_dataloader(), number)
    moved = ({key: value.to(device) for key, value in batch.items()} for batch in drawn)
    return [module.on_after_batch_transfer(batch, 0) for batch in moved]


def require_same(some, others):
    assert len(some) == len(others)
    for batch, other in zip(some, others, strict=True):
        assert list(batch) == list(other)
        for key, value in batch.items():
            assert (value.dtype, value.stride()) == (other[key].dtype, other[key].stride())
            assert torch.equal(value, other[key])


def test_batches_are_the_processors_from_any_number_of_workers_and_resumed_within_an_epoch(folder):
    decode = StandIn()
    expected = batches(data(folder))
    require_same(batches(data(folder, decode)), expected)
    # Over three epochs all have been drawn; what is not plain is left to the processor.
    assert decode.decoded == set(PLAIN.values())
    require_same(batches(data(folder, StandIn(), workers=2, batches_seen=2), 6), expected[2:])


@pytest.mark.parametrize(
    "settings",
    [
        {"resize_filter": "torch_bilinear", "flip": False, "num_classes": None},
        {"channels": 1, "dequantize": True},
        {"balance": True, "image_size": 8},
    ],
)
def test_batches_are_the_processors_with_other_settings(folder, settings):
    decode = StandIn()
    require_same(batches(data(folder, decode, **settings)), batches(data(folder, **settings)))
    assert decode.decoded


def test_of_grey_images_only_grey_jpegs_are_decoded_on_the_device(folder):
    decode = StandIn()
    batches(data(folder, decode, channels=1))
    assert decode.decoded == {PLAIN["grey.jpg"]}


def test_the_images_are_on_the_device_and_differ_by_one_level_at_most(folder):
    expected = torch.cat([batch["image"] for batch in batches(data(folder), 4)])
    with stand_in_device() as device:
        found = [batch["image"] for batch in batches(data(folder, StandIn(device=device), device), 4)]
        assert all(images.device == device for images in found)
        levels = (torch.cat([images.cpu() for images in found]) - expected).abs() * 127.5
    assert levels.max() < 1.01
    assert levels.mean() < 0.01


def test_a_trainer_gets_these_batches(folder):
    decode = StandIn()
    given = watched(Watcher(), data(folder, decode), 4)
    require_same(given, batches(data(folder), 4))
    assert decode.decoded


def test_few_are_decoded_at_once(folder, monkeypatch):
    decode = StandIn()
    monkeypatch.setattr(decoder_module, "MOST_BYTES", 1)
    require_same(batches(data(folder, decode), 3), batches(data(folder), 3))
    assert set(decode.asked) == {1}


def test_parts_are_as_large_as_they_may_be_and_none_is_left_out():
    jpegs = [Jpeg(place, place, (1, pixels), 1, torch.empty(0)) for place, pixels in enumerate([2, 3, 1, 9, 1, 4, 1])]
    assert [[jpeg.size[1] for jpeg in part] for part in parts(jpegs, 15)] == [[2, 3], [1], [9], [1, 4], [1]]
    assert list(parts([], 15)) == []


def test_what_the_device_refuses_is_decoded_by_the_processor_and_asked_for_once(folder, caplog):
    refused = [PLAIN["wide.jpg"], PLAIN["tall.jpg"]]
    decode = StandIn(refused)
    with caplog.at_level(logging.INFO):
        module = data(folder, decode)
        require_same(batches(module), batches(data(folder)))
        module.teardown("fit")
    # Each of the two once with others and once alone, though they are drawn in every epoch.
    assert decode.failures <= 4
    assert decode.decoded == set(PLAIN.values()) - set(refused)
    said = [record.getMessage() for record in caplog.records if "refuse" in record.getMessage()]
    assert len(said) == 2
    assert said[0].startswith(f"data: test, JPEGs that cpu refuses are decoded by the processor: {folder}")
    assert said[0].endswith(".jpg (nvJPEG error 4 not supported) …")
    assert said[1] == "data: test, JPEGs that were refused, and decoded by the processor: 2"


@pytest.mark.parametrize("content", [CUT, b"", HEADER + b"v1\n", b"<html>"], ids=["cut", "empty", "pointer", "text"])
def test_a_broken_file_is_told_as_without_the_device(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    told = []
    for decode in (None, StandIn()):
        with pytest.raises(UserError, match=r"1 of 1 images cannot be read: .*broken\.jpg \(") as caught:
            batches(data(tmp_path, decode, batch_size=1, num_classes=None), 1)
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_jpeg_that_breaks_on_the_device_too_is_told_as_without_it(tmp_path):
    # Its end is there, and its pixels are not.
    (tmp_path / "broken.jpg").write_bytes(PLAIN["wide.jpg"][:300] + b"\xff\xd9")
    told = []
    for decode in (None, StandIn([PLAIN["wide.jpg"][:300] + b"\xff\xd9"])):
        with pytest.raises(UserError) as caught:
            batches(data(tmp_path, decode, batch_size=1, num_classes=None), 1)
        told.append(str(caught.value))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resize_filter": "bicubic"}, r"resize_filter=bicubic is Pillow's: choose torch_bilinear or torch_bicubic"),
        ({"channels": 4}, r"data\.channels=4: choose 1 or 3"),
        ({"value_range": [0, 255]}, r"leave data\.value_range out"),
    ],
)
def test_settings_that_the_device_does_not_serve_are_refused(folder, settings, words):
    with pytest.raises(UserError, match=words):
        data(folder, StandIn(), **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"jpeg_decoder": cuda_jpegs}, "by the processor: the device is cpu, and only CUDA decodes them"),
        ({"in_memory": True}, "by the processor: all images were decoded into memory (data.in_memory=false leaves"),
        ({}, "JPEGs are decoded on cpu"),
    ],
)
def test_one_line_says_where_jpegs_are_decoded_and_why(folder, settings, words, caplog):
    module = data(folder, StandIn(), **settings)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        loader = module.train_dataloader()
    (record,) = caplog.records
    assert words in record.getMessage()
    assert (loader.finish is None) == bool(settings)


def test_versions_that_crash_or_lack_it_are_not_used():
    assert reason_against("12.3", "0.20.0") is None
    assert reason_against("13.2", "0.29.2+cu132") is None
    assert "built without CUDA" in reason_against(None, "0.29.2+cpu")
    assert "for CUDA 12.3 or newer" in reason_against("12.1", "0.29.2")
    assert "torchvision 0.19.1+cu124 is too old: install 0.20 or newer" in reason_against("12.4", "0.19.1+cu124")


def test_a_gpu_without_nvjpeg_says_so(monkeypatch):
    def missing(*_, **__):
        raise RuntimeError("decode_jpegs_cuda: torchvision not compiled with nvJPEG support")

    monkeypatch.setattr("torchvision.io.decode_jpeg", missing)
    monkeypatch.setattr("torch.version.cuda", "13.2")
    monkeypatch.setattr("torch.cuda.current_stream", lambda device: SimpleNamespace(synchronize=lambda: None))
    with pytest.raises(NoDecoder, match=r"torchvision cannot: .*not compiled with nvJPEG support"):
        cuda_jpegs(torch.device("cuda"))


@pytest.mark.gpu
def test_a_gpus_images_are_the_processors_within_two_levels_on_average(folder):
    """The bound of torchvision's own test of nvJPEG (pytorch/vision test/test_image.py, test_decode_jpegs_cuda)."""
    device = torch.device("cuda", 0)
    expected = batches(data(folder))
    for workers in (0, 2):
        module = data(folder, (decode := cuda_jpegs(device)), device, workers=workers)
        found = batches(module)
        assert module._device_decoder.refused == set()
        for batch, other in zip(found, expected, strict=True):
            assert batch["image"].device == device
            assert torch.equal(batch["label"].cpu(), other["label"])
            assert (batch["image"].cpu() - other["image"]).abs().mean() * 127.5 < 2
    # A batch gives the pixels of each alone.
    contents = [torch.frombuffer(bytearray(content), dtype=torch.uint8) for content in PLAIN.values()]
    together = decode(contents, 3)
    assert all(torch.equal(decode([content], 3)[0], pixels) for content, pixels in zip(contents, together, strict=True))
    # It does not write into freed memory that queued work has yet to read.
    freed = [torch.full_like(pixels, 7) for pixels in together]
    busy = torch.eye(4_000, device=device)
    for _ in range(20):
        busy = busy @ busy
    sums = [pixels.sum() for pixels in freed]
    del freed
    again = decode(contents, 3)
    assert [int(total) for total in sums] == [7 * pixels.numel() for pixels in together]
    assert all(torch.equal(one, other) for one, other in zip(again, together, strict=True))
