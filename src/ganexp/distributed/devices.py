"""The device that computes: which one, its name, and waiting for it."""

import torch


def select_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def is_gpu(device: torch.device) -> bool:
    """Return whether a device is a GPU, which computes while Python goes on, and has memory of its own."""
    return device.type == "cuda"


def device_name(device: torch.device) -> str:
    """Return the name of the GPU, or the number of threads on a CPU."""
    if is_gpu(device):
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type}, {threads} thread{'' if threads == 1 else 's'}"


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has computed what it was given; any other device computes at once."""
    if is_gpu(device):
        torch.cuda.synchronize(device)
