"""Time scoring, against the bare forward passes and against training.

    python benchmarks/scoring.py pass [samples=4096] [rounds=5] [inception=yes]
    python benchmarks/scoring.py fid [samples=50000]
    python benchmarks/scoring.py training [rounds=2] [any override, such as images=60_000]

``pass``: FID, Inception Score, KID, precision and recall of a DCGAN's samples of 32x32 at once, against a loop that
only calls generator and extractor on as many blocks, alternating in one process. The computation at the end is timed
separately, and so are the real images' features, which are cached afterwards. The pictures are random, and so are
Inception's weights, neither of which changes the time.

``fid``: samples per second of a DCGAN's generator at 32x32, of Inception, and of the whole Fréchet distance with what
remains beside these two, on a GPU where there is one: Inception in float32, in float32 with channels_last, and in
bfloat16 with channels_last, which is another protocol. The whole pass takes all samples, each part a tenth of them.

``training``: the default run with its scores against metric=none, each as a process from start to end; once with an
empty cache, where a classifier is trained first, and once with a filled one. CPU time is printed beside wall time, as
other programs on the machine disturb it less.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from ganexp.config import composition
from ganexp.config.build import build
from ganexp.data.memory import InMemory
from ganexp.drawing.pictures import are_finite, as_bytes, as_saved
from ganexp.metrics.reference import RealImages
from ganexp.metrics.scoring import RealSet, Scoring, build_extractors
from ganexp.numerics.flags import full_precision
from ganexp.numerics.randomness import BLOCK, blocks
from ganexp.terminal.progress import progress
from ganexp.variants.gan import GAN

REALS = 2_560
SIDE = 32
METRICS = {False: ("fid", "is", "kid", "prc"), True: ("fid", "is", "kid", "prc_inception")}
"""The metrics in a classifier's features, and in Inception's."""
TURN = 4  # blocks of one loop before it is the other's turn
BUDGET = "images=60_000"


def wait() -> None:
    """Wait for the device, so that a clock reads finished work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time that some work takes."""
    wait()
    started = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - started


def random_inception(path: Path) -> None:
    """Write torch-fidelity's network with random weights to a file."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):
        """The network as it is before its weights are read."""

        def load_state_dict(self, *_: object) -> None:
            """Keep the random weights."""

    torch.save({}, path)
    torch.save(Untrained("random", ["2048", "logits_unbiased"], str(path)).state_dict(), path)


def scoring_of(folder: Path, inception: bool, samples: int, device: torch.device) -> Scoring:
    """Return a scoring like that of `ganexp evaluate`, against random pictures."""
    suffix = "" if inception else "_classifier"
    overrides = [f"metric=[{','.join(name + suffix for name in METRICS[inception])}]"]
    if inception:
        random_inception(folder / "random.pth")
        overrides.append(f"extractor.inception.weights={folder / 'random.pth'}")
    config = composition.compose("evaluate", overrides)
    rng = torch.Generator().manual_seed(0)
    count = samples if inception else REALS
    pictures = torch.randint(0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=rng)
    dataset = InMemory(pictures, torch.arange(count) % 10)
    real = RealImages(dataset, dataset.checksum())
    measurements = [metric for metric in build(config.metric).values() if metric is not None]
    extractors = build_extractors(measurements, build(config.extractor), real, device)
    reals = [RealSet(real, {"data": "random pictures", "split": "all"})]
    return Scoring(measurements, extractors, reals, [samples], {"source": "generator"}, device)


def bare_pass(generator: nn.Module, extractor: nn.Module, blocks: Sequence[Tensor], device: torch.device) -> None:
    """Call generator and extractor, with only the conversion to uint8 between them."""
    for numbers in blocks:
        fakes = generator(torch.rand(len(numbers), 100, device=device) * 2 - 1)
        extractor(((fakes + 1) * 127.5).byte())


