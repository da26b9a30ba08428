"""Where results are written: places that cannot be written to are refused before the work, and nothing else is lost."""

import pytest

from ganexp.errors import UserError
from ganexp.files.atomic import replacing, require_file_place, require_folder
from support.runs import TINY
from support.synthetic import write_run


def test_a_file_replaces_no_neighbour(tmp_path):
    (tmp_path / "results.tmp").write_text("mine")
    with replacing(tmp_path / "results.json") as file:
        file.write("{}")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"results.tmp": "mine", "results.json": "{}"}


def test_a_folder_is_required_where_one_is_written_and_a_file_where_that_is(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path, tmp_path / "new", tmp_path / "new" / "deep"):
        require_folder(folder)
        require_file_place(folder / "scores.json", "scores.json")
    for folder in (tmp_path / "file", tmp_path / "file" / "deep"):
        with pytest.raises(UserError, match=r"a folder is expected, and .*file is a file"):
            require_folder(folder)
    with pytest.raises(UserError, match=r"it is a folder, and a file is expected, such as out=.*scores\.json"):
        require_file_place(tmp_path, "scores.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


COMMANDS = {
    "evaluate": (
        ["evaluate", "fake=pictures", "data=digits", "out=pictures"],
        "it is a folder, and a file is expected",
    ),
    "compare": (["compare", "run", "out=file"], "a folder is expected"),
    "inspect": (["data", "inspect", "data=digits", "out=file"], "a folder is expected"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_out_is_checked_before_anything_is_read(ganexp, here, command):
    (here / "pictures").mkdir()
    (here / "file").write_text("mine")
    write_run(here / "run")
    arguments, answer = COMMANDS[command]
    outcome = ganexp(*arguments)
    assert (outcome.status, answer in outcome.complaint) == (2, True)
    assert (here / "file").read_text() == "mine"


EMPTY = {
    "sample run=run out=": "the folder to write to",
    "sample run= out=drawn": "the run's folder",
    "export run=run out=": "the file: .safetensors",
    "animate run=run out=": "the file: .gif",
    "translate run=run input= out=drawn": "the folder of images",
    "publish run=run to=": "a new folder",
    "compare run out=": "the folder to write to",
    "board runs=": "folder",
    "demo run=": "the run's folder",
    "verify run=": "the run's folder",
    "evaluate run=run out=": "the file for the scores",
    "evaluate fake= data=digits": "the folder of generated images",
    "analyze run=run out=": "the folder to write to",
    "analyze run=run held_out=": "a split of the run's data",
    "data inspect out=": "a folder",
    "data pack out=": "a folder",
    "data puppets out=": "a folder",
    "data landmarks input=": "a picture",
    "resume=": "the folder of a run",
    "run_dir=": "the path of a file or folder",
    "-m sweep_dir=": "the path of a file or folder",
    "data_root=": "the path of a file or folder",
    "data=image_folder data.root=": "a value, or null",
    "init=": "the path of a file or folder",
    "images=": "a whole number",
}


@pytest.mark.parametrize("line", EMPTY)
def test_an_argument_without_a_value_is_named_with_what_is_expected(ganexp, here, line):
    write_run(here / "run")
    before = sorted(here.rglob("*"))
    outcome = ganexp(*line.split())
    assert outcome.status == 2
    assert f"has no value; expected: {EMPTY[line]}" in outcome.complaint
    assert sorted(here.rglob("*")) == before


def test_a_config_group_without_an_option_lists_them(ganexp):
    assert "loss is a config group; choose one of hinge" in ganexp("loss=").complaint
    assert "run_dir=: it must be the path" in ganexp("run_dir=''").complaint


def test_samples_beside_earlier_ones_are_mentioned(ganexp, here):
    assert ganexp(*TINY, "run_dir=run").status == 0
    first, second = (ganexp("sample", "run=run", f"n={n}", "out=drawn") for n in (3, 2))
    assert "already" not in first.out
    assert "drawn has 3 samples already: those that are not replaced stay" in second.out


def test_a_table_that_does_not_fit_on_the_disk_is_named(ganexp, here, file_size_limit):
    write_run(here / "run")
    file_size_limit(10)
    outcome = ganexp("compare", "run", "out=report")
    assert outcome.status == 1
    assert outcome.complaint.startswith("cannot write report/")
