"""Training speed on a GPU: ganexp as users run it, and bare PyTorch loops, with and without CUDA graphs.

    python benchmarks/gpu.py [--quick] [games=dcgan-32-128,r3gan-32-64] [seconds=460] [rounds=7] [out=FILE] […]

For each game (MODEL-SIZE-BATCH, any of conf/model; the default is six) these take turns, block by block: ganexp eager,
ganexp with CUDA graphs, the same in bfloat16 with channels_last, a bare eager loop and a bare loop in CUDA graphs.
ganexp trains through its command line and Lightning's Trainer with its default callbacks: doctor, curves, sample
grids, checkpoints and progress bar, without scores. The bare loops train copies of the same networks with the same
losses, optimizers and moving average, and leave out the rest; they are in float32 with ganexp's numerical settings.
Images are random. A batch is one turn of the discriminator and, on every k-th batch, one of the generator.

Each has a process of its own, of which one works at a time: peak memory is that process's, and "first batch" is from
the start of training (for ganexp, of fit) to the end of the first batch, without imports, data and the CUDA context.
One that fails has its reason in the table; one for which the memory does not suffice beside the others is repeated
alone.

  --quick   two games in 90 seconds
  games     only these (MODEL, MODEL-SIZE or MODEL-SIZE-BATCH), or all: every model of conf/model
  seconds   for everything; what would begin later is listed as missing (default 460, with --quick 90)
  rounds    number of blocks of each (default 7, with --quick 3)
  out       also write the table to this file
  device    cuda, or cpu, which shows without a GPU that everything runs

Further arguments are ganexp's overrides, such as graphs.check=false or data.batch_size=32.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from gpu_games import GAMES, WAYS, Game, Way, chosen_games, cycle, task  # noqa: E402
from gpu_workers import LATE, Worker, WorkerError, environment  # noqa: E402
from interleaved import Budget, block_sizes, middle, take_turns  # noqa: E402
from speed_table import Row, table  # noqa: E402

OPTIONS = {"games": "", "seconds": "", "rounds": "", "out": "", "device": "cuda"}
DEFAULTS, QUICK = {"seconds": "460", "rounds": "7"}, {"seconds": "90", "rounds": "3"}
PACKAGES = {
    "hydra": "hydra-core",
    "omegaconf": "omegaconf",
    "lightning": "lightning",
    "torchmetrics": "torchmetrics",
    "scipy": "scipy",
    "numpy": "numpy",
    "PIL": "pillow",
    "rich": "rich",
}
"""What ganexp needs for training: module and package."""
WARM_UP = 6
"""The number of cycles before the timing, in which graphs are captured."""
BLOCK_SECONDS = 0.4
ALONE = "measured alone: the memory did not suffice beside the others"
IMPORTS = 40.0
"""Seconds that the first game is expected to take at least."""


@dataclass(frozen=True)
class Settings:
    """What is measured, for how long and where to."""

    games: tuple[Game, ...]
    seconds: float
    rounds: int
    out: Path | None
    device: str
    overrides: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Measure as the arguments say and return the exit status."""
    settings = parse(arguments)
    if settings.device == "cuda" and (reason := no_gpu()) is not None:
        print(f"gpu.py: nothing was measured: {reason}")
        return 0
    if missing := [package for module, package in PACKAGES.items() if find_spec(module) is None]:
        print(f"gpu.py: needs {' and '.join(missing)}: pip install {' '.join(missing)}")
        return 1
    budget = Budget(settings.seconds)
    rows: list[Row] = []
    longest = min(IMPORTS, settings.seconds / 3)
    with tempfile.TemporaryDirectory(prefix="ganexp-gpu-") as folder:
        for number, game in enumerate(settings.games):
            if budget.left() < longest:
                rows += [not_measured(late) for late in settings.games[number:]]
                break
            began = budget.left()
            rows += measured(game, settings, Path(folder) / str(number), budget)
            longest = max(longest, began - budget.left())
            print(table(rows[-len(WAYS) :]), flush=True)
    report = f"{table(rows)}\n\n{machine(settings.device)}, {settings.rounds} blocks each, {time.strftime('%Y-%m-%d')}"
    print(f"\n{report}")
    if settings.out is not None:
        settings.out.write_text(f"{report}\n")
    return 0


def parse(arguments: list[str]) -> Settings:
    """Return the settings; ends the program with one line for a value that makes no sense."""
    quick = "--quick" in arguments
    given = dict(a.split("=", 1) for a in arguments if a.partition("=")[0] in OPTIONS and "=" in a)
    overrides = tuple(a for a in arguments if a.partition("=")[0] not in OPTIONS and a != "--quick")
    options = {**OPTIONS, **(QUICK if quick else DEFAULTS), **given}
    unknown = [a for a in overrides if "=" not in a]
    if unknown or options["device"] not in ("cuda", "cpu"):
        raise SystemExit(f"gpu.py: {' '.join(unknown) or 'device=' + options['device']}: no such option\n{__doc__}")
    try:
        seconds, rounds = float(options["seconds"]), int(options["rounds"])
    except ValueError as error:
        raise SystemExit(f"gpu.py: {error}: seconds and rounds are numbers") from None
    if seconds <= 0 or rounds < 1:
        raise SystemExit(f"gpu.py: seconds={seconds:g} rounds={rounds}: both must be above 0")
    try:
        games = chosen_games(options["games"]) if options["games"] else GAMES[: 2 if quick else None]
    except ValueError as error:
        raise SystemExit(f"gpu.py: games={error}") from None
    out = Path(options["out"]) if options["out"] else None
    return Settings(games, seconds, rounds, out, options["device"], overrides)