@torch.inference_mode()
def compare_passes(samples: int, rounds: int, inception: bool) -> None:
    """Print times and ratios of the pass, and the times of the final computation."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build(composition.compose("train", ["model=dcgan", "data=cifar10"]).model).to(device).eval()
    all_blocks = blocks(samples)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANEXP_CACHE"] = folder
        scoring = scoring_of(Path(folder), inception, samples, device)
        (extractor,) = scoring.extractors.values()

        def score(part: Sequence[Tensor]) -> None:
            for numbers in part:
                scoring.update(as_saved(model.sampler.numbered(numbers, 0)), numbers)
                advance(len(numbers))

        bare_pass(model.average.network, extractor, all_blocks[:TURN], device)
        times: dict[str, list[float]] = {"scoring": [], "bare": [], "compute": []}
        for _ in range(1 + rounds):
            scored = bare = 0.0
            with progress("scoring", samples) as advance:
                for first in range(0, len(all_blocks), TURN):
                    part = all_blocks[first : first + TURN]
                    scored += seconds(lambda part=part: score(part))
                    bare += seconds(lambda part=part: bare_pass(model.average.network, extractor, part, device))
            times["scoring"].append(scored)
            times["bare"].append(bare)
            times["compute"].append(seconds(scoring.compute))
    # The first round computes the real images' features.
    first, *later = times["compute"]
    passes = list(zip(times["scoring"][1:], times["bare"][1:], strict=True))
    ratios = sorted(a / b for a, b in passes)
    whole = median((a + c) / b for (a, b), c in zip(passes, later, strict=True))
    where = "Inception's" if inception else "the classifier's"
    print(
        f"{', '.join(METRICS[inception])} in {where} features, {samples:,} samples of {SIDE}x{SIDE} on {device.type}:"
    )
    print(f"pass: scoring {median(a for a, _ in passes):.3f} s, bare {median(b for _, b in passes):.3f} s")
    print(f"pass, scoring / bare: median {median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
    print(f"at the end: {median(later):.3f} s, with it {whole:.3f} of the bare pass; the first time {first:.3f} s")


PRECISIONS = {
    "float32": ("inception", ["extractor.inception.channels_last=false"]),
    "float32, channels_last": ("inception", ["extractor.inception.channels_last=true"]),
    "bfloat16, channels_last": ("inception_bf16", []),
}
"""Extractor and its overrides."""


def fid_of(folder: Path, extractor: str, overrides: Sequence[str], samples: int, device: torch.device) -> Scoring:
    """Return the scoring of a Fréchet distance in Inception's features, with random weights and real images."""
    metric = "fid" if extractor == "inception" else "fid_bf16"
    weights = f"extractor.inception.weights={folder / 'random.pth'}"
    config = composition.compose("evaluate", [f"metric=[{metric}]", weights, *overrides])
    pictures = torch.randint(0, 256, (REALS, 3, SIDE, SIDE), dtype=torch.uint8)
    dataset = InMemory(pictures, torch.zeros(REALS, dtype=torch.int64))
    real = RealImages(dataset, dataset.checksum())
    measurements = [one for one in build(config.metric).values() if one is not None]
    extractors = build_extractors(measurements, build(config.extractor), real, device)
    return Scoring(measurements, extractors, [RealSet(real, {"data": "random"})], [samples], {}, device)


