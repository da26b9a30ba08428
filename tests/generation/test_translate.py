"""``ganexp translate``: every readable image once, of its own name and size, whatever the network wants."""

import hashlib
import io
import sys
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ganexp.generation.tiling import blending_weights, mirror_pad, tile_starts, translate_in_tiles
from ganexp.generation.translate import output_names
from support.file_server import running

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
st = hypothesis.strategies
given = hypothesis.given
settings = hypothesis.settings

DATA = "ganexp.data.translation.module.UnpairedData"
MODULE = """
import torch


class Model(torch.nn.Module):
    def __init__(self, directions, multiple=1, scale=1.0):
        super().__init__()
        self.directions, self.multiple, self.scale = directions, multiple, scale

    def translate(self, images, direction):
        assert direction in self.directions
        assert all(side % self.multiple == 0 for side in images.shape[2:])
        assert images.dtype == torch.float32 and images.abs().max() <= 1
        return images * self.scale if direction == "a2b" else -images


class Sampler(torch.nn.Module):
    pass
"""


def image(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (channels, height, width), dtype=np.uint8))


def only(multiple, largest, images):
    """The identity, where sides are multiples of one number and not above another."""
    assert all(side % multiple == 0 and side <= largest for side in images.shape[2:])
    return images


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([1, 3, 4, 8, 16]),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
)
def test_blending_the_tiles_of_the_identity_gives_the_image(height, width, multiple, tile, channels):
    given = image(height, width, channels)
    largest = -(-tile // multiple) * multiple
    made = translate_in_tiles(partial(only, multiple, largest), given, multiple, tile)
    assert made.dtype == torch.uint8
    assert torch.equal(made, given)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 64))
def test_tiles_cover_a_side_with_weights_of_sum_one_and_overlap_by_a_quarter(length, tile):
    begins = tile_starts(length, tile)
    size = min(tile, length)
    assert begins[0] == 0
    assert begins[-1] + size == length
    assert all(0 < second - first <= max(1, tile - tile // 4) for first, second in pairwise(begins))
    total = torch.zeros(length)
    for begin, weight in zip(begins, blending_weights(begins, size, length), strict=True):
        assert weight.min() > 0
        total[begin : begin + size] += weight
    torch.testing.assert_close(total, torch.ones(length))


def test_a_step_between_tiles_becomes_a_ramp():
    calls = []

    def numbered(images):
        calls.append(len(calls))
        return torch.full_like(images, (calls[-1] % 2) * 2 - 1)

    made = translate_in_tiles(numbered, image(8, 28), 1, 16)[0, 0].int()
    assert len(calls) == 2
    assert made[:12].tolist() == [0] * 12
    assert made[16:].tolist() == [255] * 12
    assert all(first < second for first, second in pairwise(made[11:17]))


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (16, 16), (17, 31)])
def test_images_are_continued_by_their_mirror_image(size):
    given = image(*size)
    whole, top, left = mirror_pad(given, 16)
    assert all(side % 16 == 0 and side - own < 16 for side, own in zip(whole.shape[1:], size, strict=True))
    assert torch.equal(whole[:, top : top + size[0], left : left + size[1]], given)
    if top > 0:
        assert torch.equal(whole[:, top - 1], whole[:, top])


def test_one_row_of_tiles_is_held_as_floats(monkeypatch):
    shapes = []
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *shape, **kw: shapes.append(shape) or zeros(*shape, **kw))
    translate_in_tiles(lambda images: images, image(640, 32), 1, 32)
    assert max(np.prod(shape) for shape in shapes) <= 3 * 32 * 32


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Makes the folder of a run of a model that leaves images as they are one way, and inverts them the other."""
    (tmp_path / "translators.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def make(model="Model", data=None, **settings):
        folder = tmp_path / "run"
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        if model == "Model":
            settings = {"directions": ["a2b", "b2a"], "multiple": 8, **settings}
        config = {
            "model": {"_target_": f"translators.{model}", **settings},
            "data": {"_target_": DATA, "channels": 3, "image_size": 8, **(data or {})},
            "trainer": {"_target_": "lightning.Trainer"},
            "callbacks": {},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        counters = {"images_seen": 1, "batches_seen": 1, "unread_terms": {}}
        torch.save({"ganexp": counters, "state_dict": {}}, folder / "checkpoints" / "last.ckpt")
        return [f"run={folder}", f"trust=translators.{model}"]

    yield make
    sys.modules.pop("translators", None)


@pytest.fixture
def pictures(tmp_path):
    """A folder of images of many kinds, below it some more."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    pixels = image(9, 14).permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(folder / "a.png")
    Image.fromarray(pixels).save(folder / "deep" / "a.bmp")
    Image.fromarray(pixels).save(folder / "deep" / "b.webp", lossless=True)
    Image.fromarray(pixels).save(folder / "c.tiff")
    Image.fromarray(np.full((40, 3, 3), 100, dtype=np.uint8)).save(folder / "flat.JPG")
    return folder


