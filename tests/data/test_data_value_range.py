"""Values of any depth and images of any channels: files of arrays, ranges of values, percentiles."""

import io
import struct
import sys
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from ganexp.data.decoding import Decoder
from ganexp.data.depth.percentiles import measured_range
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.images import ImageData
from ganexp.data.sources import arrays, image_folder, paired_folder, unpaired_folder
from ganexp.data.translation.items import Pair
from ganexp.data.translation.module import PairedData, UnpairedData
from ganexp.errors import UserError

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65536, (12, 16, 16)).astype(np.uint16)
FULL = [0, 65535]


def decoded(source, channels=1, **settings):
    data = ImageData(source, "test", 16, channels, None, 4, 0, workers=0, **settings)
    data.setup()
    return data.dataset.__getitems__(range(len(data.dataset)))["image"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("deep")
    for name in ("png", "tif", "npy"):
        (top / name).mkdir()
        for number, image in enumerate(DEEP):
            path = top / name / f"{number:02d}.{name}"
            np.save(path, image) if name == "npy" else Image.fromarray(image).save(path)
    np.save(top / "a.npy", DEEP)
    np.savez(top / "a.npz", images=DEEP, labels=np.arange(12) % 3)
    return top


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "npy", "png", "tif"])
def test_sixteen_bits_survive_from_every_kind_of_file(folder, name, in_memory):
    place = str(folder / name)
    images = decoded(
        lambda: image_folder(place) if name in ("png", "tif") else arrays(place, 1, FULL),
        value_range=FULL,
        in_memory=in_memory,
    )
    assert images.dtype == torch.float32
    assert (images[:, 0].numpy().astype(np.float64) + 1) / 2 * 65535 == pytest.approx(DEEP.astype(float), abs=0.01)


def test_hdf5_is_read_by_key(folder):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "a.h5", "w") as file:
        file["scans"], file["masks"], file["labels"] = DEEP, DEEP, np.arange(12) % 3
    place = str(folder / "a.h5")
    with pytest.raises(UserError, match=r"has the arrays .*scans.*: choose the images with data\.source\.key=NAME"):
        arrays(place, 1)
    pictures = arrays(place, 1, FULL, key="scans")
    assert pictures.classes == ["0", "1", "2"]
    assert np.array_equal(pictures[5][0], DEEP[5])
    assert pictures[5][1] == 2


def test_an_array_and_the_pictures_of_the_same_images_are_equal(tmp_path):
    images = RNG.integers(0, 256, (5, 20, 24, 3), dtype=np.uint8)
    (tmp_path / "png").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "png" / f"{number}.png")
    pictures = decoded(lambda: image_folder(str(tmp_path / "png")), 3)
    assert pictures.dtype == torch.uint8
    for name, array in (("last", images), ("first", images.transpose(0, 3, 1, 2))):
        np.save(tmp_path / f"{name}.npy", array)
        assert torch.equal(decoded(lambda name=name: arrays(str(tmp_path / f"{name}.npy"), 3), 3), pictures)


def test_a_channel_of_two_or_five_is_resized_like_a_grey_picture(tmp_path):
    images = RNG.normal(size=(3, 5, 20, 20)).astype(np.float32)
    np.save(tmp_path / "five.npy", images)
    five = decoded(lambda: arrays(str(tmp_path / "five.npy"), 5, [-3, 3]), 5, value_range=[-3, 3])
    assert five.shape == (3, 5, 16, 16)
    alone = Decoder(16, 1, value_range=ValueRange(-3, 3))(Image.fromarray(images[1, 4]))
    assert torch.equal(five[1, 4], alone[0])
    assert five.abs().max() <= 1


def test_transparency_is_kept_with_four_channels_only():
    picture = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    assert Decoder(4, 4)(picture)[:, 0, 0].tolist() == [10, 20, 30, 0]
    assert Decoder(4, 3)(picture).eq(255).all()


