"""GPUs that a run asks for and cannot use are named in one line, before any data are loaded."""

import pytest
import torch

from ganexp.data import images
from ganexp.errors import UserError
from ganexp.training import gpus
from support.runs import NETWORKS

TINY = [*NETWORKS, "data.batch_size=64", "metric=none", "images=256"]
GIB = 1 << 30
TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: …"
)


@pytest.fixture
def machine(monkeypatch):
    """A machine with GPUs, as torch would describe it."""

    def with_gpus(count, capability=(9, 0), free=60 * GIB, broken=None):
        def init():
            if broken is not None:
                raise broken

        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("LOCAL_RANK", raising=False)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0 and broken is None)
        monkeypatch.setattr(torch.cuda, "init", init)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80 * GIB))

    return with_gpus


@pytest.fixture
def refused(ganexp, here, monkeypatch):
    """The line in which a run is refused, before its data are loaded and without anything left behind."""

    def refuse(*arguments):
        monkeypatch.setattr(images.ImageData, "setup", lambda *_: pytest.fail("data were loaded"))
        monkeypatch.setattr(images.ImageData, "prepare_data", lambda *_: pytest.fail("data were loaded"))
        outcome = ganexp(*TINY, *arguments)
        assert outcome.status == 2
        assert not list(here.rglob("config.yaml"))
        return outcome.complaint

    return refuse


def test_no_gpu(machine, refused):
    machine(0, broken=RuntimeError("Found no NVIDIA driver on your system. Please check that …"))
    assert refused("trainer=gpu") == (
        "trainer.accelerator=gpu: this machine has no GPU, or no NVIDIA driver; trainer=cpu trains on the processor"
    )
    assert refused("trainer=ddp").startswith("trainer.accelerator=gpu: this machine has no GPU")


def test_a_torch_without_cuda(machine, refused):
    machine(0, broken=AssertionError("Torch not compiled with CUDA enabled"))
    assert "this build of torch has no CUDA support; trainer=cpu" in refused("trainer=gpu")


def test_a_driver_that_is_too_old(machine, refused):
    machine(1, broken=RuntimeError(TOO_OLD))
    told = refused("trainer=gpu")
    assert "the NVIDIA driver is too old (it supports CUDA 11.4) for this torch, which needs CUDA" in told
    assert "update the driver" in told


@pytest.mark.parametrize(
    ("there", "devices", "told"),
    [
        (2, "4", "trainer.devices=4: this machine has 2 GPUs; trainer=ddp uses all there are"),
        (2, "[0,3]", "trainer.devices=[0, 3]: this machine has 2 GPUs, numbers 0 to 1; trainer=ddp uses all there are"),
        (1, "[1]", "trainer.devices=[1]: this machine has 1 GPU, only number 0; trainer=ddp uses all there are"),
    ],
)
def test_more_gpus_than_there_are(machine, refused, there, devices, told):
    machine(there)
    assert refused("trainer=ddp", f"trainer.devices={devices}").startswith(told)


@pytest.mark.parametrize("devices", ["abc", "1.5", "[a]", "[0,-1]", "[]", "true", "{a: 1}", "-2"])
def test_what_is_no_number_of_devices(refused, devices):
    assert "a whole number is expected, or a list such as trainer.devices=[0,2]" in refused(
        f"trainer.devices={devices}"
    )


def test_gpus_that_the_environment_hides(machine, refused, monkeypatch):
    machine(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert "this machine has 1 GPU (CUDA_VISIBLE_DEVICES=2);" in refused("trainer=ddp", "trainer.devices=2")


@pytest.mark.parametrize("trainer", ["gpu", "auto"])
def test_bfloat16_on_a_card_that_has_none(machine, refused, trainer):
    machine(1, capability=(7, 5))
    told = refused(f"trainer={trainer}", "trainer.precision=bf16-mixed")
    assert told == (
        "trainer.precision=bf16-mixed: GPU 0 (Tesla T4) has no bfloat16, which needs compute capability 8.0 and has "
        "7.5; choose trainer.precision=16-mixed or 32-true"
    )


@pytest.mark.parametrize("trainer", ["gpu", "auto"])
def test_a_gpu_that_another_program_fills(machine, refused, trainer):
    machine(1, free=100 << 20)
    assert refused(f"trainer={trainer}") == (
        "GPU 0 (Tesla T4) is full: 100 MiB of 80.0 GiB are free, other programs hold the rest (nvidia-smi lists them): "
        "choose another by trainer.devices=[N], or wait; trainer=cpu trains on the processor"
    )


def test_a_gpu_that_has_no_room_for_a_context_or_belongs_to_another(machine, refused, monkeypatch):
    machine(1)

    def busy(device):
        raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might …")

    monkeypatch.setattr(torch.cuda, "mem_get_info", busy)
    assert refused("trainer=gpu").startswith(
        "GPU 0 cannot be used (CUDA error: CUDA-capable device(s) is/are busy or unavailable): choose another"
    )


@pytest.mark.parametrize(
    ("devices", "rank", "own"), [(1, 0, 0), (-1, 1, 1), ([0, 3], 1, 3), ("0,3", 1, 3), ("2,", 0, 2), ([3], 0, 3)]
)
def test_each_rank_looks_at_its_own_gpu(monkeypatch, devices, rank, own):
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    assert gpus.local_device({"devices": devices}) == own


def test_what_works_is_not_refused(machine):
    machine(4)
    for devices in (1, 4, -1, "auto", [0, 3], "0,3", "3"):
        gpus.require_gpus({"accelerator": "gpu", "devices": devices})
    for precision in ("32-true", "16-mixed", "bf16-mixed", None):
        gpus.require_usable({"accelerator": "gpu", "devices": 1, "precision": precision})


def test_processors_need_no_gpu(machine):
    machine(0, broken=RuntimeError(TOO_OLD))
    for accelerator in ("cpu", "auto"):
        gpus.require_gpus({"accelerator": accelerator, "devices": 4})
        gpus.require_usable({"accelerator": accelerator, "devices": 4, "precision": "bf16-mixed"})


@pytest.mark.gpu
def test_this_machines_gpus_can_be_used():
    assert gpus.cuda_failure() is None
    gpus.require_gpus({"accelerator": "gpu", "devices": 1})
    gpus.require_usable({"accelerator": "gpu", "devices": 1, "precision": "32-true"})
    with pytest.raises(UserError, match="this machine has"):
        gpus.require_gpus({"accelerator": "gpu", "devices": 1000})