def read(path):
    with Image.open(path) as opened:
        return np.asarray(opened)


def test_every_image_keeps_its_name_size_and_place(ganexp, here, trained, pictures):
    outcome = ganexp("translate", *trained(), "input=in", "out=out")
    assert outcome.status == 0, outcome.err
    assert outcome.out == "5 translated images are in out\nof these 1 written as PNG\n"
    inputs = {path.relative_to(pictures): path for path in pictures.rglob("*.*")}
    outputs = {path.relative_to(here / "out"): path for path in (here / "out").rglob("*.*")}
    # JPEG alone would lose something of the translation.
    inputs[Path("flat.png")] = inputs.pop(Path("flat.JPG"))
    assert sorted(outputs) == sorted(inputs)
    for name, path in inputs.items():
        assert np.array_equal(read(path), read(outputs[name])), name


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tiff", "a.bmp", "a.webp", "a.npy"])
def test_an_output_that_does_not_fit_on_the_disk_is_named_and_no_part_of_it_is_left(
    ganexp, here, trained, file_size_limit, name
):
    (here / "in").mkdir()
    pixels = image(40, 40).permute(1, 2, 0).numpy()
    if name == "a.npy":
        np.save(here / "in" / name, pixels)
    else:
        Image.fromarray(pixels).save(here / "in" / name)
    run = trained()
    file_size_limit(200)
    outcome = ganexp("translate", *run, "input=in", "out=out")
    assert outcome.status == 1
    written = Path("out", name.replace("jpg", "png"))
    assert outcome.complaint.startswith(f"cannot write {written}: ")
    assert not list((here / "out").iterdir())


def test_the_direction_and_tiles(ganexp, here, trained, pictures):
    assert ganexp("translate", *trained(), "input=in/a.png", "out=out", "direction=b2a", "tile=8").status == 0
    assert np.array_equal(read(here / "out" / "a.png"), 255 - read(pictures / "a.png"))


def test_directions_are_those_of_the_data(ganexp, here, trained, pictures):
    one_way = trained(directions=["a2b"], data={"direction": "b2a"})
    assert ganexp("translate", *one_way, "input=in/a.png", "out=same", "direction=b2a").status == 0
    assert np.array_equal(read(here / "same" / "a.png"), read(pictures / "a.png"))
    outcome = ganexp("translate", *one_way, "input=in", "out=out", "direction=a2b")
    assert outcome.complaint == "direction=a2b: the run's model translates only b2a"


