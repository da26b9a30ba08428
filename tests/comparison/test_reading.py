"""What is read of a run, whole or damaged."""

import itertools
import json
import os
import platform

import numpy as np
import pytest
from PIL import Image

from ganexp.cli import main
from ganexp.comparison.finding import find_runs
from ganexp.comparison.run_record import RunRecord, read_run
from ganexp.comparison.thumbnails import data_uri, frames_by_run
from ganexp.errors import UserError
from ganexp.files import untrusted
from ganexp.records import curves, summary
from ganexp.runs.scores import is_score
from support.synthetic import PROTOCOL, entry, write_rows, write_run


@pytest.fixture(scope="session")
def scored(tmp_path_factory):
    """A real run, scored twice."""
    folder = tmp_path_factory.mktemp("scored") / "run"
    # Points in the plane, because no classifier must be trained for their scores.
    game = ["model=gan", "data=gaussians", "metric=modes", "data.batch_size=64", "trainer=cpu"]
    assert main.main([*game, "images=256", "scoring.every=128", "scoring.samples=100", f"run_dir={folder}"]) == 0
    return folder


def test_made_up_runs_have_the_format_of_real_ones(scored, tmp_path):
    real, made = read_run(scored), read_run(write_run(tmp_path / "made", pictures=2))
    assert real.problems == made.problems == []
    # On a GPU there is its memory too.
    assert made.summary.keys() == real.summary.keys() - {"gpu_memory"}
    assert made.summary["choices"].keys() <= real.summary["choices"].keys()
    assert made.config.keys() <= real.config.keys()
    assert {name for name in made.curves if not name.startswith("score/")} <= real.curves.keys()
    for one in (real, made):
        assert one.scores[0].protocol.keys() == PROTOCOL.keys()
        assert one.status == "finished"
    stored = [json.loads((folder / "scores.json").read_text())["scores"][0] for folder in (scored, tmp_path / "made")]
    assert stored[0].keys() == stored[1].keys()


def test_a_real_run_tells_all_that_is_compared(scored):
    run = read_run(scored)
    assert run.images_seen == 256
    assert run.scores[0].curve.images.tolist() == [128, 256]
    assert run.images_per_update == 64
    assert run.images_per_second > 0
    assert None not in run.parameters
    assert run.peak_memory_bytes > 1e7


def test_a_score_added_later_is_another_curve_of_its_own_protocol(tmp_path):
    run = write_run(tmp_path / "run")
    more = {**PROTOCOL, "fakes": {**PROTOCOL["fakes"], "samples": 10_000}}
    entries = json.loads((run / "scores.json").read_text())["scores"]
    # First, so that only the value can tell which was taken while training.
    entries.insert(0, entry("fid_classifier", 3.5, 300, more))
    (run / "scores.json").write_text(json.dumps({"scores": entries}))
    taken, added = read_run(run).scores
    assert (taken.protocol["fakes"]["samples"], taken.curve.values.tolist()) == (200, [9.0, 5.0, 4.0])
    assert (added.protocol["fakes"]["samples"], added.curve.values.tolist()) == (10_000, [3.5])


def test_a_broken_line_is_left_out_and_named(tmp_path):
    run = write_run(tmp_path / "run")
    lines = (run / "metrics.csv").read_text().splitlines()
    broken = [lines[0], lines[1], "2", lines[2].replace("200,", "20x,", 1), lines[3], "4", "5", '"', "\0\xff"]
    (run / "metrics.csv").write_bytes("\n".join(broken).encode("latin-1"))
    read = read_run(run)
    assert read.scores[0].curve.images.tolist() == [100, 300]
    assert read.problems == [
        "metrics.csv: left out line 3: 1 of 5 values; line 6: 1 of 5 values; line 7: 1 of 5 values and 3 more"
    ]


@pytest.mark.parametrize(
    "text", ["", "\n", "loss\n1\n", "images,loss\n"], ids=["empty", "blank", "no images", "no rows"]
)
def test_curves_without_rows_are_none(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text)
    read = curves.read_curves(tmp_path / "metrics.csv")
    assert not any(len(curve.images) for curve in read.curves.values())
    assert len(read.problems) == 1