def test_eight_bits_with_their_own_range_are_the_default():
    image = Image.fromarray(RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    usual = Decoder(9, 3)(image).float() / 127.5 - 1
    assert torch.allclose(Decoder(9, 3, value_range=ValueRange(0, 255))(image), usual, atol=1e-6)


def test_percentiles_are_a_function_of_the_images(folder):
    source = lambda: arrays(str(folder / "a.npy"), 1, FULL)  # noqa: E731
    measured = measured_range(source(), 1, (0.5, 99.5))
    assert measured == pytest.approx(np.percentile(DEEP, [0.5, 99.5]))
    data = ImageData(source, "test", 16, 1, None, 4, 0, value_range="percentiles")
    data.setup()
    assert data.measured_ranges == {"image": list(measured)}
    assert torch.equal(data.dataset.images, decoded(source, value_range=list(measured)))
    with pytest.raises(UserError, match=r"are both 3; state the range"):
        measured_range([(np.full((4, 4), 3.0), 0)], 1, (0.5, 99.5))


@pytest.mark.parametrize("name", ["pickled.npy", "pickled.npz"])
def test_pickled_objects_are_refused(tmp_path, name):
    objects = np.array([{"a": 1}], dtype=object)
    path = tmp_path / name
    (np.savez(path, images=objects) if name.endswith("z") else np.save(path, objects))
    with pytest.raises(UserError, match=r"pickled Python objects, which could run any code\. Give an array"):
        arrays(str(path), 1)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_that_is_damaged_anywhere_is_read_or_refused(tmp_path, name):
    whole, damaged = tmp_path / name, tmp_path / f"damaged.{name}"
    images = np.random.default_rng(0).integers(0, 4, (5, 8, 8), dtype=np.uint8)
    (np.savez_compressed(whole, images=images) if name.endswith("z") else np.save(whole, images))
    content = whole.read_bytes()
    for place in range(len(content)):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        with suppress(UserError):
            arrays(str(damaged), 1)


def test_a_damaged_hdf5_file_is_read_or_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = np.zeros((3, 8, 8), np.uint8), np.arange(3)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
        with suppress(UserError):
            arrays(str(path), 1)


def test_an_hdf5_file_whose_images_are_those_of_another_file_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(64))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", (1, 8, 8), "u1", external=[(str(tmp_path / "secret"), 0, 64)])
    with pytest.raises(UserError, match="/images is kept in other files"):
        arrays(str(tmp_path / "a.h5"), 1)


