"""The wheel alone trains: it carries the configuration, and nothing of the repository is needed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support import runs
from support.template import FILES

REPOSITORY = Path(__file__).parents[1]

TRAIN = """
import sys
import ganexp
from ganexp.cli import main as cli
from ganexp.config import composition
from pathlib import Path
installed = Path(sys.argv[1])
assert Path(ganexp.__file__).is_relative_to(installed), ganexp.__file__
assert composition.conf_dir() == installed / "ganexp" / "conf", composition.conf_dir()
assert composition.template_dir() == installed / "ganexp" / "template", composition.template_dir()
assert composition.sweeps_dir() == installed / "ganexp" / "sweeps", composition.sweeps_dir()
sys.exit(cli.main(sys.argv[2:]))
"""

TINY = [*runs.TINY, "images=128"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    for package in ("build", "hatchling", "pip"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_it_holds_every_module_and_every_config_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = REPOSITORY / "src"
    packages = [source / "ganexp", source / "hydra_plugins"]
    modules = {path.relative_to(source).as_posix() for package in packages for path in package.rglob("*.py")}
    tables = {path.relative_to(source).as_posix() for path in (source / "ganexp").rglob("*.yaml")}
    pages = {path.relative_to(source).as_posix() for path in (source / "ganexp").glob("*/templates/*")}
    configs = {
        f"ganexp/{path.relative_to(REPOSITORY).as_posix()}"
        for folder in ("conf", "sweeps")
        for path in (REPOSITORY / folder).rglob("*.yaml")
    }
    template = {f"ganexp/template/{name}" for name in FILES}
    assert held == modules | tables | pages | configs | template | {"ganexp/py.typed", "ganexp/__init__.pyi"}


@pytest.mark.slow
def test_it_trains_where_no_repository_is_around(wheel, tmp_path):
    installed, here = tmp_path / "installed", tmp_path / "here"
    here.mkdir()
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        installed,
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", TRAIN, installed, "-m", "+sweeps=seeds", "seed=1", *TINY, "sweep_dir=sweep"]
    ended = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (run,) = (path for path in (here / "sweep").iterdir() if path.is_dir())
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert (run / "samples" / "00000128.png").exists()
    assert "finished" in (here / "sweep" / "sweep.md").read_text()