def test_empty_cells_and_what_is_not_finite_are_no_points_and_rows_come_in_order(tmp_path):
    rows = [{"images": 30, "a": 3}, {"images": 10, "a": 1, "b": "nan"}, {"images": 20, "b": 2}]
    write_rows(tmp_path, rows)
    read = curves.read_curves(tmp_path / "metrics.csv")
    assert read.curves["a"].images.tolist() == [10, 30]
    assert read.curves["a"].values.tolist() == [1, 3]
    assert read.curves["b"].images.tolist() == [20]
    assert read.images_seen == 30


def test_a_long_curve_is_thinned_out_evenly_with_its_end(tmp_path):
    write_rows(tmp_path, [{"images": n, "a": n * n} for n in range(1, 1001)])
    read = curves.read_curves(tmp_path / "metrics.csv", lambda name: 10).curves["a"]
    assert read.images.tolist() == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
    assert np.array_equal(read.values, read.images**2)


def test_a_run_whose_process_is_gone_has_crashed(tmp_path):
    run = write_run(tmp_path / "run", status="running")
    assert read_run(run).status == "running"
    here = {"host": platform.node(), "pid": os.getpid()}
    summary.update(run, process=here)
    assert read_run(run).status == "running"
    for pid in (2**22 + 1, 2**80, "x", None):
        summary.update(run, process=here | {"pid": pid})
        assert read_run(run).status_text == "crashed: its process no longer exists"


def test_a_game_of_several_pairs_has_the_parameters_of_all_of_them(tmp_path):
    run = write_run(tmp_path / "run")
    summary.update(
        run,
        parameters={"discriminator_4": 10, "generator_4": 20, "discriminator_8": 3, "generator_8": 4},
        images_per_update={"discriminator_4": 64, "generator_4": 128, "discriminator_8": 64, "generator_8": 128},
    )
    assert read_run(run).parameters == (24, 13)
    assert read_run(run).images_per_update == 128


def test_a_run_of_an_older_version_stands_by_its_images(tmp_path):
    for name, budget, status in [("whole", 300, "finished"), ("part", 400, "unfinished")]:
        run = write_run(tmp_path / name, budget=budget)
        (run / "summary.json").unlink()
        read = read_run(run)
        assert read.status == status
        assert read.images_per_update is None
        assert read.parameters == (None, None)
        assert read.peak_memory_bytes is None


@pytest.mark.parametrize("content", ["{", "[]", '{"scores": 3}', '{"scores": [{"name": "fid_classifier"}, 3]}'])
def test_scores_that_cannot_be_read_leave_no_protocol(tmp_path, content):
    run = write_run(tmp_path / "run")
    (run / "scores.json").write_text(content)
    read = read_run(run)
    assert read.scores[0].protocol is None
    assert len(read.problems) == 2


@pytest.mark.parametrize("text", ["a: [", "- 1", "model: 3", "model: !!python/object:os.system {}"])
def test_a_folder_without_a_configuration_is_no_run(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    assert not isinstance(read_run(tmp_path), RunRecord)


def test_a_run_of_a_sweep_that_never_began_says_why(tmp_path):
    summary.update(tmp_path / ".", status="refused", reason="wasserstein needs a penalty")
    assert find_runs([str(tmp_path)]) == [tmp_path]
    assert read_run(tmp_path) == "refused: wasserstein needs a penalty"


def test_the_doctors_findings_are_read_once_each(tmp_path):
    line = "2026-01-01 10:00:00,1 doctor: mode collapse: samples are alike\n"
    run = read_run(write_run(tmp_path / "run", log=f"{line}2026-01-01 10:00:00,2 300 images\n{line}"))
    assert run.findings == ["mode collapse: samples are alike"]


def test_runs_are_found_in_folders_and_patterns_each_once(tmp_path, monkeypatch):
    write_run(tmp_path / "sweep" / "loss=hinge,seed=[0]" / "x")
    write_run(tmp_path / "sweep" / "b")
    (tmp_path / "sweep" / "b" / "checkpoints").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "sweep" / "b")
    (tmp_path / "sweep" / "loop").symlink_to(tmp_path / "sweep")
    monkeypatch.chdir(tmp_path)
    found = find_runs(["sweep", "sweep/b", "sweep/*", "link", "sweep/loss=hinge,seed=[0]"])
    assert sorted(path.name for path in found) == ["b", "x"]


