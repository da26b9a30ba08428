"""``python -m ganexp data pack``, and training on what it made."""

import os
import shutil
import signal

import pytest
import yaml

from ganexp.evaluation import pack_data
from support.kills import started, wait_until
from support.runs import NETWORKS, UNSCORED

PACK = ["data", "pack", "data=digits"]


@pytest.fixture
def packed(ganexp, here):
    done = ganexp(*PACK, "out=packed", "shard_size=600")
    assert done.status == 0, done.err
    assert done.out == (
        "1,797 images of 1x8x8, 10 classes: 3.7 MB in 3 shards; train with data=stream data.path=packed\n"
    )
    return here / "packed"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def trained(ganexp, folder, *overrides):
    done = ganexp(f"run_dir={folder}", *UNSCORED, "images=128", "data.batch_size=64", *NETWORKS, *overrides)
    assert done.status == 0, done.err
    return (folder / "metrics.csv").read_text().splitlines()


def losses(folder):
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    kept = [number for number, name in enumerate(header.split(",")) if name.startswith(("loss", "images"))]
    return [[row.split(",")[number] for number in kept] for row in rows]


@pytest.mark.slow
def test_a_packed_set_is_trained_on_as_its_source_and_needed_for_nothing_else(ganexp, packed, here):
    again = ganexp(*PACK, "out=packed")
    assert "in 3 shards, 3 of them there before" in again.out
    trained(ganexp, here / "source")
    trained(ganexp, here / "stream", "data=stream", "data.path=packed", "data.in_memory=false", "data.workers=0")
    assert losses(here / "stream") == losses(here / "source")
    data = yaml.safe_load((here / "stream" / "config.yaml").read_text())["data"]
    assert [data[key] for key in ("image_size", "channels", "num_classes")] == [8, 1, 10]
    shutil.rmtree(packed)
    assert ganexp("sample", "run=stream", "n=2", "out=samples").status == 0
    gone = ganexp("resume=stream", "images=512")
    assert gone.status == 2
    assert "packed does not exist: give data.path=FOLDER" in gone.complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (PACK, "out=FOLDER"),
        ([*PACK, "out=x", "shard_size=0"], "shard_size=0: a whole number"),
        ([*PACK, "out=x", "shard_size=ten"], "shard_size=ten: a whole number"),
        (["data", "pack", "data=gaussians", "out=x"], "only data sets of single images"),
        (["data", "pack", "data=mosaic", "out=x"], "only data sets of single images"),
        (["data", "pack", "data=stream", "out=x"], "data.path is not set: give data.path="),
        (["data", "pack", "data=stream", "data.path=nowhere", "out=x"], "nowhere does not exist"),
    ],
)
def test_mistakes_are_one_line(ganexp, arguments, words):
    failed = ganexp(*arguments)
    assert failed.status == 2
    assert words in failed.complaint


def test_packing_is_the_heavy_half_of_the_command(ganexp, monkeypatch):
    monkeypatch.setattr(pack_data, "pack_data", lambda *given: print(*given[1:]))
    assert ganexp(*PACK, "out=a/b", "shard_size=07").out == "digits a/b 7\n"
    assert ganexp(*PACK, "out=a").out == "digits a None\n"
    assert "data pack" in ganexp("data", "pack", "-h").out


def test_a_packed_set_can_be_inspected(ganexp, packed):
    done = ganexp("data", "inspect", "data=stream", "data.path=packed", "out=looked")
    assert done.status == 0
    assert "1,797" in done.out
    assert "cannot be read" not in done.out


@pytest.mark.slow
def test_a_killed_packing_is_continued_with_the_same_bytes(ganexp, here):
    assert ganexp(*PACK, "out=whole", "shard_size=20").status == 0
    for shards in (1, 17, 60):
        out = here / f"killed_{shards}"
        process = started(*PACK, f"out={out}", "shard_size=20")
        assert wait_until(lambda out=out, shards=shards: len(list(out.glob("*.tar"))) >= shards, process)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        left = len(list(out.glob("*.tar")))
        assert shards <= left < 90
        # Of the last one, the index may not know.
        done = ganexp(*PACK, f"out={out}")
        assert f", {left:,} of them there before" in done.out or f", {left - 1:,} of them there before" in done.out
        assert contents(out) == contents(here / "whole")