@torch.inference_mode()
def time_fid(samples: int) -> None:
    """Print samples a second of the generator, of Inception and of the whole, as a Markdown table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    game = build(composition.compose("train", ["model=dcgan", "data=cifar10"]).model).to(device).eval()
    print(f"FID of {samples:,} samples of {SIDE}x{SIDE} on {device_name(device)}, torch {torch.__version__}")
    print("| Inception | generator, samples/s | Inception, samples/s | whole, samples/s | rest, share | distance, s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder, full_precision():
        os.environ["GANEXP_CACHE"] = folder
        random_inception(Path(folder) / "random.pth")
        for name, (extractor, overrides) in PRECISIONS.items():
            scoring = fid_of(Path(folder), extractor, overrides, samples, device)
            drawing, extracting, whole, distance = fid_times(game, scoring, samples)
            rest = 1 - (drawing + extracting) / whole
            rates = " | ".join(f"{1 / one:,.0f}" for one in (drawing, extracting, whole))
            print(f"| {name} | {rates} | {rest:.1%} | {distance:.2f} |", flush=True)


def fid_times(game: GAN, scoring: Scoring, samples: int) -> tuple[float, float, float, float]:
    """Return seconds: a sample's in the generator, in the extractor and in the whole pass, and the distance's."""
    (extractor,) = scoring.extractors.values()
    images = torch.randint(0, 256, (BLOCK, 3, SIDE, SIDE), dtype=torch.uint8, device=scoring.device)
    every, part = blocks(samples), blocks(BLOCK * max(1, samples // BLOCK // 10))

    def draw() -> None:
        for numbers in part:
            as_bytes(game.sampler.numbered(numbers, 0))

    def extract() -> None:
        for _ in part:
            extractor(images)

    def score(some: Sequence[Tensor]) -> None:
        for numbers in some:
            drawn = game.sampler.numbered(numbers, 0)
            scoring.update(as_bytes(drawn), numbers, are_finite(drawn))

    score(part[:TURN])
    scoring.compute()  # reduces the real images
    drawing, extracting = seconds(draw), seconds(extract)
    whole = seconds(lambda: score(every))
    of_part = BLOCK * len(part)
    return drawing / of_part, extracting / of_part, whole / samples, seconds(scoring.compute)


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or "the CPU"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def cpu_seconds() -> float:
    """Return the CPU time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def train(overrides: Sequence[str], cache: Path) -> tuple[float, float, str]:
    """Return the wall and CPU time of a run in a separate process, and the time of scoring from its log."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ganexp", BUDGET, *overrides, f"run_dir={folder}/run"]
        environment = {**os.environ, "GANEXP_CACHE": str(cache)}
        before = cpu_seconds()
        taken = seconds(lambda: subprocess.run(command, check=True, capture_output=True, env=environment))
        log = (Path(folder) / "run" / "log.txt").read_text().splitlines()
    report = next((line for line in log if "scoring took" in line), "no scores")
    return taken, cpu_seconds() - before, report


def compare_training(rounds: int, overrides: Sequence[str]) -> None:
    """Print the times of complete runs and their ratios."""
    setups = ("metric=none", "scores, empty cache", "scores, cached")
    times: dict[str, list[tuple[float, float]]] = {setup: [] for setup in setups}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for setup in setups:
                more = ["metric=none"] if setup == setups[0] else []
                *taken, report = train([*overrides, *more], Path(cache))
                times[setup].append((taken[0], taken[1]))
                print(f"{setup:<20} wall {taken[0]:6.1f} s, CPU {taken[1]:6.1f} s  ({report})", flush=True)
    for setup in setups[1:]:
        for kind, name in enumerate(("wall", "CPU")):
            ratios = sorted(a[kind] / b[kind] for a, b in zip(times[setup], times[setups[0]], strict=True))
            print(f"{setup} / none, {name}: median {median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")


def main(arguments: list[str]) -> None:
    """Print the figures."""
    names = ("samples", "rounds", "inception")
    options = dict(a.split("=", 1) for a in arguments if a.partition("=")[0] in names)
    overrides = [a for a in arguments if "=" in a and a.partition("=")[0] not in names]
    inception = options.get("inception") == "yes"
    if ("fid" in arguments or inception) and find_spec("torch_fidelity") is None:
        sys.exit("scoring.py: Inception is that of torch-fidelity, which is not installed: pip install torch-fidelity")
    if "fid" in arguments:
        time_fid(int(options.get("samples", 50_000)))
        return
    if "training" not in arguments:
        samples = int(options.get("samples", 64 if inception else 4_096))
        compare_passes(samples, int(options.get("rounds", 5)), inception)
    if "pass" not in arguments:
        compare_training(int(options.get("rounds", 2)), overrides)


if __name__ == "__main__":
    composition.register_resolvers()
    main(sys.argv[1:])
