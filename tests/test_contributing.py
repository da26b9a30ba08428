"""Conventions that CONTRIBUTING.md promises: tools, layout and language of the source."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import ganexp

PACKAGE = Path(ganexp.__file__).parent
REPOSITORY = PACKAGE.parents[1]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
QUESTIONS = ("What ", "How ", "Where ", "Which ", "Whether ", "When ", "Why ", "Who ")
LIGHT = (
    *("cli", "records", "runs/run.py", "runs/run_folder.py"),
    *("sweeps/job.py", "sweeps/sweep.py", "training/launch.py"),
)
HEAVY = ("torch", "torchvision", "torchmetrics", "lightning", "sklearn", "matplotlib")
FROM_HEAVY_ROOMS = {Path("cli/list.py")}

in_repository = pytest.mark.skipif(
    not (REPOSITORY / "Makefile").is_file(), reason="the package is installed, not in its repository"
)


def recipe(target):
    """The commands of a target of the Makefile, without the folder of the tools."""
    text = (REPOSITORY / "Makefile").read_text()
    lines = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.M)[1]
    return [line.strip().removeprefix("$(BIN)/") for line in lines.splitlines()]


@in_repository
def test_the_hooks_before_a_commit_are_those_of_make_lint():
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    entries = [
        hook["entry"].removeprefix(".venv/bin/") for repository in config["repos"] for hook in repository["hooks"]
    ]
    assert entries == recipe("lint")


@in_repository
def test_the_workflow_runs_what_continuous_integration_runs():
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]
    assert all(step["uses"].startswith("actions/") for step in steps if "uses" in step)


@in_repository
def test_a_change_is_checked_by_the_default_suite_and_the_slow_one_runs_every_night():
    commands = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    assert [line for line in commands if line.startswith("make ")] == ["make test", "make lint"]
    # YAML 1.1 reads the key `on` as true.
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "slow.yml").read_text())
    assert workflow[True]["schedule"]
    assert "make test-slow" in [step.get("run") for step in workflow["jobs"]["test-slow"]["steps"]]


@in_repository
def test_the_layers_of_the_architecture_are_those_that_are_checked():
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert "\n".join(f"    {layer}" for layer in layers) in (REPOSITORY / "docs/architecture.md").read_text()


@in_repository
def test_mypy_is_strict_without_exceptions_for_modules_of_ours():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert not [module for override in settings["overrides"] for module in override["module"] if "ganexp" in module]


def test_a_module_is_described_by_a_noun_phrase():
    descriptions = {module: ast.get_docstring(ast.parse((PACKAGE / module).read_text())) for module in MODULES}
    assert not [module for module, description in descriptions.items() if not description]
    assert not [module for module, description in descriptions.items() if description.startswith(QUESTIONS)]


def test_signatures_name_what_they_take():
    functions = [
        (module, node)
        for module in MODULES
        for node in ast.walk(ast.parse((PACKAGE / module).read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert not [(module, node.name) for module, node in functions if node.args.kwarg and named_any(node.args.kwarg)]


def named_any(argument):
    """Whether an argument takes anything by name and is used; ``**_`` is for hooks of Lightning's that are ignored."""
    return isinstance(argument.annotation, ast.Name) and argument.annotation.id == "Any" and argument.arg.strip("_")


def test_no_folder_is_a_list_of_files():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    sizes = {folder: len(list(folder.glob("*.py"))) for folder in folders}
    assert sizes[PACKAGE] <= 10
    assert max(sizes.values()) <= 30


def test_what_runs_before_the_settings_are_checked_imports_nothing_heavy():
    light = [path for path in MODULES if str(path).startswith(LIGHT) and path not in FROM_HEAVY_ROOMS]
    names = [f"ganexp.{'.'.join(path.with_suffix('').parts)}" for path in light]
    assert len(names) > 20
    imports = f"for name in {names}: importlib.import_module(name)"
    program = f"import importlib, sys\n{imports}\nprint(*({set(HEAVY)} & {{*sys.modules}}))"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == ""
