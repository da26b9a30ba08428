"""trackio's database holds what metrics.csv holds, and the samples, in one run."""

import sys
from importlib.util import find_spec

import pytest

from ganexp.cli.board import runs_below
from ganexp.errors import UserError
from ganexp.records import trackio_store

pytestmark = pytest.mark.skipif(find_spec("trackio") is None, reason="pip install 'ganexp[board]'")


@pytest.fixture(scope="module")
def trackio():
    return trackio_store.import_trackio(None)


@pytest.fixture(scope="module")
def run(finished, trackio):
    (found,) = [run for run in trackio.Api().runs("ganexp") if run.name == f"run in {finished.parent}"]
    return found


@pytest.fixture(scope="module")
def rows(run):
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage.get_logs("ganexp", run.name, run_id=run.id)


def points(rows, name):
    return [(row["images"], row[name]) for row in rows if name in row]


def test_a_resumed_run_is_one_run_with_every_figure_of_metrics_csv_over_images(rows, curves):
    names = {name for row in rows for name in row} - {"images", "samples", "step", "timestamp"}
    assert names == set(curves)
    for name, expected in curves.items():
        assert points(rows, name) == expected
    assert all(row["step"] == row["images"] for row in rows)


def test_it_has_the_grids_with_the_classes_of_their_columns(rows, drawn, trackio):
    pictures = points(rows, "samples")
    assert [images for images, _ in pictures] == drawn
    assert {picture["caption"] for _, picture in pictures} == {"columns: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"}
    media = trackio.utils.MEDIA_DIR
    assert all((media / picture["file_path"]).is_file() for _, picture in pictures)


def test_it_has_the_configuration_and_the_codes_version(run):
    assert run.config["model"]["critic_steps"] == 1
    assert run.config["code"]["ganexp"]


def test_the_board_finds_the_runs_in_or_below_a_folder(run, finished, trackio, tmp_path):
    assert runs_below(trackio, "ganexp", finished) == runs_below(trackio, "ganexp", finished.parent) == [run.id]
    for project in ("ganexp", "other"):
        with pytest.raises(UserError, match=f"logger.trackio.project={project}"):
            runs_below(trackio, project, tmp_path)


def test_one_process_has_one_database(trackio, tmp_path):
    with pytest.raises(UserError, match="trackio already writes to"):
        trackio_store.import_trackio(str(tmp_path))


def test_a_failure_while_training_ends_its_logging_and_not_the_training(trackio, tmp_path, monkeypatch, caplog):
    from ganexp.loggers.trackio import Trackio

    logger = Trackio(str(tmp_path))

    def full(**_):
        raise OSError("the disk\nis full")

    monkeypatch.setattr(trackio, "init", full)
    logger.log_hyperparams({})
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.log_metrics({"loss": 1.0}, step=2)
    assert caplog.messages == ["trackio: logging failed and stops here, training continues: the disk is full"]


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(UserError, match=r"pip install 'ganexp\[board\]'"):
        trackio_store.import_trackio(None)
