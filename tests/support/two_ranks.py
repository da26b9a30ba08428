"""Two processes on this machine that train or score together, shared by tests."""

import os
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from lightning.pytorch.plugins.environments import LightningEnvironment

from ganexp.distributed.strategy import AlternatingDDP


def start_method():
    """Return the start method of tests' processes: fork, which is fast, or spawn where a fork would inherit CUDA."""
    return "spawn" if torch.cuda.is_available() else "fork"


def on_two_ranks(work, *arguments):
    """Return what ``work(rank, *arguments)`` returns in each of two processes, tensors and plain values."""
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(_process, (Path(folder), work, arguments), nprocs=2, start_method=start_method())
        return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(2)]


def _process(rank, folder, work, arguments):
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ["LOCAL_RANK"] = str(rank)
    # A file needs no port, which another process could take first.
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.save(work(rank, *arguments), folder / f"{rank}.pt")
    dist.destroy_process_group()


def two_rank_trainer():
    """Return the settings of a Trainer that is one of two ranks."""
    return {"devices": 2, "strategy": AlternatingDDP(cluster_environment=LightningEnvironment())}
