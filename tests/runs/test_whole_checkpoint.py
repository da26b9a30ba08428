"""A damaged checkpoint is noticed wherever it is damaged, and gives way to the newest one that is whole."""

import random
import shutil

import pytest
import torch
from torch import nn

from ganexp.errors import UserError
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.checkpoint_diff import differences
from ganexp.runs.unfinished import remove_unfinished
from ganexp.runs.whole_checkpoint import newest_whole_checkpoint
from support.runs import TINY, rows

ROWS = ["callbacks.checkpoints.every=64", "callbacks.curves.every=64"]


def flip(path, position=None):
    """Flip one bit of a file, by default in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 1
    path.write_bytes(content)


def save(folder, name, images_seen):
    folder.mkdir(parents=True, exist_ok=True)
    counters = {"images_seen": images_seen, "batches_seen": 1, "unread_terms": {}}
    torch.save({"ganexp": counters, "state_dict": nn.Linear(3, 2).state_dict()}, folder / name)


def test_a_flipped_bit_anywhere_is_noticed_or_harmless(tmp_path):
    save(tmp_path, "last.ckpt", 8)
    path = tmp_path / "last.ckpt"
    whole, before = path.read_bytes(), load_checkpoint(path)
    rng = random.Random(0)
    noticed = 0
    for _ in range(150):
        content = bytearray(whole)
        content[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            assert differences(before, load_checkpoint(path)) == []
        except UserError:
            noticed += 1
    assert noticed > 15


def test_a_flipped_bit_of_a_weight_is_noticed(tmp_path):
    save(tmp_path, "last.ckpt", 8)
    path = tmp_path / "last.ckpt"
    weight = load_checkpoint(path)["state_dict"]["weight"].numpy().tobytes()
    flip(path, path.read_bytes().index(weight) + 5)
    with pytest.raises(UserError, match="it is damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("best", "damaged", "expected"),
    [
        (20, [], "last"),
        (20, ["last"], "00000030"),
        (20, ["last", "00000030"], "best"),
        (5, ["last", "00000030"], "00000010"),
        (20, ["last", "00000030", "best"], "00000010"),
        (20, ["last", "00000010", "00000030", "best"], "last"),
    ],
)
def test_the_newest_whole_one_is_chosen_and_reported(tmp_path, caplog, best, damaged, expected):
    folder = tmp_path / "checkpoints"
    for name, images in {"last": 40, "00000010": 10, "00000030": 30, "best": best}.items():
        save(folder, f"{name}.ckpt", images)
    for name in damaged:
        flip(folder / f"{name}.ckpt", 0)
    assert newest_whole_checkpoint(tmp_path).stem == expected
    if expected != "last":
        (line,) = caplog.messages
        assert line.startswith(f"{folder / 'last.ckpt'} is damaged: using {expected}.ckpt instead, of ")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run with the checkpoints of 192 and 256 images."""
    from ganexp.cli import main

    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main.main([*TINY, *ROWS, "callbacks.checkpoints.keep=2", f"run_dir={folder}"]) == 0
    return folder


@pytest.mark.slow
def test_resuming_continues_from_the_newest_whole_one_as_if_nothing_had_happened(ganexp, whole, here):
    run = shutil.copytree(whole, here / "run")
    # A copy of a hard link is a file of its own.
    for name in ("last", "00000256"):
        flip(run / "checkpoints" / f"{name}.ckpt")
    (run / "checkpoints" / "last.tmp").write_bytes(b"cut")
    outcome = ganexp(f"resume={run}")
    assert outcome.status == 0
    line = "last.ckpt is damaged: using 00000192.ckpt instead, of 192 images"
    assert line in outcome.err
    assert line in (run / "log.txt").read_text()
    one, other = (torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (whole, run))
    assert differences(one, other) == []
    assert rows(whole) == rows(run)
    names = [sorted(path.name for path in (folder / "checkpoints").iterdir()) for folder in (whole, run)]
    assert names[0] == names[1]


def test_images_are_drawn_from_the_newest_whole_one_unless_another_is_named(ganexp, whole, here, caplog):
    run = shutil.copytree(whole, here / "run")
    flip(run / "checkpoints" / "last.ckpt")
    outcome = ganexp("sample", f"run={run}", "n=2", "out=drawn")
    assert outcome.status == 0
    assert caplog.text.count("last.ckpt is damaged: using 00000256.ckpt instead, of 256 images") == 1
    flip(run / "checkpoints" / "00000192.ckpt")
    outcome = ganexp(f"resume={run}", "checkpoint=00000192", "images=512")
    assert outcome.status == 2
    assert "00000192.ckpt is not an intact checkpoint" in outcome.complaint


def test_only_temporary_files_that_training_makes_are_removed(tmp_path):
    run = tmp_path / "run"
    ours = [
        "metrics.tmp",
        "summary.tmp",
        "scores.tmp",
        ".metrics.csv.tmp",
        ".summary.json.tmp",
        ".scores.json.tmp",
        ".config.yaml.tmp",
        ".curves.png.tmp",
        "checkpoints/last.tmp",
        "checkpoints/best.tmp",
        "checkpoints/00000064.tmp",
        "samples/.00000064.png.tmp",
        "samples/.latest.png.tmp",
    ]
    others = ["notes.tmp", "checkpoints/mine.tmp", "checkpoints/last.ckpt", "samples/last.tmp", "other/last.tmp"]
    for name in [*ours, *others]:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "last.tmp").write_text("x")
    (run / "checkpoints" / "00000032.tmp").symlink_to(outside / "last.tmp")
    remove_unfinished(run)
    left = {str(path.relative_to(run)) for path in run.rglob("*") if not path.is_dir()}
    assert left == {*others, "checkpoints/00000032.tmp"}
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(outside)
    remove_unfinished(run)
    assert (outside / "last.tmp").exists()
