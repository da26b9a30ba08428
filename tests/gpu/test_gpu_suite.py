"""The runner behind make test-gpu: its reports on steps, and its stages on a CPU."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ganexp.config import composition

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from gpu import gpu_stages
from gpu.gpu_runner import (
    FAILED,
    NOT_RUN,
    PASSED,
    SKIPPED,
    Chain,
    Result,
    Runner,
    Step,
    exit_status,
    is_installed,
    table,
)
from support.runs import rows

RUN = Path(__file__).with_name("run.py")
ROOT = RUN.parents[2]


def python(code):
    return [sys.executable, "-S", "-c", code]


def run(folder, *chains, seconds=60.0):
    return Runner(folder, os.environ, seconds).run(chains, workers=2)


def statuses(results):
    return [(result.chain, result.step, result.status) for result in results]


def test_results_keep_the_order_of_chains_and_steps(tmp_path):
    slow, fast = "import time; time.sleep(0.3)", "pass"
    chains = [Chain(name, [Step("one", python(code)), Step("two", python(code))]) for name, code in
              (("a", slow), ("b", fast))]  # fmt: skip
    expected = [(chain, step, PASSED) for chain in "ab" for step in ("one", "two")]
    assert statuses(run(tmp_path, *chains)) == expected


def test_a_step_that_fails_is_reported_with_its_last_line_and_its_log(tmp_path):
    (result,) = run(tmp_path, Chain("gan", [Step("train", python("print('began'); raise SystemExit('no | luck')"))]))
    log = tmp_path / "logs" / "gan-train.log"
    assert (result.status, result.note) == (FAILED, f"no | luck ({log})")
    assert "began" in log.read_text()
    assert "no \\| luck" in table([result])


def test_the_reason_of_a_traceback_is_its_exception_not_the_advice_after_it(tmp_path):
    code = "raise RuntimeError('CUDA error: out of luck\\nFor debugging consider advice')"
    (result,) = run(tmp_path, Chain("gan", [Step("train", python(code))]))
    assert result.note.startswith("RuntimeError: CUDA error: out of luck (")


def test_after_a_first_step_that_failed_the_others_are_not_run_and_after_a_later_one_they_are(tmp_path):
    good, bad = python("pass"), python("raise SystemExit(1)")
    first = Chain("first", [Step("train", bad), Step("sample", good)])
    later = Chain("later", [Step("train", good), Step("verify", bad), Step("sample", good)])
    assert statuses(run(tmp_path, first, later)) == [
        ("first", "train", FAILED), ("first", "sample", NOT_RUN),
        ("later", "train", PASSED), ("later", "verify", FAILED), ("later", "sample", PASSED),
    ]  # fmt: skip


def test_what_needs_a_missing_package_is_skipped_by_name_with_what_follows_from_it(tmp_path):
    chain = Chain("logger", [Step("train", python("pass"), needs=("sys", "no_such_package")), Step("board", ["false"])])
    results = run(tmp_path, chain)
    assert statuses(results) == [("logger", "train", SKIPPED), ("logger", "board", SKIPPED)]
    assert {result.note for result in results} == {"no_such_package not installed"}
    assert exit_status(results) == 0


def test_a_step_is_ended_with_its_children_at_its_time_limit(tmp_path):
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    (result,) = run(tmp_path, Chain("slow", [Step("train", python(child), limit=1.0)]))
    assert (result.status, result.note.partition(" (")[0]) == (FAILED, "longer than 1 s")
    assert time.monotonic() - started < 30


def test_when_the_time_for_everything_is_over_nothing_more_begins(tmp_path):
    results = run(tmp_path, Chain("late", [Step("train", python("pass"))]), seconds=0.0)
    assert [(result.status, result.note) for result in results] == [(NOT_RUN, "no time left")]
    assert exit_status(results) == 1


@pytest.mark.parametrize(("status", "code"), [(PASSED, 0), (SKIPPED, 0), (FAILED, 1), (NOT_RUN, 1)])
def test_the_exit_status_is_1_if_anything_failed_or_was_not_run(status, code):
    assert exit_status([Result("a", "b", PASSED), Result("a", "c", status)]) == code


def test_the_table_is_markdown_with_the_number_of_each_result():
    shown = table([Result("gan", "train", PASSED, 12.4, "3 passed"), Result("gan", "verify", FAILED, 3.0)])
    lines = shown.splitlines()
    assert lines[2:4] == ["| gan | train | passed | 12 | 3 passed |", "| gan | verify | FAILED | 3 |  |"]
    assert lines[-1] == "1 passed, 1 FAILED"


def test_every_model_has_a_chain_whose_first_step_trains_it(tmp_path):
    assert gpu_stages.models() == sorted(path.stem for path in (composition.conf_dir() / "model").glob("*.yaml"))
    chain = gpu_stages.model_chain("cyclegan", "cuda", tmp_path / "pictures", tmp_path)
    assert chain.name == "cyclegan"
    assert {"model=cyclegan", "data=mosaic_unpaired", "trainer=gpu"} <= set(chain.steps[0].command)
    assert [step.name for step in chain.steps] == ["train", "resume", "verify", "evaluate, sample, translate, demo"]


def test_every_test_file_is_in_one_part_of_the_suite():
    files = sorted(Path(__file__).parents[1].rglob("test_*.py"))
    parts = gpu_stages.balanced(files, 5)
    assert sorted(file for part in parts for file in part) == files
    assert len(parts) == 5


def test_the_makefile_runs_it_without_an_environment_of_its_own():
    text = (ROOT / "Makefile").read_text()
    (rule,) = [part for part in text.split("\n\n") if "\ntest-gpu:" in part]
    assert "test-gpu: ##" in rule
    assert "tests/gpu/run.py" in rule


def suite(*arguments):
    command = [sys.executable, str(RUN), *arguments]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_that_nothing_was_run():
    ended = suite()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "test-gpu: nothing was run: torch finds no GPU here\n"


@pytest.mark.parametrize("argument", ["device=tpu", "only=some", "nonsense=1"])
def test_an_option_that_is_not_known_is_named(argument):
    ended = suite(argument)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"test-gpu: {argument}: there is no such option")


@pytest.mark.slow
def test_its_stages_hold_on_a_processor(tmp_path):
    ended = suite("device=cpu", "models=gan,pix2pix", "only=models", "seconds=1100", f"out={tmp_path / 'out'}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    compared = is_installed("jinja2")
    assert f"{8 + compared} passed" in ended.stdout
    for model, last in {"gan": "analysis", "pix2pix": "translated"}.items():
        run = tmp_path / "out" / "models" / model
        assert rows(run)[-1]["images"] == "128"
        assert (run / "scores.json").is_file()
        assert any(run.with_name(f"{model}-{last}").iterdir())
    assert (tmp_path / "out" / "table.md").read_text().startswith("| what | step | result |")


@pytest.mark.slow
def test_the_parts_of_the_tests_marked_gpu_are_all_of_them(tmp_path):
    def collected(step):
        command = [*step.command, "--collect-only"]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return [line for line in output.splitlines() if "::" in line]

    (whole,) = [chain for chain in gpu_stages.pytest_chains(tmp_path, 1) if chain.name == "tests marked gpu"]
    parts = [chain for chain in gpu_stages.pytest_chains(tmp_path, 8) if chain.name == "tests marked gpu"]
    assert len(parts) == 2
    tests = [collected(chain.steps[0]) for chain in parts]
    assert sorted(tests[0] + tests[1]) == sorted(collected(whole.steps[0]))
    assert abs(len(tests[0]) - len(tests[1])) <= 1
    assert len(tests[0]) > 10
