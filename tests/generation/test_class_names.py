"""Classes go by their names: in the run, as labels, above grids, as folders and on the demo's page."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from ganexp.analysis.contact_sheet import ContactSheet
from ganexp.analysis.walk import Walk
from ganexp.demo.conditions import named_choices
from ganexp.drawing.captions import STRIP, captioned, column_classes, rooms_of, wrapped
from ganexp.drawing.contact_sheet import STRIP as SHEET_STRIP
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.named_grid import named_grid, wide
from ganexp.drawing.pictures import picture
from ganexp.errors import UserError
from ganexp.evaluation.inspect_data import sheet_of
from ganexp.generation.class_folders import class_folders
from ganexp.inspection.inspect import Inspection
from ganexp.publishing import layout
from ganexp.records import summary
from ganexp.records.class_names import class_names
from ganexp.runs.class_names import CLASS_NAMES, class_numbers, read_class_names
from ganexp.runs.run import saved_run
from support.command_line import CONDITIONAL
from support.runs import UNSCORED
from support.subjects import subject

NAMES = ["cat", "dog", "emu", "fox", "gnu", "hen", "ibis", "jay", "koi", "owl"]


class Labelled(torch.nn.Module):
    """A generator whose images are all the same."""

    def forward(self, noise, labels):
        return torch.zeros(len(noise), 1, 8, 8)


def read(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def named(run):
    """A run of ten classes with names."""
    summary.update(run, classes=NAMES)
    return run


def test_a_run_keeps_the_names_of_its_class_folders(ganexp, here):
    for name in ("cat", "dog"):
        (here / "animals" / name).mkdir(parents=True)
        for number in range(32):
            Image.new("L", (8, 8), 8 * number).save(here / "animals" / name / f"{number}.png")
    data = ["data=image_folder", "data.root=animals", "data.image_size=8", "data.channels=1", "data.batch_size=32"]
    model = ["model=cdcgan", *CONDITIONAL]
    assert ganexp(*UNSCORED, *data, *model, "images=32", "run_dir=named").status == 0
    assert read_class_names(here / "named") == ["cat", "dog"]
    # Eight rows of eight columns of eight pixels, eight times enlarged, with lines.
    assert Image.open(here / "named" / "samples" / "latest.png").size == (73 * 8, 73 * 8 + STRIP)
    # The trained model does not need its images.
    (here / "animals").rename(here / "moved")
    assert ganexp("sample", "run=named", "n=2", "labels=dog", "out=dogs").status == 0


def test_names_mean_what_their_numbers_mean(ganexp, here, named):
    for out, labels in {"names": "[owl,cat]", "numbers": "[9,0]", "mixed": "[owl,0]"}.items():
        assert ganexp("sample", f"run={named}", "n=4", f"labels={labels}", f"out={out}").status == 0
    for number in range(4):
        pictures = [read(here / out / f"{number:05d}.png") for out in ("names", "numbers", "mixed")]
        assert np.array_equal(pictures[0], pictures[1])
        assert np.array_equal(pictures[0], pictures[2])


def test_samples_by_class_are_the_samples_in_a_folder_of_their_class(ganexp, here, named):
    assert ganexp("sample", f"run={named}", "n=20", "out=flat").status == 0
    assert ganexp("sample", f"run={named}", "n=20", "out=sorted", "by_class=true").status == 0
    assert sorted(path.name for path in (here / "sorted").iterdir()) == sorted([*NAMES, "grid.png"])
    for number in range(20):
        flat = read(here / "flat" / f"{number:05d}.png")
        assert np.array_equal(flat, read(here / "sorted" / NAMES[number % 10] / f"{number:05d}.png"))


def test_a_run_without_names_goes_on_with_numbers(ganexp, here, finished):
    assert read_class_names(finished) is None
    assert ganexp("sample", f"run={finished}", "n=4", "labels=[3,7]", "out=drawn", "by_class=true").status == 0
    assert sorted(path.name for path in (here / "drawn").iterdir()) == ["3", "7", "grid.png"]


REFUSED = {
    "labels=[zzzzz]": "labels=[zzzzz]: no such class. There are: cat, dog",
    "labels=[kat]": "did you mean cat?",
    "labels=[no]": "labels=[False]: Value False is neither a class number nor a name: quote a name",
}


@pytest.mark.parametrize(("argument", "answer"), REFUSED.items(), ids=REFUSED)
def test_a_class_that_there_is_not_is_refused(ganexp, named, argument, answer):
    outcome = ganexp("sample", f"run={named}", "out=drawn", argument)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_two_classes_of_one_name_are_refused_where_the_name_decides():
    names = ["cat", "dog", "cat"]
    with pytest.raises(UserError, match="the classes 0 and 2 have this name"):
        class_numbers(["cat"], names)
    assert class_numbers(["dog", 2], names) == [1, 2]
    with pytest.raises(UserError, match="classes 0 and 2 are both named 'cat'"):
        class_folders([0, 1, 2], names)
    assert class_folders([0, 1], names) == {0: "cat", 1: "dog"}
    assert named_choices(3, names) == [("cat (0)", "0"), ("dog", "1"), ("cat (2)", "2")]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "x" * 300])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(UserError, match="which no folder can be"):
        class_folders([0], [name])


@pytest.mark.parametrize("value", ["cat", [], ["cat", 1], ["x" * 10_000], {"0": "cat"}])
def test_names_that_are_none_are_ignored(tmp_path, value):
    summary.update(tmp_path, classes=value)
    assert read_class_names(tmp_path) is None


def test_names_that_only_repeat_the_numbers_are_none():
    class Digits:
        num_classes = 2
        classes = ("0", "1")

    assert class_names(Digits()) is None
    Digits.classes = ("1", "0")
    assert class_names(Digits()) == ["1", "0"]
    Digits.num_classes = None
    assert class_names(Digits()) is None


def test_captions_stand_above_the_columns_of_their_classes():
    assert column_classes([3, 7], 4) == [3, 7, 3, 7]
    assert column_classes([3, 3, 7], 10) is None
    grid = Image.new("RGB", (129, 65), "black")
    drawn = np.asarray(captioned(grid, ["left", "right"]))
    assert (drawn[STRIP:] == 0).all()
    assert all((half < 128).any() for half in (drawn[:STRIP, :64], drawn[:STRIP, 65:]))
    only_left = np.asarray(captioned(grid, ["left", ""]))
    assert np.array_equal(only_left[:, :64], drawn[:, :64])
    assert (only_left[:STRIP, 65:] == 255).all()


@pytest.mark.parametrize("side", [8, 16, 28, 32, 64])
@pytest.mark.parametrize("columns", [1, 3, 4, 10])
def test_no_caption_is_cut_off_in_grids_of_small_images(side, columns, monkeypatch):
    names = ["automobile", "aquarium_fish", "lawn-mower", "sweet pepper"]
    written = []
    write = ImageDraw.ImageDraw.multiline_text

    def record(pen, place, text, **options):
        del options["fill"]
        left, _, right, _ = pen.multiline_textbbox(place, text, **options)
        written.append((text.replace("\n", " "), left, right, pen.im.size[0]))
        write(pen, place, text, fill="black", **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "multiline_text", record)
    images = torch.zeros(columns, 3, side, side)
    named_grid(images, columns, names)
    texts, lefts, rights, widths = zip(*written, strict=True)
    assert set(texts) <= set(names)
    assert all(left >= 0 and right <= width for left, right, width in zip(lefts, rights, widths, strict=True))
    assert all(right <= left for right, left in zip(rights, lefts[1:], strict=False))


def test_a_grid_is_enlarged_by_a_whole_number_and_within_reason():
    grid = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 80, 3), np.uint8))
    for captions, times in {("cat", "dog"): 1, ("automobile", "dog"): 2, ("x" * 90, "dog"): 4}.items():
        drawn = captioned(grid, captions)
        assert drawn.width == times * grid.width
        shown = drawn.crop((0, drawn.height - times * grid.height, *drawn.size))
        assert np.array_equal(np.asarray(shown)[::times, ::times], np.asarray(grid))


def test_a_caption_reaches_over_columns_without_one_up_to_the_next_and_the_edge():
    assert rooms_of(["a", "", "", "b", "", "c", ""]) == [1, 1, 1, 2, 1, 2, 1]
    assert rooms_of(["", "", "a", "", ""])[2] == 5
    assert rooms_of(["a"]) == [1]
    grid = Image.new("RGB", (17 * 33, 33))
    assert captioned(grid, [*[""] * 8, "aquarium_fish", *[""] * 8]).width == grid.width


def test_long_captions_go_on_in_further_lines():
    font = ImageFont.load_default(11)
    assert wrapped("cat", 60, font) == ["cat"]
    assert wrapped("", 60, font) == [""]
    lines = wrapped("blond hair, smiling\nyoung", 60, font)
    assert " ".join(lines) == "blond hair, smiling young"
    assert max(map(font.getlength, lines)) <= 60
    lines = wrapped("word " * 50, 60, font)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert max(map(font.getlength, lines)) <= 60
    assert wrapped("Smiling+Male+Young", 60, font) == ["Smiling+", "Male+", "Young"]
    assert "".join(wrapped("automobiles" * 2, 60, font)) == "automobiles" * 2
    drawn = captioned(Image.new("RGB", (129, 65), "black"), ["left", "blond hair, smiling, young"])
    assert drawn.height > 65 + STRIP
    assert (np.asarray(drawn)[-65:] == 0).all()


def test_a_sheet_names_the_class_of_every_sample_where_columns_have_several():
    samples = torch.zeros(5, 1, 48, 48)
    sheet = np.asarray(named_grid(samples, 3, NAMES[:5]))
    assert np.array_equal(sheet, np.asarray(contact_sheet(samples, NAMES[:5], 3)))
    assert sheet.shape[:2] != np.asarray(named_grid(samples, 3, None)).shape[:2]


@pytest.mark.parametrize(("classes", "columns"), [(1, 8), (2, 8), (3, 6), (5, 5), (8, 8), (10, 10)])
def test_few_classes_stand_in_a_grid_several_times_so_that_it_is_no_strip(classes, columns):
    assert wide(classes) == columns
    images = torch.linspace(-1, 1, 2 * columns).reshape(-1, 1, 1, 1).expand(-1, 1, 32, 32)
    drawn = np.asarray(named_grid(images, columns, NAMES[:classes]))[STRIP:]
    assert drawn.shape == (2 * (2 * 33 + 1), 2 * (columns * 33 + 1), 3)
    assert np.array_equal(drawn, np.asarray(picture(images, columns)))


def test_analyses_caption_samples_with_names(tmp_path):
    def sheet(names):
        ContactSheet(n=3, columns=3)(subject(Labelled(), num_classes=2, class_names=names), tmp_path)
        return read(tmp_path / "contact_sheet.png")

    numbered = sheet(None)
    assert not np.array_equal(sheet(["cat", "dog"]), numbered)
    assert np.array_equal(sheet(["names", "of", "other", "classes"]), numbered)


def test_an_analysis_takes_a_class_by_name():
    named = subject(class_names=["cat", "dog", "dog"])
    assert [named.class_number(label) for label in ("cat", 2)] == [0, 2]
    for label, message in {"dog": "several classes have this name", "emu": "there are: cat, dog"}.items():
        with pytest.raises(UserError, match=f"label={label}: .*{message}"):
            named.class_number(label)


def test_a_walk_through_classes_names_those_whose_columns_are_certain():
    named = subject(num_classes=3, class_names=NAMES[:3])
    assert Walk(steps=2)._class_captions(named, 5) == ["cat", "", "dog", "", "emu"]
    assert Walk(steps=2, even=True)._class_captions(named, 5) == ["cat", "", "", "", "emu"]


def test_inspected_samples_have_the_names_of_their_classes():
    tiles = [(torch.zeros(1, 48, 48),), (torch.ones(1, 48, 48),)]
    named = Inspection("x", 2, samples=tiles, sample_classes=["cat", "dog"])
    drawn, plain = np.asarray(sheet_of(named)), np.asarray(sheet_of(replace(named, sample_classes=[])))
    assert drawn.shape[0] == 48 + SHEET_STRIP
    assert plain.shape[0] == 50


def test_a_model_in_python_takes_names_too(named):
    import ganexp

    model = ganexp.load(named)
    assert model.classes == NAMES
    assert model.sample(2, labels=["owl", "cat"]).equal(model.sample(2, labels=[9, 0]))


def test_a_published_model_has_the_names(named):
    assert layout.published_config(saved_run(named), 256)[CLASS_NAMES] == NAMES
    summary.update(named, classes=["${seed}", *NAMES[1:]])
    assert CLASS_NAMES not in layout.published_config(saved_run(named), 256)
