"""MLflow, Comet and Aim, each by a stand-in for its package: the same names, steps and grids as in metrics.csv."""

import csv
import sys

import pytest
from PIL import Image

from ganexp.cli import main
from ganexp.errors import UserError
from ganexp.loggers.aim import Aim
from ganexp.loggers.comet import Comet
from ganexp.loggers.mlflow import MLflow
from ganexp.loggers.run_id import read_run_id
from support import runs
from support.services import STAND_INS, stand_in_comet

LOGGERS = {"mlflow": MLflow, "comet": Comet, "aim": Aim}
PACKAGES = {"mlflow": "mlflow", "comet": "comet_ml", "aim": "aim"}
GRID = Image.new("RGB", (4, 4))


@pytest.fixture(params=LOGGERS)
def service(request, monkeypatch):
    """The name of a logger, its class, and what its package's stand-in was sent."""
    return request.param, LOGGERS[request.param], STAND_INS[request.param](monkeypatch)


def use(logger, images):
    logger.log_hyperparams({"images": images, "model": {"critic_steps": 1}})
    logger.log_metrics({"loss/generator/adversarial": 0.5, "score/fid": 3.0}, step=images)
    logger.log_image("samples", [GRID], step=images, caption=["columns: 0, 1"])
    logger.alert("mode collapse", "samples are alike")
    logger.finalize("success")


def test_values_and_grids_are_at_their_number_of_images(service, tmp_path):
    name, make, sent = service
    use(make(str(tmp_path), name="a-b-c-s0", group="a-b-c"), 128)
    assert sent.metrics == [("loss/generator/adversarial", 128, 0.5), ("score/fid", 128, 3.0)]
    assert sent.images == [("samples", 128)]
    # MLflow's pictures have no captions.
    assert sent.captions == [None if name == "mlflow" else "columns: 0, 1"]
    assert (sent.name, sent.project, sent.tags["group"], sent.ended) == ("a-b-c-s0", "ganexp", "a-b-c", 1)
    assert any("samples are alike" in str(tag) for tag in sent.tags.values())
    assert str(sent.settings["images"]) == "128"


def test_a_resumed_run_is_the_same_run(service, tmp_path):
    name, make, sent = service
    for images in (128, 256):
        use(make(str(tmp_path), name="n"), images)
    assert (len(sent.runs), sent.resumed) == (1, sent.runs)
    assert read_run_id(tmp_path / name / "id") == sent.runs[0]
    assert [step for _, step, _ in sent.metrics] == [128, 128, 256, 256]


def test_a_failure_ends_the_logging_with_one_line_and_nothing_else(service, tmp_path, caplog):
    name, make, _ = service
    logger = make(str(tmp_path), name="n")
    logger.log_metrics({"a": 1.0}, step=1)
    for image in (GRID, None):
        logger.log_image("samples", [image] if image else [], step=1)
        logger.log_metrics({"a": 1.0}, step=2)
    assert len([line for line in caplog.messages if line.startswith(f"{name}: logging failed and stops here")]) == 1


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path):
    for name, make in LOGGERS.items():
        monkeypatch.setitem(sys.modules, PACKAGES[name], None)
        with pytest.raises(UserError, match=rf"logger={name} needs a package: pip install 'ganexp\[{name}\]'"):
            make(str(tmp_path))


@pytest.mark.parametrize("text", ["../../etc", "a b", "", "x" * 65, "\0"])
def test_what_is_no_id_is_not_read_from_a_run_of_somebody_else(tmp_path, text):
    (tmp_path / "id").write_text(text)
    assert read_run_id(tmp_path / "id") is None
    assert read_run_id(tmp_path / "absent") is None


OFFLINE = {
    "no API key is set": {"key": None},
    "the server is down": {"online_error": ConnectionError("the server\nis down")},
}


@pytest.mark.parametrize(("reason", "settings"), OFFLINE.items(), ids=OFFLINE)
def test_comet_goes_offline_with_one_line(reason, settings, monkeypatch, tmp_path, caplog):
    sent = stand_in_comet(monkeypatch, **settings)
    use(Comet(str(tmp_path)), 128)
    (line,) = caplog.messages
    assert line.startswith(f"comet: offline, as {reason}")
    assert line.endswith(f"comet upload {tmp_path}/comet/*.zip")
    assert (sent.tags["online"], sent.tags["directory"]) == (False, str(tmp_path / "comet"))
    assert sent.ended == 1


def test_comet_stays_offline_where_that_is_chosen(monkeypatch, tmp_path, caplog):
    sent = stand_in_comet(monkeypatch)
    use(Comet(str(tmp_path), mode="offline"), 128)
    assert (sent.tags["online"], caplog.messages) == (False, [])


def test_a_database_that_cannot_be_opened_is_refused_in_one_line(monkeypatch, tmp_path):
    STAND_INS["mlflow"](monkeypatch)

    def broken(uri):
        raise OSError("no such\nscheme")

    monkeypatch.setattr("mlflow.tracking.MlflowClient", broken)
    with pytest.raises(UserError, match=r"^logger.mlflow.database=x://y: no such scheme$"):
        MLflow(str(tmp_path), database="x://y")


@pytest.mark.slow
def test_a_run_sends_what_metrics_csv_holds_under_its_name(monkeypatch, tmp_path):
    sent = {name: stand_in(monkeypatch) for name, stand_in in STAND_INS.items()}
    run = tmp_path / "run"
    assert main.main([*runs.TINY, "images=64", "logger=[mlflow,comet,aim]", f"run_dir={run}"]) == 0
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    written = [
        (name, int(row["images"]), pytest.approx(float(value)))
        for row in rows
        for name, value in row.items()
        if value and name != "images"
    ]
    grids = sorted(int(path.stem) for path in (run / "samples").glob("[0-9]*.png"))
    for service in sent.values():
        assert sorted(service.metrics) == sorted(written, key=lambda point: point[:2])
        assert service.images == [("samples", images) for images in grids]
        assert service.name.endswith("-s0")
        assert service.tags["group"] == service.name.removesuffix("-s0")
        assert service.ended == 1


@pytest.mark.slow
def test_mlflow_itself_reads_the_run_back(monkeypatch, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="pip install 'ganexp[mlflow]'")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    database = (tmp_path / "store").as_uri()
    for images in (128, 256):
        use(MLflow(str(tmp_path), name="n", database=database), images)
    client = mlflow.MlflowClient(database)
    run = client.get_run(read_run_id(tmp_path / "mlflow" / "id"))
    history = client.get_metric_history(run.info.run_id, "score/fid")
    assert [(point.step, point.value) for point in history] == [(128, 3.0), (256, 3.0)]
    assert (run.info.run_name, run.info.status) == ("n", "FINISHED")
    assert (run.data.params["images"], run.data.tags["resumed.images"]) == ("128", "256")
