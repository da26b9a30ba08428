"""Time and memory of comparing many runs, and of opening a report on twenty in a browser.

python benchmarks/compare.py [runs=200] [rows=10000]

The runs are synthetic: curves of noise, no training. CPU time measures the work itself, whatever else the machine does.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import yaml
from PIL import Image

COLUMNS = (
    *(f"loss/{player}/adversarial" for player in ("discriminator", "generator")),
    *(f"discriminator/{kind}_output" for kind in ("real", "fake")),
    *(f"learning_rate/{player}" for player in ("discriminator", "generator")),
    "time/seconds",
    "time/images_per_second",
    *(f"doctor/sign_{number}" for number in range(12)),
)
SEEDS = 5
SCORED_EVERY = 100
GRIDS = 20
SIDE = 530
"""Pixels of a grid of 8x8 samples of 64x64."""
PAGE_RUNS = 20
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main(runs: int, rows: int) -> None:
    """Write runs, compare all of them, then open the report on some."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        noise = list(curves(rows))
        for number in range(runs):
            make(root / "all" / str(number), number, noise)
        compare(root / "all", root / "out")
        for number in range(PAGE_RUNS):
            shutil.copytree(root / "all" / str(number), root / "some" / str(number))
            draw(root / "some" / str(number), number)
        page = compare(root / "some", root / "page")
        opened(page)


def curves(rows: int) -> Iterator[str]:
    """Yield rows of values without a score; the columns after the first eight are filled in every other row only."""
    random = Random(0)
    for row in range(1, rows + 1):
        values = [f"{random.random():.17g}" if column < 8 or row % 2 else "" for column in range(len(COLUMNS))]
        yield ",".join((str(row * 64), *values))


def make(folder: Path, number: int, noise: Sequence[str]) -> None:
    """Write one run with these curves and its own scores."""
    folder.mkdir(parents=True)
    rows, random = len(noise), Random(number)
    lines = [",".join(("images", *COLUMNS, "score/fid"))]
    for row, figures in enumerate(noise, start=1):
        score = f"{random.random() + number // SEEDS:.17g}" if row % (rows // SCORED_EVERY) == 0 else ""
        lines.append(f"{figures},{score}")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    images = rows * 64
    setting = number // SEEDS
    config = {"images": images, "seed": number % SEEDS, "model": {"width": setting}, "trainer": {"devices": 1}}
    config |= {f"group_{group}": {f"key_{key}": key for key in range(15)} for group in range(15)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    summary = {
        "command": f"python -m ganexp model.width={setting} seed={number % SEEDS}",
        "choices": {"model": "dcgan", "data": "digits"},
        "status": "finished",
        "images_seen": images,
        "images_per_update": {"generator": 64},
        "parameters": {"generator": 1_000_000, "discriminator": 1_000_000},
        "peak_memory_bytes": 1_000_000_000,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    value = float(lines[-1].rpartition(",")[2])
    protocol = {"metric": "fid", "reference": {"data": "digits"}, "fakes": {"samples": 2_000}}
    entry = {"name": "fid", "value": value, "higher_is_better": False, "images_seen": images, "protocol": protocol}
    (folder / "scores.json").write_text(json.dumps({"scores": [entry]}))


def draw(folder: Path, number: int) -> None:
    """Write sample grids that compress badly to a run."""
    (folder / "samples").mkdir()
    random = Random(number)
    for grid in range(1, GRIDS + 1):
        noise = Image.frombytes("RGB", (SIDE // 4, SIDE // 4), random.randbytes(3 * (SIDE // 4) ** 2))
        noise.resize((SIDE, SIDE)).save(folder / "samples" / f"{grid * 32_000:08d}.png")


def compare(runs: Path, out: Path) -> Path:
    """Run the command in a separate process, print its time and memory, and return the report."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ganexp", "compare", runs, f"out={out}"], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    page = out / "report.html"
    print(
        f"{len(list(runs.iterdir()))} runs: {seconds:.1f} s, {cpu:.1f} s of CPU time, at most "
        f"{after.ru_maxrss / 1024:.0f} MB; the report is {page.stat().st_size / 1e6:.2f} MB"
    )
    return page


def opened(page: Path) -> None:
    """Print the time that a browser takes to load the report and to draw its curves."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: the report was not opened")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running, tempfile.TemporaryDirectory() as profile:
        context = running.chromium.launch_persistent_context(profile, executable_path=chromium, args=list(FLAGS))
        tab = context.new_page()
        began = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_function("document.querySelectorAll('#chart path').length && document.images[0].complete")
        print(f"opened in {time.perf_counter() - began:.2f} s")
        context.close()


if __name__ == "__main__":
    options = dict(argument.split("=") for argument in sys.argv[1:])
    main(int(options.get("runs", 200)), int(options.get("rows", 10_000)))
