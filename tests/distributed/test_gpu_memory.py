"""What is said of a GPU whose memory is full follows from torch's own figures."""

import pytest
import torch

from ganexp.callbacks.progress import ImageProgress
from ganexp.callbacks.summary import Summary
from ganexp.distributed.gpu_memory import (
    MEBIBYTE,
    Shortage,
    fitting_accumulation,
    format_bytes,
    free_memory,
    out_of_memory_advice,
    out_of_memory_message,
    read_shortage,
    usage,
)
from ganexp.training.fit import out_of_memory
from support.tiny import make_gan

GIB = 1 << 30
TEXT = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 24.00 GiB of which 512.00 MiB is "
    "free. Process 41 has 3.50 GiB memory in use. Including non-PyTorch memory, this process has 20.00 GiB memory in "
    "use. Of the allocated memory 19.00 GiB is allocated by PyTorch, and 300.00 MiB is reserved by PyTorch but "
    "unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=…"
)
SHORTAGE = Shortage(2 * GIB, 24 * GIB, GIB // 2, 19 * GIB, 20 * GIB)


def test_torchs_figures_are_read():
    assert read_shortage(TEXT) == SHORTAGE
    assert SHORTAGE.available == 20 * GIB + GIB // 2


def test_without_this_processs_share_all_of_the_device_is_its_own():
    alone = read_shortage(TEXT.replace("this process has 20.00 GiB memory in use. ", ""))
    assert alone.in_use is None
    assert alone.available == 24 * GIB


@pytest.mark.parametrize("text", ["", "CUDA error: out of memory", TEXT.replace("is free", "is gone")])
def test_another_text_has_no_figures_and_general_advice(text):
    assert read_shortage(text) is None
    told = out_of_memory_advice(RuntimeError(text), 64, 1, 0)
    assert told == "the device's memory is full: lower data.batch_size, or raise model.accumulate"


@pytest.mark.parametrize("fixed", [0, GIB, 10 * GIB])
@pytest.mark.parametrize(("images", "accumulate"), [(64, 1), (64, 4), (60, 2), (7, 1)])
def test_the_estimate_is_the_smallest_divisor_above_that_fits(images, accumulate, fixed):
    found = fitting_accumulation(SHORTAGE, images, accumulate, fixed)
    needed = SHORTAGE.allocated + SHORTAGE.requested - fixed

    def fits(parts):
        return fixed + needed * accumulate / parts <= 0.9 * SHORTAGE.available

    larger = [parts for parts in range(accumulate + 1, images + 1) if images % parts == 0]
    assert found == next(parts for parts in larger if fits(parts))


def test_where_the_weights_alone_are_too_large_nothing_fits():
    assert fitting_accumulation(SHORTAGE, 64, 1, 19 * GIB) is None
    assert fitting_accumulation(SHORTAGE, 1, 1, 0) is None
    assert "not even one image at once fits" in out_of_memory_advice(RuntimeError(TEXT), 64, 1, 19 * GIB)


def test_the_line_says_what_was_free_how_much_there_is_and_what_would_fit():
    assert out_of_memory_advice(RuntimeError(TEXT), 64, 1, GIB) == (
        "the GPU's memory is full: 512 MiB of 24.0 GiB were free (this process held 20.0 GiB), 2.0 GiB more were "
        "needed; by a first estimate model.accumulate=2 fits, 32 of 64 images at once; or lower data.batch_size"
    )
    message = out_of_memory_message(RuntimeError(TEXT))
    assert message.startswith("the device's memory is full: 512 MiB of 24.0 GiB were free")


def test_weights_count_with_their_gradients_and_moments():
    module = make_gan(accumulate=2)
    weights = sum(4 * parameter.numel() for parameter in module.parameters())
    told = str(out_of_memory(RuntimeError(TEXT), module, 64))
    assert told == out_of_memory_advice(RuntimeError(TEXT), 64, 2, 4 * weights)


def test_data_on_the_gpu_do_not_depend_on_the_batch_and_are_named():
    module = make_gan(accumulate=2)
    weights = sum(4 * parameter.numel() for parameter in module.parameters())
    message = str(out_of_memory(RuntimeError(TEXT), module, 64, 3 * GIB))
    advice, _, freed = message.rpartition("; or data.device_memory_share=0")
    assert advice == out_of_memory_advice(RuntimeError(TEXT), 64, 2, 4 * weights + 3 * GIB)
    assert freed == ", which frees the 3.0 GiB of the data"


def test_only_a_gpu_reports_free_memory_and_what_torch_keeps_unused_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * GIB, 24 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2 * GIB)
    assert free_memory(torch.device("cuda:0")) == 6 * GIB
    assert free_memory(torch.device("cpu")) is None


