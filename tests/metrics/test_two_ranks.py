"""Two processes that share the samples score as one."""

import json
import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from fakes import RealFeatures, features

from ganexp.errors import UserError
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.modes import Modes
from ganexp.metrics.neighbours import DensityCoverage, PrecisionRecall
from two_ranks import start_method

SAMPLES = 41


class Mixture:
    """Two modes of a plane, without the imports of ganexp.data."""

    centres = torch.tensor([[0.2, 0.2], [0.7, 0.7]], dtype=torch.float64)
    std = 0.1


def metrics():
    reference = RealFeatures(features(50, 16))
    return [
        FrechetDistance(reference, SAMPLES),
        InceptionScore(None, SAMPLES),
        KernelDistance(reference, SAMPLES, subsets=5, subset_size=20),
        PrecisionRecall(reference, SAMPLES),
        DensityCoverage(reference, SAMPLES),
    ]


def scores_of(rank, ranks):
    fake = features(SAMPLES, 16, seed=1)
    points = torch.rand(SAMPLES, 2, generator=torch.Generator().manual_seed(0))
    every = [(metric, fake) for metric in metrics()] + [(Modes(None, SAMPLES, Mixture()), points)]
    for metric, values in every:
        for numbers in torch.arange(rank, SAMPLES, ranks).split(6):
            metric.update(values[numbers], numbers)
    return [metric.compute() for metric, _ in every]


def few_samples(rank):
    """Only the first rank has samples; the other has the empty batch."""
    metric = FrechetDistance(RealFeatures(features(50, 16)), 5)
    numbers = torch.arange(5 if rank == 0 else 0)
    metric.update(features(5, 16, seed=1)[numbers], numbers)
    return metric.compute()


def complaint(rank):
    """Only the second rank has samples that are not finite."""
    metric = FrechetDistance(RealFeatures(features(50, 16)), 4)
    metric.update(torch.full((2, 16), float("nan") if rank else 0.0), torch.arange(2))
    with pytest.raises(UserError) as error:
        metric.compute()
    return str(error.value)


def work(rank, folder):
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    # A file needs no port, which another process could take first.
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    values = flat([*scores_of(rank, 2), few_samples(rank)]).tolist()
    (folder / f"{rank}.json").write_text(json.dumps([values, complaint(rank)]))
    dist.destroy_process_group()


def flat(scores):
    """Return the values and spreads of all metrics in one list."""
    return torch.tensor(
        [number for each in scores for s in each.values() for number in s if number is not None], dtype=torch.float64
    )


def test_two_ranks_score_as_one(tmp_path):
    mp.start_processes(work, (tmp_path,), nprocs=2, start_method=start_method())
    one = flat([*scores_of(0, 1), few_samples(0)])
    for rank in range(2):
        two, complained = json.loads((tmp_path / f"{rank}.json").read_text())
        assert torch.allclose(torch.tensor(two, dtype=torch.float64), one, rtol=1e-10, atol=0)
        assert "2 of 4 samples" in complained