def test_the_orientation_of_a_photograph_is_kept(ganexp, here, trained):
    (here / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = image(8, 16).permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(here / "in" / "turned.png", exif=exif)
    assert ganexp("translate", *trained(), "input=in", "out=out").status == 0
    assert np.array_equal(read(here / "out" / "turned.png"), np.rot90(pixels, -1))


def test_pictures_of_other_kinds_are_converted_and_that_is_said(ganexp, here, trained):
    (here / "in").mkdir()
    Image.new("LA", (4, 4), (0, 0)).save(here / "in" / "clear.png")
    Image.fromarray(np.full((4, 4), 65535, dtype=np.uint16)).save(here / "in" / "deep.png")
    Image.new("P", (4, 4)).save(here / "in" / "old.gif")
    outcome = ganexp("translate", *trained(), "input=in", "out=out")
    assert outcome.status == 0, outcome.err
    said = (
        "of these 1 transparent (put on white); 2 grey (converted to RGB); 1 of 16 bits (scaled to 8); 1 written as PNG"
    )
    assert outcome.out.splitlines()[1] == said
    assert sorted(path.name for path in (here / "out").iterdir()) == ["clear.png", "deep.png", "old.png"]
    for name in ("clear.png", "deep.png"):
        assert read(here / "out" / name).shape == (4, 4, 3)
        assert (read(here / "out" / name) == 255).all()


def test_a_model_of_grey_images_makes_grey_ones(ganexp, here, trained, pictures):
    outcome = ganexp("translate", *trained(data={"channels": 1}), "input=in", "out=out")
    assert "5 coloured (converted to grey)" in outcome.out
    assert np.array_equal(read(here / "out" / "a.png"), np.asarray(Image.open(pictures / "a.png").convert("L")))


def test_arrays_become_arrays_in_the_units_of_the_data(ganexp, here, trained):
    (here / "in" / "deep").mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 4096, (9, 14, 2)).astype(np.uint16)
    np.save(here / "in" / "a.npy", values)
    np.save(here / "in" / "deep" / "first.npy", values.transpose(2, 0, 1))
    np.save(here / "in" / "grey.npy", values[..., 0])
    run = trained(data={"channels": 2, "value_range": [0, 4095]})
    done = ganexp("translate", *run, "input=in", "out=out")
    assert "2 translated images" in done.out
    assert "grey.npy: uint16, shape (9, 14): it has 1 channel, and data.channels=2" in done.err
    for name in ("a.npy", "deep/first.npy"):
        assert np.load(here / "out" / name) == pytest.approx(values, abs=1e-3)


def test_arrays_of_bytes_stay_bytes_and_other_values_need_a_range(ganexp, here, trained, pictures):
    values = image(9, 14).permute(1, 2, 0).numpy()
    np.save(pictures / "bytes.npy", values)
    np.save(pictures / "floats.npy", values / 255)
    done = ganexp("translate", *trained(), f"input={pictures}", "out=out")
    assert "6 translated images" in done.out
    assert "floats.npy: values of float64, and the run was trained on 8 bits, without data.value_range" in done.err
    written = np.load(here / "out" / "bytes.npy")
    assert written.dtype == np.uint8
    assert np.array_equal(written, values)


def test_a_picture_that_becomes_an_array_leaves_the_arrays_name_alone(ganexp, here, trained):
    (here / "in").mkdir()
    Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(here / "in" / "a.png")
    np.save(here / "in" / "a.npy", np.zeros((8, 8, 3)))
    done = ganexp("translate", *trained(data={"value_range": [0, 255]}), "input=in", "out=out")
    assert done.status == 0
    means = {path.name: round(np.load(path).mean()) for path in (here / "out").iterdir()}
    assert means == {"a.npy": 0, "a.png.npy": 200}


def test_unreadable_files_are_skipped_and_told(ganexp, here, trained, pictures):
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "deep" / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:100])
    outcome = ganexp("translate", *trained(), "input=in", "out=out")
    assert outcome.status == 0
    assert outcome.out.startswith("5 translated images are in out\n")
    lines = outcome.err.splitlines()
    assert lines[0].startswith("skipped in/deep/cut.png: ")
    assert lines[1:] == [
        "skipped in/empty.png: empty or not an image",
        "2 of 7 images cannot be read and were skipped",
    ]
    assert not list((here / "out").rglob("*.tmp"))


def test_a_folder_of_unreadable_files_alone_is_a_mistake(ganexp, here, trained):
    (here / "in").mkdir()
    (here / "in" / "empty.png").write_bytes(b"")
    outcome = ganexp("translate", *trained(), "input=in", "out=out")
    assert outcome.status == 2
    assert outcome.complaint.startswith("1 of 1 images cannot be read: in/empty.png (empty or not an image)")


def test_a_broken_model_is_told(ganexp, trained, pictures):
    outcome = ganexp("translate", *trained(scale=float("nan")), "input=in", "out=out")
    assert outcome.status == 2
    assert "not finite" in outcome.complaint


def test_a_model_that_draws_from_noise_is_refused(ganexp, unlabelled, pictures):
    outcome = ganexp("translate", f"run={unlabelled}", "input=in", "out=out")
    assert outcome.status == 2
    assert outcome.complaint.startswith("run: its model, GAN, draws images from noise and cannot translate images")