def npy(shape, content=b""):
    """Return a file with a header of its own."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + content


def zipped(path, **contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.npy", content)
    return str(path)


def test_an_archive_that_would_fill_memory_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.npz", images=npy((1000, 8, 8), bytes(64_000)))
    assert Path(path).stat().st_size < 1000
    monkeypatch.setattr("ganexp.data.array_files.machine_memory", lambda: 64_000)
    with pytest.raises(UserError, match=r"once it is unpacked, more than the memory: save the images as \.npy"):
        arrays(path, 1)
    with pytest.raises(UserError, match="cannot be read"):
        arrays(zipped(tmp_path / "b.npz", images=npy((10**12, 8, 8))), 1)


def test_labels_that_would_make_endless_classes_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 8, 8), np.uint8), labels=np.array([0, 2**62]))
    with pytest.raises(UserError, match="whole numbers from 0 and below 1,000, one for every image"):
        arrays(str(tmp_path / "a.npz"), 1)


@pytest.mark.parametrize(
    ("array", "channels", "words"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), 1, r"it has 3 channels, and data\.channels=1: data\.channels=3"),
        (np.zeros((2, 8, 8), np.uint8), 3, r"it has 1 channel, and data\.channels=3: data\.channels=1"),
        (np.zeros((2, 3, 8, 3), np.uint8), 3, r"either the first or the last: data\.source\.layout=channels_first"),
        (
            np.zeros((2, 8, 8), np.uint16),
            1,
            r"a\.npy has uint16 values.*: data\.value_range=\[0,4095\], or perc",
        ),
        (np.zeros((8, 8), np.uint8), 1, r"give \(N, H, W\)"),
        (np.zeros((2, 8, 8), bool), 1, r"bool.*give whole or floating-point numbers"),
    ],
)
def test_other_shapes_and_types_are_refused(tmp_path, array, channels, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=words):
        arrays(str(tmp_path / "a.npy"), channels)


def test_a_file_cut_short_and_values_that_are_not_finite_are_refused_by_name(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.full((2, 8, 8), np.nan))
    with pytest.raises(UserError, match=r"a\.npy\[0\] \(some values are not finite"):
        decoded(lambda: arrays(str(path), 1, [0, 1]), value_range=[0, 1])
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(UserError, match=r"a\.npy cannot be read"):
        arrays(str(path), 1)


@pytest.mark.parametrize("setting", [[1, 0], [0], "full", [0, float("inf")], [0, "1"]])
def test_impossible_ranges_are_refused(setting):
    with pytest.raises(UserError, match=r"data\.value_range=.*give \[low, high\]"):
        ImageData(list, "test", 8, 1, None, 4, 0, value_range=setting)


def write_png(path, values, orientation=None):
    """Write uint16 values (H, W, C) as a PNG, which Pillow cannot."""
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    height, width, channels = values.shape
    exif = Image.Exif()
    exif[0x0112] = orientation or 1
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0),
        b"eXIf": exif.tobytes()[6:],
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    written = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
               for kind, data in chunks.items())  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(written))


def values_of(picture, channels):
    """Return the values (H, W, C), 0 to 65535, that a decoder makes of a picture at its own size."""
    size = (picture.height, picture.width)
    decoded = Decoder(size, channels, value_range=ValueRange(*FULL))(picture)
    return np.rint((decoded.numpy().transpose(1, 2, 0).astype(np.float64) + 1) / 2 * 65535)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_keeps_its_depth_with_a_range_and_pillows_bytes_without(tmp_path, channels):
    values = RNG.integers(0, 65536, (4, 6, channels)).astype(np.uint16)
    write_png(tmp_path / "a.png", values)
    picture, _ = image_folder(str(tmp_path))[0]
    assert np.array_equal(values_of(picture, channels), values)
    with Image.open(tmp_path / "a.png") as eight_bits:
        assert torch.equal(Decoder((4, 6), 4)(picture), Decoder((4, 6), 4)(eight_bits))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colour_is_turned_as_pillow_turns_its_bytes(tmp_path, orientation):
    write_png(tmp_path / "a.png", RNG.integers(0, 256, (4, 6, 3)).astype(np.uint16) * 257, orientation)
    picture, _ = image_folder(str(tmp_path))[0]
    upright = ImageOps.exif_transpose(picture)
    assert np.array_equal(values_of(upright, 3), np.asarray(upright, dtype=int) * 257)


def test_transparent_sixteen_bit_colour_is_put_on_white(tmp_path):
    write_png(tmp_path / "a.png", np.array([[[1000, 2000, 3000, 65535], [1000, 2000, 3000, 0]]], np.uint16))
    picture, _ = image_folder(str(tmp_path))[0]
    assert values_of(picture, 3).tolist() == [[[1000, 2000, 3000], [65535] * 3]]


def test_halves_of_a_pair_keep_the_depth_of_sixteen_bit_colour(tmp_path):
    values = RNG.integers(0, 65536, (4, 12, 3)).astype(np.uint16)
    for number in range(2):
        write_png(tmp_path / f"{number}.png", values)
    pair, _ = paired_folder("train", str(tmp_path))[0]
    assert np.array_equal(values_of(pair.input, 3), values[:, :6])
    assert np.array_equal(values_of(pair.target, 3), values[:, 6:])


def write_tiff(path, values):
    """Write uint16 values (H, W, 3) as an uncompressed TIFF, which Pillow cannot."""
    height, width, channels = values.shape
    bits = 8 + 2 + 12 * 9 + 4
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2),
            (273, 4, 1, bits + 6), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, values.nbytes)]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(head + bytes(4) + struct.pack("<3H", 16, 16, 16) + values.astype("<u2").tobytes())


def test_sixteen_bit_colour_in_tiff_is_read_by_tifffile_or_names_the_extra(tmp_path, monkeypatch):
    values = RNG.integers(0, 65536, (4, 6, 3)).astype(np.uint16)
    write_tiff(tmp_path / "a.tif", values)
    picture, _ = image_folder(str(tmp_path))[0]
    assert Decoder((4, 6), 3)(picture).dtype == torch.uint8
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "tifffile", None)
        with pytest.raises(UserError, match=r"pip install 'ganexp\[tiff\]'"):
            values_of(picture, 3)
    pytest.importorskip("tifffile")
    assert np.array_equal(values_of(picture, 3), values)


def test_sixteen_bit_colour_in_another_format_is_refused_with_a_range(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 2 2 65535 " + bytes(range(24)))
    picture, _ = image_folder(str(tmp_path))[0]
    with pytest.raises(UserError, match=r"16-bit colour in PPM, of which 8 bits are read: save it as PNG, TIFF or"):
        values_of(picture, 3)


def test_values_and_images_are_inverse():
    stated = ValueRange(-1024, 3071)
    values = np.arange(-1024, 3072)
    assert np.abs(stated.restored(stated.scaled(values)) - values).max() < 1e-3


@pytest.mark.parametrize("in_memory", [True, False])
def test_pairs_may_have_other_channels_and_another_range_in_their_inputs(in_memory):
    grey, colour = RNG.normal(size=(8, 8)), RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    data = PairedData(
        lambda split: [(Pair(grey, colour), 0)] * 2, "test", 8, 3, 1, 0, flip=False, in_memory=in_memory, workers=0,
        value_range=[0, 255], input_channels=1, input_value_range=[-4, 4],
    )  # fmt: skip
    data.setup()
    batch = data.examples(2)
    assert torch.allclose(batch["input"][0, 0], torch.from_numpy(grey / 4).float(), atol=1e-6)
    assert torch.allclose(batch["image"][1], torch.from_numpy(colour).permute(2, 0, 1) / 127.5 - 1, atol=1e-6)


@pytest.fixture
def domains(tmp_path):
    """Arrays (2, 8, 8) of floats in A and (8, 8, 3) of whole numbers in B, by folder."""
    arrays = {"A": RNG.normal(size=(4, 2, 8, 8)), "B": RNG.integers(0, 4096, (4, 8, 8, 3)).astype(np.uint16)}
    for name, images in arrays.items():
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            np.save(tmp_path / name / f"{number}.npy", image)
    return arrays


@pytest.mark.parametrize("kind", [PairedData, UnpairedData])
@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_folders_of_arrays_are_pairs_and_domains(domains, tmp_path, kind, direction):
    source = {PairedData: paired_folder, UnpairedData: unpaired_folder}[kind]
    inputs, targets = ("A", "B") if direction == "a2b" else ("B", "A")
    channels, ranges = {"A": 2, "B": 3}, {"A": [-5, 5], "B": [0, 4095]}
    settings = {"channels": channels[targets], "input_channels": channels[inputs], "value_range": ranges[targets]}
    data = kind(
        lambda split: source(split, root=str(tmp_path), direction=direction, **settings), "test", 8, batch_size=1,
        seed=0, flip=False, workers=0, input_value_range=ranges[inputs], **settings,
    )  # fmt: skip
    data.setup()
    for key, name in (("input", inputs), ("image", targets)):
        low, high = ranges[name]
        last = domains[name][3] if name == "A" else domains[name][3].transpose(2, 0, 1)
        expected = (last.astype(np.float64) - low) / (high - low) * 2 - 1
        assert data.examples(1)[key][0].numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: np.save(folder / "A/0.npy", np.zeros((2, 8, 9))), "same size: .*0.npy has 9x8 .*0.npy 8x8"),
        (lambda folder: np.save(folder / "B/1.npy", np.zeros((8, 8, 4))), "1 of 4 .*1.npy .*data.channels=3"),
        (lambda folder: (folder / "A/2.npy").write_bytes(b"x"), "1 of 4 images cannot be read: .*2.npy"),
        (lambda folder: (folder / "A/3.npy").unlink(), "without a counterpart: .*B/3.npy"),
    ],
)
def test_pairs_of_arrays_that_do_not_fit_are_named(domains, tmp_path, change, words):
    change(tmp_path)
    with pytest.raises(UserError, match=words):
        paired_folder("train", str(tmp_path), channels=3, input_channels=2, value_range=[0, 1])


def test_arrays_of_pairs_need_a_range_and_two_folders(domains, tmp_path):
    with pytest.raises(UserError, match=r"0\.npy has float64 values.*data\.value_range"):
        paired_folder("train", str(tmp_path), channels=3, input_channels=2)
    with pytest.raises(UserError, match="pairs of arrays are two folders"):
        paired_folder("train", str(tmp_path / "A"), channels=2, value_range=[0, 1])
