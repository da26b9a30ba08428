"""The inspection of a data set finds planted problems, each by its name, and none in a clean one."""

import numpy as np
import pytest
from PIL import Image

from ganexp.data import sources
from ganexp.data.decoding import Decoder
from ganexp.data.images import ImageData
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import ArrayPictures, FilePictures
from ganexp.data.problems import collect_problems, report_problem
from ganexp.data.translation.module import UnpairedData
from ganexp.errors import UserError
from ganexp.inspection.duplicates import Duplicates
from ganexp.inspection.inspect import SAMPLES, inspect, problems_of, repeated

SIZE = 32


def photograph(seed, width=SIZE, height=SIZE, channels=3):
    """A smooth picture, uint8 (height, width, channels): unlike any other, and unlike noise still itself after JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, channels), dtype=np.uint8)
    enlarged = [
        Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)
    ]
    return np.stack([np.asarray(channel) for channel in enlarged], axis=-1)


def save(path, seed, mode="RGB", **size):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photograph(seed, **size)).convert(mode).save(path)


def inspected(root, image_size=SIZE, **settings):
    settings = {"num_classes": None, "channels": 3, **settings}
    data = ImageData(lambda: sources.image_folder(str(root)), "folder", image_size, batch_size=2, seed=0, **settings)
    with collect_problems() as problems:
        (collection,) = data.picture_sets()["folder"]()
    duplicates = Duplicates()
    seen, names = inspect(collection, duplicates)
    return seen, {each.what: each for each in [*problems, *seen.problems, *repeated(duplicates, names)]}


@pytest.fixture
def clean(tmp_path):
    """Two classes of 6 pictures."""
    for number in range(12):
        save(tmp_path / "set" / "ab"[number % 2] / f"{number:02}.png", number)
    return tmp_path / "set"


def test_a_clean_folder_has_no_problem_and_is_counted(clean):
    seen, problems = inspected(clean, num_classes=2)
    assert problems == {}
    assert (seen.pictures, seen.readable, seen.classes) == (12, 12, {"a": 6, "b": 6})
    assert (dict(seen.sizes), dict(seen.modes), dict(seen.depths)) == ({(SIZE, SIZE): 12}, {"RGB": 12}, {8: 12})
    assert -1 <= seen.lowest < -0.5 < 0.5 < seen.highest <= 1
    assert len(seen.samples) == 12


def deep(path):
    Image.fromarray(photograph(50, channels=1)[..., 0].astype(np.uint16) * 257).save(path)


def photo(mode, **size):
    return lambda path: save(path, 60, mode, **size)


PLANTED = {
    "corrupt": (
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\nbroken"),
        "x.png",
        "cannot be read",
        "repair or remove",
    ),
    "empty": (lambda path: path.write_bytes(b""), "x.png", "cannot be read", "repair or remove"),
    "16 bits": (deep, "x.png", "of 16 bits", "8 bits"),
    "CMYK": (photo("CMYK"), "x.jpg", "CMYK", "save them as RGB"),
    "alpha": (photo("RGBA"), "x.png", "transparent", "background of your choice"),
    "grey": (photo("L"), "x.png", "grey pictures among others", "remove them"),
    "small": (photo("RGB", width=20, height=20), "x.png", "smaller than data.image_size", "a smaller data.image_size"),
    "long": (photo("RGB", width=100, height=40), "x.png", "more than twice as long", "crop them"),
    "the same": (lambda path: save(path, 0), "x.png", "exact duplicates", "remove all but one"),
}


@pytest.mark.parametrize(("plant", "name", "what", "fix"), PLANTED.values(), ids=PLANTED)
def test_a_planted_problem_is_found_with_its_file_and_its_fix(clean, plant, name, what, fix):
    plant(clean / "b" / name)
    _, problems = inspected(clean)
    found = next(problem for key, problem in problems.items() if key.startswith(what))
    assert [str(clean / "b" / name) in place for place in found.where] == [True]
    assert fix in found.fix


def test_every_unreadable_file_is_named_and_the_others_are_counted(clean):
    broken = [clean / "a" / f"broken{number}.png" for number in range(5)]
    for path in broken:
        path.write_bytes(b"no picture")
    seen, problems = inspected(clean)
    assert [place.split(" (")[0] for place in problems["cannot be read"].where] == [str(path) for path in broken]
    assert (seen.unreadable, seen.readable, seen.classes) == (5, 12, {"a": 6, "b": 6})


def test_a_picture_saved_anew_is_nearly_the_same_and_is_not_taken_for_another(clean):
    path = clean / "b" / "again.jpg"
    Image.fromarray(photograph(0)).save(path, quality=90)
    _, problems = inspected(clean)
    assert problems["near-duplicates"].where == (f"{path} (as {clean / 'a' / '00.png'})",)
    assert "exact duplicates" not in problems


def test_rare_and_empty_classes_are_named(clean):
    save(clean / "rare" / "one.png", 99)
    (clean / "nothing").mkdir()
    seen, problems = inspected(clean)
    assert seen.classes == {"a": 6, "b": 6, "nothing": 0, "rare": 1}
    assert problems["class folders without images"].where == (str(clean / "nothing"),)
    (imbalance,) = (problem for what, problem in problems.items() if "less than a fifth" in what)
    assert imbalance.where == ("rare (1)",)


def test_what_training_would_refuse_of_the_settings_is_said_with_the_right_value(clean):
    _, problems = inspected(clean, num_classes=3)
    assert problems["data.num_classes=3, but there are 2 classes"].fix.startswith("data.num_classes=2")
    for path in clean.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert inspected(clean)[1]["all are grey, and data.channels=3"].fix == "data.channels=1"


def test_masks_of_0_and_1_are_told_apart_from_pictures(tmp_path):
    masks = ArrayPictures(np.random.default_rng(0).integers(0, 2, (4, 16, 16), dtype=np.uint8), [0] * 4, [])
    seen, _ = inspect(PictureSet("masks", masks, Decoder(16, 1)), Duplicates())
    assert [problem.what for problem in seen.problems] == ["values from -1 to -0.992 only, within [-1, 1]"]


def test_samples_are_spread_over_the_collection():
    values = np.arange(200, dtype=np.uint8)
    pictures = ArrayPictures(np.broadcast_to(values[:, None, None], (200, 8, 8)), [0] * 200, [])
    seen, _ = inspect(PictureSet("ramp", pictures, Decoder(8, 1)), Duplicates())
    drawn = [float(image.mean()) for (image,) in seen.samples]
    assert len(drawn) == SAMPLES
    assert np.allclose(np.diff(drawn) * 127.5, 199 / 63, atol=1)


def test_pairs_without_a_partner_and_of_unequal_sizes_are_named_and_the_others_open(tmp_path):
    for number in range(4):
        save(tmp_path / "A" / f"{number}.png", number)
        save(tmp_path / "B" / f"{number}.png", 10 + number, width=40 if number == 3 else SIZE)
    save(tmp_path / "A" / "alone.png", 20)
    (tmp_path / "B" / "2.png").write_bytes(b"")
    with pytest.raises(UserError, match="without a counterpart"):
        sources.paired_folder("train", str(tmp_path))
    with collect_problems() as problems:
        pairs = sources.paired_folder("train", str(tmp_path))
    places = {problem.what: problem.where for problem in problems}
    assert places["no partner of that name"] == (str(tmp_path / "A" / "alone.png"),)
    assert places["pairs of unequal sizes"] == (
        f"{tmp_path / 'A' / '3.png'} has 32x32 pixels and {tmp_path / 'B' / '3.png'} 40x32",
    )
    assert places["cannot be read"] == (f"{tmp_path / 'B' / '2.png'} (empty or not an image)",)
    assert len(pairs) == 1


def test_pairs_of_an_odd_width_are_named(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", number, width=64 + number % 2)
    with collect_problems() as problems:
        assert len(sources.paired_folder("train", str(tmp_path))) == 1
    assert [problem.where for problem in problems] == [(f"{tmp_path / '1.png'} (65x32)",)]


def test_a_picture_of_both_domains_or_splits_is_found(tmp_path):
    for number, folder in enumerate(("trainA", "trainB", "testA", "testB")):
        save(tmp_path / folder / "own.png", number)
        if folder in ("trainA", "testB"):
            save(tmp_path / folder / "both.png", 40)
    data = UnpairedData(
        lambda split: sources.unpaired_folder(split, str(tmp_path)), name="two", image_size=SIZE, channels=3,
        batch_size=1, seed=0,
    )  # fmt: skip
    duplicates, names = Duplicates(), []
    for open_it in data.picture_sets().values():
        for collection in open_it():
            names += [f"{collection.name}: {name}" for name in inspect(collection, duplicates)[1]]
    (found,) = repeated(duplicates, names)
    assert found.where == (
        f"test targets: {tmp_path / 'testB' / 'both.png'} (as train inputs: {tmp_path / 'trainA' / 'both.png'})",
    )


def test_complaints_are_raised_where_nobody_lists_them():
    with collect_problems() as problems:
        pass
    with pytest.raises(UserError, match="wrong"):
        report_problem(UserError("wrong"), None)
    assert problems == []


def test_nobody_looks_like_another_where_the_brightness_is_turned_round():
    duplicates = Duplicates()
    for picture in (photograph(1), 255 - photograph(1), photograph(2)):
        duplicates.add(Decoder(SIZE, 3)(Image.fromarray(picture)))
    assert duplicates.exact() == duplicates.near() == {}


def test_a_grey_set_is_no_problem_beside_a_coloured_one(tmp_path):
    for number in range(3):
        save(tmp_path / "grey" / f"{number}.png", number, "L")
        save(tmp_path / "coloured" / f"{number}.png", number)
    grey, coloured = (inspected(tmp_path / name)[0] for name in ("grey", "coloured"))
    assert [problem.what for problem in problems_of([grey, grey])] == ["all are grey, and data.channels=3"] * 2
    assert problems_of([grey, coloured]) == []


def test_attributes_are_counted_and_written_below_the_samples(clean):
    attributes = [(1, 1), (0, 0), (1, 0)]
    pictures = FilePictures(map(str, sorted(clean.rglob("*.png"))[:3]), attributes, ["hat", "tie"])
    seen, _ = inspect(PictureSet("heads", pictures, Decoder(SIZE, 3)), Duplicates())
    assert seen.classes == {"hat": 2, "tie": 1}
    assert seen.sample_classes == ["hat+tie", "none", "hat"]
