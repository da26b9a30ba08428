"""TensorBoard shows what metrics.csv holds, and the samples."""

import csv

import pytest

from ganexp import cli
from runs import TINY

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def test_event_files_have_the_curves_of_metrics_csv_and_the_samples(tmp_path):
    scored = ["metric=fid_classifier", "scoring.samples=64", "scoring.every=128"]
    assert cli.main([*TINY, *scored, "logger=tensorboard", f"run_dir={tmp_path / 'run'}"]) == 0
    events = event_accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"), {"images": 0, "scalars": 0})
    events.Reload()
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    names = [name for name in written[0] if name != "images"]
    # Lightning adds the number of passes over the data, always 0 here.
    assert set(events.Tags()["scalars"]) - {"epoch"} == set(names)
    for name in names:
        points = [(event.step, event.value) for event in events.Scalars(name)]
        assert points == [(int(row["images"]), pytest.approx(float(row[name]))) for row in written if row[name]]
    assert [event.step for event in events.Scalars("score/fid_classifier")] == [128, 256]
    assert events.Tags()["images"] == ["samples"]
    steps = [event.step for event in events.Images("samples")]
    assert [steps[0], steps[-1]] == [0, 256]


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    from ganexp.errors import UserError
    from ganexp.loggers import tensorboard

    def missing(*_, **__):
        raise ModuleNotFoundError("no tensorboard")

    monkeypatch.setattr(tensorboard.TensorBoardLogger, "__init__", missing)
    with pytest.raises(UserError, match=r"pip install 'ganexp\[tensorboard\]'"):
        tensorboard.TensorBoard(str(tmp_path))