def test_places_without_runs_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"absent: no such folder"):
        find_runs([str(tmp_path / "absent")])
    with pytest.raises(UserError, match=r"no run in .*: a run's folder contains a config.yaml"):
        find_runs([str(tmp_path)])


def test_postscript_among_the_samples_starts_no_program(tmp_path, monkeypatch):
    ghostscript, started = tmp_path / "gs", tmp_path / "started"
    ghostscript.write_text(f"#!/bin/sh\ntouch {started}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    picture = tmp_path / "00000256.png"
    Image.new("RGB", (4, 4)).save(picture, "EPS")
    assert data_uri(picture) == ""
    assert not started.exists()


@pytest.mark.parametrize(("levels", "is_read"), [(100, True), (101, False), (900, False)])
def test_json_is_read_only_as_deep_as_everything_can_write_it_again(tmp_path, levels, is_read):
    (tmp_path / summary.FILE).write_text('{"x": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}")
    assert bool(summary.read(tmp_path)) == is_read


def test_a_picture_that_is_broken_anywhere_is_left_out(tmp_path):
    path = tmp_path / "00000256.png"
    Image.new("RGB", (4, 4)).save(path)
    whole = path.read_bytes()
    # Of a wrong length of the data, Pillow says SyntaxError.
    for place, byte in itertools.product(range(len(whole)), (0, 1, 255)):
        path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
        assert data_uri(path) == "" or "image/webp" in data_uri(path)


def test_a_run_with_a_link_out_of_its_folder_is_left_out(tmp_path):
    run = write_run(tmp_path / "run", pictures=2)
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"mine")
    (run / "samples" / "00009999.png").symlink_to(secret)
    assert "outside of the run's folder: remove it" in read_run(run)


@pytest.mark.parametrize("name", ["metrics.csv", "log.txt", "samples/00009999.png"])
@pytest.mark.timeout(20)
def test_a_named_pipe_keeps_nobody_waiting(tmp_path, name):
    run = write_run(tmp_path / "run", pictures=2)
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    record = read_run(run)
    assert record.findings == []
    assert record.fingerprint
    assert len(frames_by_run([run])[0]) == 2
    assert (record.problems == ["metrics.csv cannot be read: not a file"]) == (name == "metrics.csv")


@pytest.mark.parametrize("key", ["value", "images_seen"])
def test_a_number_that_no_float_can_hold_is_no_score(tmp_path, key):
    run = write_run(tmp_path / "run")
    listed = json.loads((run / "scores.json").read_text())
    listed["scores"].append({**listed["scores"][0], key: 10**400})
    (run / "scores.json").write_text(json.dumps(listed))
    recorded = json.loads((run / "summary.json").read_text()) | {"images_seen": 10**400}
    (run / "summary.json").write_text(json.dumps(recorded))
    record = read_run(run)
    assert record.problems == ["scores.json: an entry lacks a name, a value or a protocol"]
    assert record.images_seen == 300
    assert is_score(listed["scores"][-1]) == (key == "images_seen")


def test_a_header_too_long_or_a_table_too_large_is_named(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run")
    table = run / "metrics.csv"
    whole = table.read_text()
    table.write_text("x" * 200_000 + whole)
    assert read_run(run).problems[0].startswith("metrics.csv cannot be read: field larger than")
    table.write_text(whole)
    monkeypatch.setattr(untrusted, "MAX_TEXT_BYTES", 10)
    assert read_run(run).problems[0] == "metrics.csv cannot be read: more than 10 bytes"
