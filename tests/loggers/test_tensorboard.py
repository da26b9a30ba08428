"""TensorBoard shows what metrics.csv holds, and the samples."""

import pytest

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


@pytest.fixture(scope="module")
def events(finished):
    events = event_accumulator.EventAccumulator(str(finished / "tensorboard"), {"images": 0, "scalars": 0})
    return events.Reload()


@pytest.mark.slow
def test_event_files_have_the_curves_of_metrics_csv_and_no_others(events, curves):
    # Lightning adds the number of passes over the data, always 0 here.
    assert set(events.Tags()["scalars"]) - {"epoch"} == set(curves)
    for name, points in curves.items():
        assert [(event.step, event.value) for event in events.Scalars(name)] == points


def test_event_files_have_the_grids_of_the_samples_folder(events, drawn):
    assert events.Tags()["images"] == ["samples"]
    assert [event.step for event in events.Images("samples")] == drawn


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    from ganexp.errors import UserError
    from ganexp.loggers import tensorboard

    def missing(*_, **__):
        raise ModuleNotFoundError("no tensorboard")

    monkeypatch.setattr(tensorboard.TensorBoardLogger, "__init__", missing)
    with pytest.raises(UserError, match=r"pip install 'ganexp\[tensorboard\]'"):
        tensorboard.TensorBoard(str(tmp_path))