def no_gpu() -> str | None:
    """Return why there is no GPU to measure on, None if there is one."""
    if find_spec("torch") is None:
        return "torch is not installed"
    import torch

    return None if torch.cuda.is_available() else "torch finds no GPU here"


def measured(game: Game, settings: Settings, folder: Path, budget: Budget) -> list[Row]:
    """Return the rows of a game, one for each way to train it."""
    folder.mkdir()
    rows = Measurement(game, WAYS, settings, folder, budget).rows()
    for number, way in enumerate(WAYS):
        if "memory" in rows[number].note.lower() and budget.left() > 0:
            (alone,) = Measurement(game, (way,), settings, folder, budget).rows()
            rows[number] = replace(alone, note=alone.note or ALONE)
    return rows


class Measurement:
    """The ways to train one game, each in a process of its own, whose blocks take turns."""

    def __init__(self, game: Game, ways: Sequence[Way], settings: Settings, folder: Path, budget: Budget) -> None:
        self.game = game
        self.ways = ways
        self.settings = settings
        self.folder = folder
        self.budget = budget
        self.workers: dict[str, Worker] = {}
        self.notes: dict[str, str] = {}

    def rows(self) -> list[Row]:
        """Return a row for each way, with its times or with the reason why there are none."""
        try:
            for way in self.ways:
                self.workers[way.name] = self.worker(way)
            return self.timed()
        finally:
            for worker in self.workers.values():
                worker.end()

    def worker(self, way: Way) -> Worker:
        """Start the process that trains in one way."""
        log = self.folder / f"{way.name}.log".replace(" ", "-")
        wanted = task(self.game, way, self.settings.device, self.settings.overrides)
        return Worker(wanted, log, environment(self.folder, ROOT / "src"), self.budget)

    def timed(self) -> list[Row]:
        """Return the rows; one way works at a time."""
        batches, rounds = cycle(self.game), self.settings.rounds
        ready = self.each(self.workers, lambda worker: worker.wait_until_ready() or 0.0)
        first = self.each(ready, Worker.first_batch)
        warm = self.each(first, lambda worker: worker.run(batches * WARM_UP))
        cycles = self.each(warm, lambda worker: worker.run(batches))
        sizes = block_sizes(cycles, batches, BLOCK_SECONDS)
        times = take_turns(lambda name, size: self.tried(name, lambda w: w.run(size)), sizes, rounds, self.budget)
        rows = []
        for way in self.ways:
            row = Row(str(self.game), way.name, self.game.batch_size, first_batch=first.get(way.name))
            row = with_times(row, times.get(way.name, []), rounds)
            memory = self.memory(way.name)
            note = self.notes.get(way.name, row.note)
            rows.append(
                replace(row, peak_mib=memory.get("peak_mib"), reserved_mib=memory.get("reserved_mib"), note=note)
            )
        return rows

    def each(self, names: Iterable[str], work: Callable[[Worker], float]) -> dict[str, float]:
        """Return the seconds that a work takes in each of the named ways in turn, without those that fail."""
        seconds = {name: self.tried(name, work) for name in names}
        return {name: taken for name, taken in seconds.items() if taken is not None}

    def tried(self, name: str, work: Callable[[Worker], float]) -> float | None:
        """Return the seconds that a work takes; None, with the reason in the notes, if it fails."""
        try:
            return work(self.workers[name])
        except WorkerError as error:
            self.notes[name] = str(error)
            self.workers[name].end()
            return None

    def memory(self, name: str) -> dict[str, float | None]:
        """Return the peaks of memory of one of the ways, nothing if its process has ended."""
        if name in self.notes:
            return {}
        try:
            return self.workers[name].stop()
        except WorkerError:
            return {}


def with_times(row: Row, times: list[float], rounds: int) -> Row:
    """Return the row with the median and the range of the seconds a batch of its blocks."""
    note = f"{len(times)} of {rounds} blocks: {LATE}" if len(times) < rounds else ""
    if not times:
        return replace(row, note=note)
    return replace(row, seconds=middle(times), fastest=min(times), slowest=max(times), note=note)


def not_measured(game: Game) -> Row:
    """Return the row of a game that would have begun too late."""
    return Row(str(game), "all", game.batch_size, note=f"not measured: {LATE}")


def machine(device: str) -> str:
    """Return the card, its driver and the versions, in one line."""
    import torch

    from ganexp import __version__

    versions = f"Python {sys.version.split()[0]}, torch {torch.__version__}, ganexp {__version__}"
    if device == "cpu":
        return f"processor, {versions}"
    cudnn = torch.backends.cudnn.version()
    return f"{torch.cuda.get_device_name(0)}, driver {driver()}, {versions}, CUDA {torch.version.cuda}, cuDNN {cudnn}"


def driver() -> str:
    """Return the version of the driver by nvidia-smi, "unknown" if that does not answer."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return output.splitlines()[0].strip() if output.strip() else "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
