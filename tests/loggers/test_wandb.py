"""Weights & Biases: offline where it must be, never in the way of training."""

import json
import logging
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from ganexp.cli import main
from ganexp.records.version import code_version
from support import runs
from support.service import CLOSED, served

module = pytest.importorskip("ganexp.loggers.wandb", reason="wandb is not installed")
WandB, reason_to_go_offline = module.WandB, module.reason_to_go_offline

TINY = [*runs.TINY, "images=64"]
SCORED = ["metric=fid_classifier", "scoring.samples=64", "scoring.every=128", "+extractor.classifier.epochs=1"]
CONDITIONAL = ["model=cdcgan", "model.generator.network.width=4", "model.discriminator.network.width=4"]


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """A user without key, netrc file or settings, whose server is a closed port."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "settings"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}")


def test_without_a_key_it_is_offline_with_one_line(caplog, tmp_path):
    with caplog.at_level(logging.WARNING):
        WandB(str(tmp_path))
    (line,) = caplog.messages
    assert line.startswith("wandb: offline, as no API key is set")
    assert f"wandb sync {tmp_path}/wandb/offline-*" in line


def test_with_a_key_and_no_network_it_is_offline_at_once(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    started = time.monotonic()
    assert reason_to_go_offline() == "127.0.0.1 cannot be reached"
    assert time.monotonic() - started < 5


def test_a_key_in_the_netrc_file_counts(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert reason_to_go_offline() == "127.0.0.1 cannot be reached"


def test_the_users_own_wish_to_be_offline_is_kept(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert reason_to_go_offline() == "WANDB_MODE=offline is set"


@cache
def records(folder):
    """The records of an offline run's files, in the order they were begun, read by W&B's own program."""
    return [inspected(file) for file in sorted(Path(folder).glob("wandb/offline-run-*/*.wandb"))]


def inspected(file):
    inspected = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", file], capture_output=True, text=True, check=False
    )
    if inspected.returncode:
        pytest.skip(f"this wandb cannot read its files: {inspected.stderr[-200:]}")
    found = [json.loads(line) for line in inspected.stdout.splitlines()]
    return [(record["type"], record[record["type"]]) for record in found if record["type"] in record]


def points(written, name):
    """What was logged under a name, by the number of images."""
    items = [record["item"] for kind, record in written if kind == "history"]
    return [(item["images"], item[name]) for item in items if name in item]


def axes(written):
    """The x-axis of each name of a pattern."""
    metrics = [record for kind, record in written if kind == "metric"]
    return {metric.get("name", metric.get("glob_name")): metric.get("step_metric") for metric in metrics}


def names(written):
    """The figures that were logged."""
    logged = {name for kind, record in written if kind == "history" for name in record["item"]}
    return {name for name in logged if not name.startswith(("_", "samples"))} - {"images"}


def test_an_offline_run_has_every_figure_of_metrics_csv_over_images(finished, curves):
    first, resumed = records(finished)
    assert names(first) == names(resumed) == set(curves)
    for name, expected in curves.items():
        assert points(first, name) + points(resumed, name) == expected, name
    assert axes(first) == {"images": None, "*": "images"}


def test_it_has_the_samples_with_the_classes_of_their_columns(finished, drawn):
    first, resumed = records(finished)
    pictures = [*points(first, "samples.filenames"), *points(resumed, "samples.filenames")]
    assert [images for images, _ in pictures] == drawn
    there = {path.name for path in finished.glob("wandb/offline-run-*/files/media/images/*.png")}
    assert {Path(name).name for _, written in pictures for name in written} == there
    captions = [caption for _, caption in points(first, "samples.captions")]
    assert captions == [["columns: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"]] * len(captions)


def test_it_has_the_configuration_and_the_codes_version(finished):
    first, _ = records(finished)
    (configured,) = [record["update"] for kind, record in first if kind == "config"]
    assert configured["model"]["critic_steps"] == 1
    assert configured["code"] == code_version()


def test_it_has_measurements_of_the_system(finished):
    first, _ = records(finished)
    measured = {name for kind, record in first if kind == "stats" for name in record["item"]}
    assert "proc.memory.rssMB" in measured


def test_the_best_checkpoint_is_an_artifact_where_that_is_asked_for(finished):
    _, resumed = records(finished)
    (artifact,) = [record for kind, record in resumed if kind == "artifact"]
    assert (artifact["type"], set(artifact["aliases"])) == ("model", {"latest", "best"})
    held = {file["path"]: int(file["size"]) for file in artifact["manifest"]["contents"]}
    assert held["best.ckpt"] == (finished / "checkpoints" / "best.ckpt").stat().st_size
    assert set(held) == {"best.ckpt", "config.yaml", "scores.json"}


def test_a_resumed_run_is_the_same_run_at_wandb(finished):
    first, resumed = ([record for kind, record in each if kind == "run"] for each in records(finished))
    assert first[0]["run_id"] == resumed[0]["run_id"] == (finished / "wandb" / "id").read_text().strip()


@pytest.mark.slow
def test_runs_of_other_batches_and_critic_steps_overlay(finished, tmp_path):
    other = [*CONDITIONAL, *runs.UNSCORED, "images=256", *SCORED, "data.batch_size=32", "model.critic_steps=2"]
    assert main.main([*other, "logger=wandb", "logger.wandb.mode=offline", f"run_dir={tmp_path}"]) == 0
    first, _ = records(finished)
    (written,) = records(tmp_path)
    assert names(written) == names(first)
    assert axes(written) == axes(first)
    assert [images for images, _ in points(written, "score/fid_classifier")] == [128, 256]
    assert not [record for kind, record in written if kind == "artifact"]


@pytest.mark.slow
def test_each_run_of_a_sweep_is_a_run_of_its_own_in_the_sweeps_group(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main.main(["-m", "seed=1,2", *TINY, "logger=wandb", "logger.wandb.mode=offline"]) == 0
    files = sorted(tmp_path.glob("multirun/*/*/wandb/offline-run-*/*.wandb"))
    (first, second) = (next(record for kind, record in inspected(file) if kind == "run") for file in files)
    assert first["run_id"] != second["run_id"]
    (sweep,) = tmp_path.glob("multirun/*")
    assert first["run_group"] == second["run_group"] == f"multirun/{sweep.name}"
    assert first["job_type"] == second["job_type"] == "multirun"


def test_a_failure_while_training_ends_its_logging_and_not_the_training(tmp_path, monkeypatch, capsys):
    class Broken:
        def define_metric(self, *_, **__):
            pass

        id = "broken"

        def log(self, *_, **__):
            raise ConnectionError("the server\nis gone")

    monkeypatch.setattr(module.wandb, "init", lambda **_: Broken())
    assert main.main([*TINY, "logger=wandb", f"run_dir={tmp_path / 'run'}"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "logging failed and stops here" in line]
    assert len(lines) == 1
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    assert (tmp_path / "run" / "metrics.csv").exists()


@pytest.fixture
def service(monkeypatch):
    """A W&B server on this machine, and a key for it."""
    module.wandb.teardown()
    with served() as running:
        monkeypatch.setenv("WANDB_BASE_URL", running.address)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        monkeypatch.setattr(module, "INIT_SECONDS", 2.0)
        yield running
        module.wandb.teardown()


@pytest.mark.parametrize(
    "answer", [401, pytest.param(500, marks=pytest.mark.slow), pytest.param(CLOSED, marks=pytest.mark.slow)]
)
def test_a_server_that_refuses_or_fails_means_offline_with_one_line(answer, service, tmp_path, caplog, capfd):
    service.answer = answer
    logger = WandB(str(tmp_path))
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.finalize("success")
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("ganexp")]
    assert line.startswith("wandb: offline, as the server refused: ")
    assert line.endswith(f"upload later with: wandb sync {tmp_path}/wandb/offline-*")
    assert service.asked
    assert capfd.readouterr().err == ""
    (written,) = records(tmp_path)
    assert points(written, "loss") == [(1, 1.0)]


@pytest.mark.slow
def test_a_server_that_fails_while_training_ends_neither_the_training_nor_keeps_it_waiting(
    service, tmp_path, capsys, monkeypatch
):
    """Left alone, W&B waits at the end until the server is back."""
    logged = WandB.log_metrics

    def failing_from_here(self, metrics, step=None):
        service.answer = 500
        logged(self, metrics, step)

    monkeypatch.setattr(WandB, "log_metrics", failing_from_here)
    run = tmp_path / "run"
    assert main.main([*TINY, "logger=wandb", "logger.wandb.finish_timeout=2", f"run_dir={run}"]) == 0
    assert "UpsertBucket" in service.asked
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("wandb:")]
    assert said == [f"wandb: the upload is incomplete; upload the rest with: wandb sync {run}/wandb/run-*"]
    assert (run / "checkpoints" / "last.ckpt").exists()
    (file,) = run.glob("wandb/run-*/*.wandb")
    # W&B's own process writes on for a moment.
    deadline = time.monotonic() + 60
    while not points(inspected(file), "images") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert [images for images, _ in points(inspected(file), "images")] == [0, 64, 64, 64]
