"""Time the commands that need no torch, against starting Python alone.

python benchmarks/startup.py
"""

import subprocess
import sys
import time
from statistics import median

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "ganexp --help": ["-m", "ganexp", "--help"],
    "ganexp --cfg job": ["-m", "ganexp", "--cfg", "job"],
    "ganexp model=dcgn (a mistake)": ["-m", "ganexp", "model=dcgn"],
    "ganexp list": ["-m", "ganexp", "list"],
    "tab after model=": ["-m", "ganexp", "completion", "bash", "ganexp model="],
    "tab after model.generator.": ["-m", "ganexp", "completion", "bash", "ganexp model=biggan model.generator."],
    "tab after run=": ["-m", "ganexp", "completion", "bash", "ganexp sample run="],
}


def seconds(arguments: list[str]) -> float:
    """Return the wall time of one run."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return time.perf_counter() - started


if __name__ == "__main__":
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            taken[name].append(seconds(arguments))
    for name, times in taken.items():
        print(f"{name:<32} median {median(times):.2f} s, from {min(times):.2f} to {max(times):.2f}")
