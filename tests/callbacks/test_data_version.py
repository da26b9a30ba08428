from types import SimpleNamespace

from ganexp.callbacks.data_version import RecordDataVersion
from ganexp.records import changes, summary
from ganexp.records.data_version import recorded_version

FIRST, SECOND = f"content:{'a' * 32}", f"content:{'b' * 32}"


def train(folder, version, images_seen):
    """Start and end a training of data with a version."""
    data = SimpleNamespace() if version is None else SimpleNamespace(data_version=version)
    callback = RecordDataVersion(folder)
    callback.on_train_start(SimpleNamespace(datamodule=data), SimpleNamespace(images_seen=images_seen))
    callback.on_train_end(None, None)
    return recorded_version(summary.read(folder))


def test_other_data_than_before_are_recorded_as_a_change(tmp_path, caplog):
    assert train(tmp_path, FIRST, 0) == FIRST
    assert train(tmp_path, FIRST, 64) == FIRST
    assert (changes.recorded(summary.read(tmp_path)), caplog.text) == ([], "")
    assert train(tmp_path, SECOND, 96) == SECOND
    (change,) = changes.recorded(summary.read(tmp_path))
    assert (change.images, change.setting, change.before, change.after) == (96, "data", FIRST, SECOND)
    assert f"not the images that the run was trained on until now: {FIRST} before, now {SECOND}" in caplog.text


def test_versions_of_another_kind_and_runs_begun_anew_are_no_change(tmp_path, caplog):
    train(tmp_path, FIRST, 0)
    assert train(tmp_path, SECOND, 0) == SECOND
    assert train(tmp_path, f"files:{'c' * 32}", 64) == f"files:{'c' * 32}"
    assert (changes.recorded(summary.read(tmp_path)), caplog.text) == ([], "")


def test_data_without_a_version_record_none(tmp_path):
    assert train(tmp_path, None, 0) is None
