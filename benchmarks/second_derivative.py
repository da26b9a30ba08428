"""Time a turn of R3GAN's discriminator, whose penalties differentiate it twice, with three forms of convolution.

    python benchmarks/second_derivative.py [width=768] [size=32] [batch=64] [rounds=7] [turns=3] [deterministic=true]
        [profile=true] [device=cuda]

A turn is the relativistic loss, R1 and R2 of real and fake images and a step of Adam (arXiv 2501.05441). ``torch``
stands for torch.nn.Conv2d, whose double backward is general, ``twice`` for ``TwiceDifferentiableConv2d``, whose second
derivatives are convolutions, and ``merged`` for the latter with up to 8 groups computed as one, whose weight is 0
between them: more arithmetic in larger products. They take their turns alternately, ``turns`` in each of ``rounds``;
the table has the medians in ms, and how far gradients are from torch's. ``again`` judges the images a second time in
float32 for the penalties, ``logits`` takes the gradient of the logits that the loss has. Then the ten kernels that took
the longest, by torch.profiler, for each form in bfloat16.

Without a GPU it prints one line; ``device=cpu`` times a tiny network, to show that everything runs.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import gcd
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from ganexp.layers.twice_differentiable_convolution import TwiceDifferentiableConv2d, convolution
from ganexp.losses import Relativistic
from ganexp.networks.r3gan import Block, Discriminator
from ganexp.numerics.flags import Numerics, apply_numerics
from ganexp.penalties.base import CriticTurn
from ganexp.penalties.zero_centred import R1, R2

DEFAULTS = {"width": 768, "size": 32, "batch": 64, "rounds": 7, "turns": 3}
TINY = {"width": 16, "size": 16, "batch": 4, "rounds": 3, "turns": 1}
MERGED = 8
WARM_UP = 2
KERNELS = 10


class MergedGroups(TwiceDifferentiableConv2d):
    """A grouped convolution, up to `MERGED` groups of which are computed as one."""

    def forward(self, input: Tensor) -> Tensor:
        """Return maps (N, out_channels, H', W') from maps (N, in_channels, H, W)."""
        merged = gcd(self.groups, MERGED)
        blocks = self.weight.unflatten(0, (self.groups // merged, merged, -1))
        wide = torch.einsum("gmkchw,mn->gmknchw", blocks, torch.eye(merged, dtype=blocks.dtype, device=blocks.device))
        output = convolution(input, wide.flatten(0, 2).flatten(1, 2), self.zeros, self.groups // merged)
        return output if self.bias is None else output + self.bias.to(output.dtype)[:, None, None]


FORMS: dict[str, Callable[..., nn.Conv2d]] = {
    "torch": nn.Conv2d,
    "twice": partial(TwiceDifferentiableConv2d, on_cpu=True),
    "merged": MergedGroups,
}


@dataclass(frozen=True)
class Way:
    """How a turn is computed."""

    bfloat16: bool
    channels_last: bool
    from_logits: bool  # whether the penalties use the logits in bfloat16; in float32 they always use the logits

    def __str__(self) -> str:
        precision, layout = ("bf16" if self.bfloat16 else "float32"), ("NHWC" if self.channels_last else "NCHW")
        return f"{precision:<8} {layout}  {'logits' if self.from_logits else 'again':<8}"


WAYS = [
    Way(bfloat16, channels_last, from_logits)
    for bfloat16, from_logits in ((False, True), (True, False), (True, True))
    for channels_last in (False, True)
]
PROFILED = Way(bfloat16=True, channels_last=True, from_logits=True)


def turn_of(form: str, way: Way, sizes: dict[str, int], device: torch.device) -> tuple[nn.Module, Callable[[], None]]:
    """Return a discriminator, equal in every form, and a function that takes one turn of it."""
    torch.manual_seed(0)
    network = Discriminator(3, sizes["size"], sizes["width"], FORMS[form])
    for module in network.modules():
        if isinstance(module, Block):  # they start as the identity
            nn.init.normal_(module.residual[4].weight, 0, 0.01)
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    network.to(device, memory_format=layout)
    shape = (sizes["batch"], 3, sizes["size"], sizes["size"])
    real, fake = ((torch.rand(shape) * 2 - 1).to(device, memory_format=layout) for _ in range(2))
    penalties = R1(0.05, autocast=way.from_logits), R2(0.05, autocast=way.from_logits)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.0, 0.99), fused=True)
    loss = Relativistic()

    def judged(images: Tensor, side: str) -> Tensor:
        return images.detach().requires_grad_(any(penalty.differentiates(side, images) for penalty in penalties))

    def turn() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=way.bfloat16, cache_enabled=False):
            images = judged(real, "real"), judged(fake, "fake")
            logits = [network(each) for each in images]
            leaves = [each if each.requires_grad else None for each in images]
            seen = CriticTurn(network, network, real, fake, *logits, no_draw, *leaves)
            total = loss.discriminator(*logits) + sum(penalty.term(seen) for penalty in penalties)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return network, turn


def no_draw(*_: Any) -> Tensor:
    """Refuse to draw random numbers, which neither penalty needs."""
    raise RuntimeError("R1 and R2 draw nothing")


def seconds(turn: Callable[[], None], turns: int, device: torch.device) -> float:
    """Return the seconds that a turn takes, on average."""
    wait(device)
    start = time.perf_counter()
    for _ in range(turns):
        turn()
    wait(device)
    return (time.perf_counter() - start) / turns


def wait(device: torch.device) -> None:
    """Wait until the device has computed everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def compared(way: Way, sizes: dict[str, int], device: torch.device) -> str:
    """Return a row of the table: each form's ms a turn, and how far its gradients are from torch's."""
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    made = {form: turn_of(form, way, sizes, device) for form in FORMS}
    for _, turn in made.values():
        turn()
    gradients = [torch.cat([p.grad.flatten() for p in network.parameters()]) for network, _ in made.values()]
    apart = [((other - gradients[0]).norm() / gradients[0].norm()).item() for other in gradients]
    for number in range(WARM_UP + sizes["rounds"]):
        for form, (_, turn) in made.items():
            taken = seconds(turn, sizes["turns"], device)
            if number >= WARM_UP:
                times[form].append(taken)
    columns = [f"{median(taken) * 1e3:>9.1f} ({far:.0e})" for taken, far in zip(times.values(), apart, strict=True)]
    return "  ".join([str(way), *columns])


