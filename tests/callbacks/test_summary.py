"""summary.json says how a run stands and what it cost, and changes nothing of it."""

import lightning as L
import pytest

from ganexp.callbacks.checkpoints import LastCheckpoint
from ganexp.callbacks.summary import Summary
from ganexp.records import peak_memory, summary
from support.tiny import fit, make_gan, same, state

BATCHES = 8


class Fails(L.Callback):
    def on_train_batch_end(self, trainer, module, *_):
        if module.images_seen == 16:
            raise OSError(28, "No space left on device")


def play(folder, batches=BATCHES, more=(), **options):
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    module = make_gan(images=BATCHES * 8, critic_steps=2)
    fit(module, batches, [LastCheckpoint(str(folder / "checkpoints"), 16), *more, Summary(str(folder))], **options)
    return module


def test_a_finished_run_says_what_it_cost(tmp_path):
    module = play(tmp_path)
    known = summary.read(tmp_path)
    weights = {name: sum(p.numel() for p in getattr(module, name).parameters()) for name in known["parameters"]}
    assert known["parameters"] == weights
    assert known["images_per_update"] == {"discriminator": 8, "generator": 16}
    assert (known["status"], known["images_seen"], known["resumed"]) == ("finished", 64, 0)
    assert known["started"] <= known["ended"]
    assert known["peak_memory_bytes"] > 1e7


def test_a_run_that_goes_on_keeps_its_start_and_its_peak(tmp_path):
    play(tmp_path, 5)
    stopped = summary.read(tmp_path)
    assert (stopped["status"], stopped["images_seen"]) == ("stopped", 40)
    summary.update(tmp_path, started="long ago", peak_memory_bytes=1 << 60)
    play(tmp_path, ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    known = summary.read(tmp_path)
    assert (known["status"], known["started"], known["resumed"]) == ("finished", "long ago", 1)
    assert known["peak_memory_bytes"] == 1 << 60


def test_a_run_that_failed_says_why(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        play(tmp_path, more=[Fails()])
    known = summary.read(tmp_path)
    assert (known["status"], known["images_seen"]) == ("crashed", 16)
    assert "No space left" in known["reason"]


def test_summing_up_does_not_change_training(tmp_path):
    alone = make_gan(images=BATCHES * 8, critic_steps=2)
    fit(alone, BATCHES)
    assert same(state(play(tmp_path)), state(alone))


def test_a_summary_that_cannot_be_read_is_none(tmp_path):
    (tmp_path / summary.FILE).write_text('{"status": "fin')
    assert summary.read(tmp_path) == {}
    summary.update(tmp_path, status=summary.STOPPED)
    assert summary.read(tmp_path) == {"status": "stopped"}


@pytest.mark.skipif(not peak_memory.CLEAR.exists(), reason="only Linux measures a process's peak anew")
def test_memory_that_was_given_back_is_no_part_of_a_new_peak():
    block = b"x" * 300_000_000
    assert peak_memory.peak_bytes() > len(block)
    del block
    peak_memory.reset_peak()
    before = peak_memory.peak_bytes()
    block = b"x" * 100_000_000
    assert 90e6 < peak_memory.peak_bytes() - before < 200e6, len(block)