def test_a_full_gpu_is_one_line_of_every_command(monkeypatch, capsys):
    from ganexp.cli import main, sample

    def full(arguments):
        raise torch.cuda.OutOfMemoryError(TEXT)

    monkeypatch.setattr(sample, "main", full)
    assert main.main(["sample"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ganexp: the device's memory is full: 512 MiB of 24.0 GiB were free")
    monkeypatch.setattr(sample, "main", lambda arguments: (_ for _ in ()).throw(RuntimeError("a fault of ours")))
    with pytest.raises(RuntimeError, match="a fault of ours"):
        main.main(["sample"])


def test_training_that_fills_a_gpu_ends_in_one_line(monkeypatch, capsys, tmp_path):
    from ganexp.cli import main
    from ganexp.variants.gan import GAN
    from support.runs import TINY

    def full(*_):
        raise torch.cuda.OutOfMemoryError(TEXT)

    monkeypatch.setattr(GAN, "training_step", full)
    assert main.main([*TINY, f"run_dir={tmp_path / 'run'}"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ganexp: the GPU's memory is full: 512 MiB of 24.0 GiB were free")
    assert last.endswith(
        "by a first estimate model.accumulate=2 fits, 32 of 64 images at once; or lower data.batch_size"
    )


@pytest.fixture
def gpu(monkeypatch):
    """A device whose memory torch reports as a GPU's."""
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 1234 * MEBIBYTE)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 2000 * MEBIBYTE)
    properties = type("Properties", (), {"total_memory": 24 * GIB})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    return torch.device("cuda:0")


def test_peaks_and_size_are_counted_in_mebibytes_on_a_gpu_only(gpu):
    assert usage(gpu) == {"peak_mib": 1234, "reserved_peak_mib": 2000, "device_mib": 24 * 1024}
    assert usage(torch.device("cpu")) is None


def test_the_progress_line_shows_the_peak_on_a_gpu_only(gpu):
    line = ImageProgress()
    line.curves = None
    assert line._metrics_text(gpu) == "GPU memory 1,234 MiB"
    assert line._metrics_text(torch.device("cpu")) == ""


def test_the_summary_holds_the_gpus_memory(gpu, tmp_path):
    from types import SimpleNamespace

    from ganexp.records import summary

    module = SimpleNamespace(device=gpu, images_seen=64, progress=lambda: 1.0)
    Summary(str(tmp_path)).on_train_end(SimpleNamespace(callbacks=[], fast_dev_run=False, max_epochs=None), module)
    known = summary.read(tmp_path)
    assert known["gpu_memory"] == usage(gpu)
    assert (known["peak_memory_bytes"], known["peak_memory_of"]) == (1234 * MEBIBYTE, "GPU")


@pytest.mark.parametrize(("count", "text"), [(512 * MEBIBYTE, "512 MiB"), (GIB, "1.0 GiB"), (1.5 * GIB, "1.5 GiB")])
def test_bytes_are_readable(count, text):
    assert format_bytes(count) == text


@pytest.mark.gpu
def test_the_text_of_a_real_shortage_has_all_figures():
    capacity = torch.cuda.get_device_properties(0).total_memory
    with pytest.raises(torch.cuda.OutOfMemoryError) as error:
        torch.empty(2 * capacity, dtype=torch.uint8, device="cuda")
    shortage = read_shortage(str(error.value))
    assert shortage is not None
    assert shortage.requested == pytest.approx(2 * capacity, rel=0.01)
    assert shortage.capacity == pytest.approx(capacity, rel=0.01)
