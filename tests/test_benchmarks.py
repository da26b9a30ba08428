"""Every benchmark runs to its end, at its smallest settings; gpu.py has tests of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

SMALLEST = [
    ("second_derivative.py", "device=cpu size=8 batch=2 rounds=1"),
    *(
        pytest.param(script, arguments, marks=pytest.mark.slow)
        for script, arguments in [
            ("checkpoint_stall.py", "width=64 saves=3 between=2"),
            ("compare.py", "runs=20 rows=100"),
            ("ddp.py", "rounds=1 batches=2"),
            ("decoding.py", "files=32 sizes=64 rounds=1 batches=1 workers=1"),
            ("fid_bias.py", "data=digits repeats=2 out=bias.png"),
            ("frechet.py", "width=64 rounds=1"),
            ("head_avatar.py", "speed sizes=16 widths=4 threads=1"),
            ("input_pipeline.py", ""),
            ("inside.py", "images=200 samples=20 side=8"),
            ("many_files.py", "files=200"),
            ("packed_data.py", "images=200 size=16 batches=2 batch_size=8 folder=packed"),
            ("resume.py", "repetitions=1 model=gan data=digits"),
            ("scoring.py", "pass samples=64 rounds=1 inception=no"),
            ("scoring.py", "training rounds=1 images=640"),
            ("startup.py", ""),
            ("streaming.py", "images=80 rows=20 delay_ms=1 step_ms=1 batch_size=8 rounds=1"),
            ("stylegan2.py", "sizes=8 width=4 max_width=8 batch=2 rounds=1"),
            ("train_step.py", "chunks=1 batches=2 data.batch_size=4"),
            ("translation.py", "model=pix2pix chunks=1 batches=1"),
            ("variants.py", "models names=gan,vae,lapgan chunks=1 batches=1"),
            ("variants.py", "penalties chunks=1 batches=1"),
            ("variants.py", "normalizations chunks=1 batches=1"),
        ]
    ),
]
"""Scripts and arguments."""
WITHOUT = {
    "doctor.py": "it trains its games to their ends; tests/callbacks/test_doctor_experiments.py does so",
    "gpu.py": "tests/test_gpu_benchmark.py runs it",
    "quality.py": "it needs a trained run",
}


@pytest.mark.parametrize(("script", "arguments"), SMALLEST)
def test_a_benchmark_runs_to_its_end(script, arguments, tmp_path):
    command = [sys.executable, str(FOLDER / script), *arguments.split()]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert any(character.isdigit() for character in ended.stdout), "it prints no figure"


def test_every_benchmark_is_run():
    scripts = {path.name for path in FOLDER.glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    run = {getattr(case, "values", case)[0] for case in SMALLEST}
    workers = {"gpu_worker.py"}
    assert scripts - run - set(WITHOUT) - workers == set()