REFUSED = {
    "direction=c2d": "direction=c2d: choose one of a2b, b2a",
    "checkpoint=newest": "checkpoint=newest: choose last or best",
    "checkpoint=best": "best.ckpt is missing",
    "tile=0": "tile=0: it must be 1 or more",
    "input=nowhere": "input=nowhere: does not exist",
    "input=empty": "input=empty: has no images (.jpg",
    "out=in": "out=in: is inside input=in",
    "out=in/deep": "out=in/deep: is inside input=in",
    "out=/dev/null/x": "out=/dev/null/x: cannot be written to: Not a directory",
    "outt=x": "did you mean out?",
    "run=.": "is not a run's folder: it has no config.yaml",
}


@pytest.mark.parametrize(("argument", "answer"), REFUSED.items(), ids=REFUSED)
def test_a_wrong_argument_is_named(ganexp, here, trained, pictures, argument, answer):
    (here / "empty").mkdir()
    rest = [*trained(), "input=in", "out=out"]
    outcome = ganexp("translate", *[each for each in rest if each.split("=")[0] != argument.split("=")[0]], argument)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_an_image_is_not_replaced_by_its_translation(ganexp, trained, pictures):
    outcome = ganexp("translate", *trained(), "input=in/a.png", "out=in")
    assert outcome.complaint.startswith("out=in: is inside input=in/a.png")


def test_help_names_every_argument(ganexp):
    shown = ganexp("translate", "--help").out
    assert all(f"  {name} " in shown for name in ("run", "input", "out", "direction", "checkpoint", "tile", "trust"))


@pytest.mark.slow
def test_the_whole_path_from_an_archive_to_translated_images(ganexp, here):
    """Download, checksum, unpack, train two batches, draw the grid, translate both ways."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for folder in ("trainA", "trainB", "testA", "testB"):
            for number in range(4):
                packed = io.BytesIO()
                Image.fromarray(image(36, 36, seed=number).permute(1, 2, 0).numpy()).save(packed, format="PNG")
                archive.writestr(f"horse2zebra/{folder}/{number}.png", packed.getvalue())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data.getvalue())))
            self.end_headers()
            self.wfile.write(data.getvalue())

        def log_message(self, *args):
            """Be quiet."""

    checksum = hashlib.sha256(data.getvalue()).hexdigest()
    with running(Handler) as address:
        outcome = ganexp(
            "model=cyclegan", "data=horse2zebra", "data_root=data", "run_dir=run", "trainer=cpu", "images=4",
            f"data.source.url={address}/horse2zebra.zip", f"data.source.sha256={checksum}",
            "data.image_size=32", "data.load_size=36", "data.batch_size=2", "metric=none",
            "model.generator.width=4", "model.discriminator.width=4",
        )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert (here / "run" / "samples" / "latest.png").is_file()
    tests = here / "data" / "horse2zebra" / "testA"
    for direction in ("a2b", "b2a"):
        assert (
            ganexp("translate", "run=run", f"input={tests}", f"out={direction}", f"direction={direction}").status == 0
        )
        assert [read(path).shape for path in sorted((here / direction).iterdir())] == [(36, 36, 3)] * 4


def test_no_two_outputs_have_one_name():
    names = {
        "a.gif": "a.gif-2.png",
        "a.gif.png": "a.gif.png",
        "a.jpg": "a.jpg.png",
        "b.gif": "b.png",
        "c/a.gif": "c/a.png",
        "d.JPG": "d.JPG.png",
        "D.png": "D.png",
        "f.npy": "f.npy",
        "f.jpg": "f.jpg.png",
    }
    assert list(map(str, output_names([Path(name) for name in names], [".png"], ".png"))) == list(names.values())


@given(st.lists(st.sampled_from([f"{a}{b}{c}" for a in "ab" for b in ("", ".png", ".gif-2", ".jpg") for c in (
    ".png", ".jpg", ".gif", ".JPG", ".npy")]), unique=True))  # fmt: skip
def test_outputs_of_any_names_differ_and_lossless_ones_keep_theirs(names):
    paths = [Path(name) for name in names]
    outputs = output_names(paths, [".png"], ".png")
    assert len(set(outputs)) == len(outputs)
    assert all(path == output for path, output in zip(paths, outputs, strict=True) if path.suffix in (".png", ".npy"))
    assert {output.suffix for output in outputs} <= {".png", ".npy"}
