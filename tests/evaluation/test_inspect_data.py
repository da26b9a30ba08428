"""``ganexp data inspect``: what it prints, writes and refuses."""

import pytest
from PIL import Image


@pytest.fixture
def folder(pictures):
    """Seventy pictures of one colour each and two broken files."""
    for name in ("broken", "empty"):
        (pictures / f"{name}.png").write_bytes(b"" if name == "empty" else b"no picture")
    return pictures


def test_every_broken_file_is_told_with_the_fix_and_the_sheet_is_drawn(ganexp, folder, here):
    ended = ganexp("data", "inspect", "data=image_folder", f"data.root={folder}", "data.image_size=16", "out=looked")
    assert ended.status == 0, ended.err
    (line,) = (line for line in ended.out.splitlines() if line.startswith("cannot be read"))
    assert line.startswith("cannot be read (2): ")
    assert str(folder / "broken.png") in line
    assert str(folder / "empty.png") in line
    assert line.endswith("Fix: repair or remove them, training stops at them")
    assert str(folder / "empty.png") in (here / "looked" / "problems.txt").read_text()
    with Image.open(here / "looked" / "contact_sheet.png") as sheet:
        assert sheet.size == ((8 * 17 + 1) * 4, (8 * 17 + 1) * 4)


def test_data_without_files_is_inspected_with_the_settings_of_training(ganexp, here):
    ended = ganexp("data", "inspect", "data=mosaic", "data/source=digits")
    assert ended.status == 0, ended.err
    assert "no problems" in ended.out
    assert {path.name for path in (here / "outputs" / "inspect-mosaic").iterdir()} == {
        "train_contact_sheet.png",
        "test_contact_sheet.png",
        "problems.txt",
        "inspect.html",
    }


def test_a_folder_in_which_nothing_can_be_read_is_a_mistake(ganexp, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "one.png").write_bytes(b"no picture")
    ended = ganexp("data", "inspect", "data=image_folder", f"data.root={tmp_path / 'bad'}")
    assert ended.status == 2
    assert "none of the pictures can be read" in ended.complaint
    assert "one.png (empty or not an image)" in ended.out
    assert "contact sheet" not in ended.out


def test_what_is_wrong_with_pairs_is_told_also_where_no_pair_is_left(ganexp, tmp_path):
    for name in ("A/one.png", "B/other.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "set" / name)
    ended = ganexp("data", "inspect", "data=paired_folder", f"data.root={tmp_path / 'set'}")
    assert ended.status == 2
    assert "too few images (0)" in ended.complaint
    (line,) = ended.out.splitlines()
    assert line.startswith("no partner of that name (2): ")
    assert "one.png" in line
    assert "other.png" in line


def test_a_split_that_is_missing_does_not_hide_the_other(ganexp, tmp_path):
    for number in range(2):
        path = tmp_path / "set" / "train" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((32, 16), 100).convert("RGB").save(path)
    (tmp_path / "set" / "val").mkdir()
    ended = ganexp("data", "inspect", "data=paired_folder", f"data.root={tmp_path / 'set'}", "data.image_size=16")
    assert ended.status == 0, ended.err
    assert "a split that cannot be opened (1): " in ended.out
    assert "data.test_split=train|val" in ended.out


REFUSED = {
    (): "python -m ganexp data inspect",
    ("inspekt",): "'inspekt': no such data command",
    ("inspect", "data=gaussians"): "no pictures",
    ("inspect", "data=digts"): "did you mean digits?",
    ("inspect", "data=image_folder"): "data.root is not set",
    ("inspect", "data=image_folder", "data.root=nowhere"): "nowhere does not exist: give a folder of images (data.",
    ("inspect", "data.image_size=big"): "a whole number is expected",
    ("inspect", "data.imge_size=8"): "did you mean data.image_size?",
    ("inspect", "~data"): "every run needs one",
    ("inspect", "-m"): "one data set at a time",
    ("inspect", "digits"): "give KEY=VALUE",
}


@pytest.mark.parametrize(("arguments", "complaint"), REFUSED.items(), ids=str)
def test_mistakes_are_told_in_one_line(ganexp, arguments, complaint):
    ended = ganexp("data", *arguments)
    assert ended.status == 2
    assert complaint in ended.complaint


def test_options_of_ones_own_are_found(ganexp, here):
    (here / "own" / "data").mkdir(parents=True)
    (here / "own" / "data" / "mine.yaml").write_text("# Mine.\ndefaults: [digits]\nname: mine\n")
    ended = ganexp("data", "inspect", "--config-dir", here / "own", "data=mine")
    assert ended.status == 0, ended.err
    assert (here / "outputs" / "inspect-mine" / "contact_sheet.png").is_file()


def test_help_says_what_it_takes(ganexp):
    assert "out=FOLDER" in ganexp("data", "--help").out
