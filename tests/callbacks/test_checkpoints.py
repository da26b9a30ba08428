"""Checkpoints are written beside training, and nothing is lost when it ends, fails or is interrupted."""

import errno
import threading
import time

import lightning as L
import pytest
import torch

from ganexp.callbacks.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO, LastCheckpoint, keep_numbered
from ganexp.callbacks.snapshot import Snapshot
from ganexp.errors import Diverged
from ganexp.files.background import BackgroundTasks
from ganexp.runs.checkpoint_diff import differences
from support.tiny import adam, fit, make_gan


class OnBatch(L.Callback):
    """Calls a function with the number of batches after each of them."""

    def __init__(self, function):
        self.function = function

    def on_train_batch_end(self, trainer, module, *_):
        self.function(module.batches_seen)


@pytest.fixture
def writing(monkeypatch):
    """Replaces what happens before a checkpoint is written by a function of the number of checkpoints so far."""
    write = AtomicCheckpointIO.save_checkpoint

    def replace(before):
        count = 0

        def save_checkpoint(self, checkpoint, path, storage_options=None):
            nonlocal count
            count += 1
            before(count)
            write(self, checkpoint, path)

        monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", save_checkpoint)

    return replace


def play(folder, batches=4, callbacks=(), **settings):
    folder.mkdir(exist_ok=True)
    module = make_gan(optimizer=adam)
    fit(module, batches, [LastCheckpoint(str(folder), every=16, **settings), *callbacks])
    return module


def images_seen(folder, name="last"):
    return torch.load(folder / f"{name}.ckpt", weights_only=True)["ganexp"]["images_seen"]


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path, writing):
    may_write = threading.Event()
    writing(lambda count: may_write.wait(60))
    before = []

    def after_batch(number):
        if number == 3:
            before.append((tmp_path / "last.ckpt").exists())
            may_write.set()

    play(tmp_path, 4, [OnBatch(after_batch)])
    assert before == [False]
    assert images_seen(tmp_path) == 32


@pytest.mark.parametrize("keep", [1, 2])
def test_what_is_written_beside_training_is_what_training_would_have_waited_for(tmp_path, keep):
    for folder, asynchronous in [("beside", True), ("waiting", False)]:
        play(tmp_path / folder, 6, keep=keep, asynchronous=asynchronous)
    names = [sorted(path.name for path in (tmp_path / folder).iterdir()) for folder in ("beside", "waiting")]
    assert names[0] == names[1] == (["last.ckpt"] if keep == 1 else ["00000032.ckpt", "00000048.ckpt", "last.ckpt"])
    for name in names[0]:
        one, other = (torch.load(tmp_path / folder / name) for folder in ("beside", "waiting"))
        assert differences(one, other) == []
        if name != "last.ckpt":
            assert images_seen(tmp_path / "beside", name.removesuffix(".ckpt")) == int(name.removesuffix(".ckpt"))


def test_a_users_copy_of_a_kept_checkpoint_is_left_alone(tmp_path):
    copy = tmp_path / "00000016 (copy).ckpt"
    copy.write_text("the user's own")
    (tmp_path / "last.ckpt").write_text("the last one")
    for images in (32, 48, 64):
        keep_numbered(tmp_path / "last.ckpt", images, count=2)
    names = ["00000016 (copy).ckpt", "00000048.ckpt", "00000064.ckpt", "last.ckpt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_step_waits_until_optimizer_states_and_moving_averages_are_copied(tmp_path, monkeypatch):
    complete = Snapshot.complete

    def late(self):
        time.sleep(0.2)
        complete(self)

    play(tmp_path / "waiting", 4, keep=2, asynchronous=False)
    monkeypatch.setattr(Snapshot, "complete", late)
    play(tmp_path / "beside", 4, keep=2)
    one, other = (torch.load(tmp_path / folder / "00000016.ckpt") for folder in ("beside", "waiting"))
    assert differences(one, other) == []


@pytest.mark.parametrize("asynchronous", [True, False])
def test_weights_that_are_not_finite_never_become_a_checkpoint(tmp_path, asynchronous):
    tmp_path.joinpath("checkpoints").mkdir()
    checkpoints = LastCheckpoint(str(tmp_path / "checkpoints"), every=16, asynchronous=asynchronous)
    batches = []

    class Spoil(L.Callback):
        def on_train_batch_end(self, trainer, module, *_):
            batches.append(module.batches_seen)
            if module.batches_seen == 4:
                next(module.generator.parameters()).data.fill_(torch.nan)

    with pytest.raises(Diverged, match=r"the weights generator\S* are not finite"):
        fit(make_gan(optimizer=adam), 8, [Spoil(), checkpoints])
    assert batches == [1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert images_seen(tmp_path / "checkpoints") == 16


def test_a_checkpoint_that_cannot_be_written_ends_training_and_is_not_kept(tmp_path, writing):
    def full(count):
        if count == 2:
            raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")

    writing(full)
    batches = []
    with pytest.raises(OSError, match="No space left on device"):
        play(tmp_path, 40, [OnBatch(batches.append)], keep=3)
    assert 4 <= len(batches) <= 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000016.ckpt", "last.ckpt"]
    assert images_seen(tmp_path) == 16


def test_a_checkpoint_that_is_removed_while_it_is_written_does_not_come_back(tmp_path, writing):
    may_write = threading.Event()
    writing(lambda count: may_write.wait(60))
    tasks = BackgroundTasks()
    checkpoint_io = BackgroundCheckpointIO(tasks)
    checkpoint_io.save_checkpoint({"state_dict": {}}, tmp_path / "one.ckpt")
    checkpoint_io.remove_checkpoint(tmp_path / "one.ckpt")
    threading.Timer(0.1, may_write.set).start()
    checkpoint_io.save_checkpoint({"state_dict": {}}, tmp_path / "two.ckpt")
    checkpoint_io.teardown()
    assert [path.name for path in tmp_path.iterdir()] == ["two.ckpt"]


def test_an_error_of_training_leaves_the_checkpoint_that_was_being_written(tmp_path, writing, caplog):
    may_write = threading.Event()
    writing(lambda count: may_write.wait(60))

    def fail(number):
        if number == 3:
            threading.Timer(0.2, may_write.set).start()
            raise ValueError("another reason")

    with pytest.raises(ValueError, match="another reason"):
        play(tmp_path, 4, [OnBatch(fail)])
    assert images_seen(tmp_path) == 16


def test_an_error_of_writing_does_not_hide_why_training_ended(tmp_path, writing, caplog):
    may_write = threading.Event()

    def full(count):
        may_write.wait(60)
        raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")

    writing(full)

    def fail(number):
        if number == 2:
            threading.Timer(0.2, may_write.set).start()
            raise ValueError("another reason")

    with pytest.raises(ValueError, match="another reason"):
        play(tmp_path, 4, [OnBatch(fail)])
    assert "No space left on device" in caplog.text
