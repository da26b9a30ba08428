"""GPU test suite: ``make test-gpu``, or ``PYTHONPATH=src python tests/gpu/run.py [out=DIR] [key=value …]``.

Runs the tests marked gpu, the default suite, and each model of conf/model with every command, and prints a table. The
exit status is 1 if anything failed. Needs no installation, git or network; steps whose package is missing are
skipped and listed. Without a GPU it says so and does nothing.

  out      output folder (default: a new temporary one)
  device   cuda or cpu, which runs the same stages without a GPU (default: cuda)
  models   only these, such as models=gan,pix2pix (default: all)
  only     models, options or tests: only this part (default: all)
  workers  number of chains in parallel (default: the number of CPU cores, at most 16)
  seconds  time limit of the whole suite (default: 460)
"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("src", "tests", "benchmarks")]

from gpu.gpu_runner import Chain, Runner, exit_status, failed_tests, skipped_tests, table  # noqa: E402

DEFAULTS = {"out": "", "device": "cuda", "models": "", "only": "", "workers": "", "seconds": "460"}
CHOICES = {"device": ("cuda", "cpu"), "only": ("", "models", "options", "tests")}


def main(arguments: list[str]) -> int:
    """Run the suite as the arguments say and return the exit status."""
    options = parse(arguments)
    if options["device"] == "cuda" and (reason := no_gpu()) is not None:
        print(f"test-gpu: nothing was run: {reason}")
        return 0
    out = Path(options["out"] or tempfile.mkdtemp(prefix="ganexp-test-gpu-")).resolve()
    if out.is_dir() and any(out.iterdir()):
        raise SystemExit(f"test-gpu: out={out} is not empty: choose another folder")
    started = time.monotonic()
    runner = Runner(out, environment(out), float(options["seconds"]))
    workers = int(options["workers"] or min(16, len(os.sched_getaffinity(0))))
    results = []
    for chains in stages(options, out, workers):
        results += runner.run(chains, workers)
    report = table(results)
    tests = failed_tests(runner.logs)
    (out / "table.md").write_text("\n".join([report, "", *tests, "", *skipped_tests(runner.logs)]) + "\n")
    print(report)
    print("\n".join(tests))
    seconds = time.monotonic() - started
    print(f"{device_name(options['device'])}, {workers} in parallel, {seconds:.0f} s; logs: {runner.logs}")
    return exit_status(results)


def parse(arguments: list[str]) -> dict[str, str]:
    """Return the options; exit with one line for an unknown one."""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key, value in given.items():
        if key not in DEFAULTS or value not in CHOICES.get(key, (value,)):
            raise SystemExit(f"test-gpu: {key}={value}: there is no such option\n{__doc__}")
    return {**DEFAULTS, **given}


def no_gpu() -> str | None:
    """Return the reason why there is no GPU to test on, None if there is one."""
    try:
        import torch
    except ModuleNotFoundError:
        return "torch is not installed"
    return None if torch.cuda.is_available() else "torch finds no GPU here"


def device_name(device: str) -> str:
    """Return the device and the versions that the suite ran with."""
    import torch

    name = torch.cuda.get_device_name(0) if device == "cuda" else "processor"
    return f"{name}, Python {sys.version.split()[0]}, torch {torch.__version__}"


def environment(out: Path) -> dict[str, str]:
    """Return the environment of all steps, in which everything is written below ``out``."""
    (out / "tmp").mkdir(parents=True)
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "GANEXP_CACHE": str(out / "cache"),
        "MPLCONFIGDIR": str(out / "matplotlib"),
        "TMPDIR": str(out / "tmp"),
        "WANDB_MODE": "offline",
    }
    return {**os.environ, **own}


def stages(options: dict[str, str], out: Path, workers: int) -> list[list[Chain]]:
    """Return the chains that may run in parallel, then those that need the runs of the first."""
    from gpu import gpu_stages

    device, only = options["device"], options["only"]
    pictures = gpu_stages.make_pictures(out / "pictures")
    names = options["models"].split(",") if options["models"] else gpu_stages.models()
    models = [gpu_stages.model_chain(name, device, pictures, out) for name in names]
    others = [
        *gpu_stages.option_chains(device, pictures, out),
        *gpu_stages.logger_chains(device, pictures, out),
        gpu_stages.list_chain(pictures, out),
    ]
    tests = gpu_stages.pytest_chains(out, 2 * workers)
    parts = {"tests": tests, "models": models, "options": others}
    chosen = [chain for name, chains in parts.items() if only in ("", name) for chain in chains]
    after = [gpu_stages.compare_chain(out)] if only in ("", "models") else []
    return [chosen, after]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