def kernels(form: str, sizes: dict[str, int], device: torch.device) -> str:
    """Return the kernels that took the longest in a turn, operations on a CPU, with their ms and share."""
    _, turn = turn_of(form, PROFILED, sizes, device)
    for _ in range(WARM_UP):
        turn()
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiled:
        turn()
        wait(device)
    attribute = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = [event for event in profiled.key_averages() if (event.device_type == DeviceType.CUDA) == on_gpu]
    taken = {event: getattr(event, attribute) / 1e3 for event in events}
    whole = sum(taken.values())
    longest = sorted(events, key=taken.__getitem__, reverse=True)[:KERNELS]
    rows = [
        f"  {taken[event]:>9.2f} ms {taken[event] / whole:>6.1%} {event.count:>5} x  {event.key[:100]}"
        for event in longest
    ]
    heading = f"{form}: {' '.join(str(PROFILED).split())}, {whole:.1f} ms of {'kernels' if on_gpu else 'operations'}"
    return "\n".join([heading, *rows])


def main(arguments: list[str]) -> None:
    """Print the table and the kernels."""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    if not set(given) <= {*DEFAULTS, "deterministic", "profile", "device"}:
        sys.exit(__doc__)
    device = torch.device(given.get("device", "cuda"))
    if device.type == "cuda" and not torch.cuda.is_available():
        print("second_derivative: no GPU that torch can use, nothing to time; device=cpu times a tiny network")
        return
    if device.type == "cpu":
        torch.set_num_threads(1)
    sizes = {name: int(given.get(name, value)) for name, value in (DEFAULTS if device.type == "cuda" else TINY).items()}
    deterministic = given.get("deterministic", "true") == "true"
    apply_numerics(Numerics(deterministic=deterministic), device.type)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    print(f"{name}, torch {torch.__version__}, deterministic={deterministic}, {sizes}")
    print("  ".join(["precision layout penalty", *(f"{form + ' ms (apart)':>17}" for form in FORMS)]))
    for way in WAYS:
        print(compared(way, sizes, device), flush=True)
    if given.get("profile", "true") == "true":
        for form in FORMS:
            print(kernels(form, sizes, device), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
