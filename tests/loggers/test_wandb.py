"""Weights & Biases: offline where it must be, never in the way of training."""

import csv
import json
import logging
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

import runs
from ganexp import cli
from ganexp.loggers import wandb as module
from ganexp.loggers.wandb import WandB, reason_to_go_offline

TINY = [*runs.TINY, "images=64"]


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
    assert reason_to_go_offline() == "WANDB_MODE=offline says so"


@cache
def records(folder):
    """The records of a run's files, in the order they were begun, read by W&B's own program."""
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


SCORED = ["metric=fid_classifier", "scoring.samples=64", "scoring.every=128", "+extractor.classifier.epochs=1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with scores, offline, that was stopped by its budget and then went on."""
    run = tmp_path_factory.mktemp("wandb") / "run"
    offline = ["logger=wandb", "logger.wandb.mode=offline"]
    assert cli.main([*runs.TINY, *SCORED, *offline, f"run_dir={run}"]) == 0
    assert cli.main([f"resume={run}", "images=384"]) == 0
    return run


def test_an_offline_run_has_every_figure_of_metrics_csv_over_images(finished):
    first, resumed = records(finished)
    rows = list(csv.DictReader((finished / "metrics.csv").open(newline="")))
    names = [name for name in rows[0] if name != "images"]
    assert {name.partition("/")[0] for name in names} >= {"loss", "score", "doctor", "discriminator", "learning_rate"}
    for name in names:
        expected = [(int(row["images"]), pytest.approx(float(row[name]))) for row in rows if row[name]]
        assert points(first, name) + points(resumed, name) == expected, name
    assert [images for images, _ in points(first, "score/fid_classifier")] == [128, 256]
    axes = {
        record.get("name", record.get("glob_name")): record.get("step_metric")
        for kind, record in first
        if kind == "metric"
    }
    assert axes == {"images": None, "*": "images"}


def test_it_has_the_samples_and_the_configuration(finished):
    first, _ = records(finished)
    pictures = points(first, "samples.filenames")
    assert [pictures[0][0], pictures[-1][0]] == [0, 256]
    (folder, _) = sorted(finished.glob("wandb/offline-run-*"))
    assert all((folder / "files" / name).is_file() for _, names in pictures for name in names)
    configured = [record["update"] for kind, record in first if kind == "config"]
    assert any(each.get("model", {}).get("critic_steps") == 1 for each in configured)


def test_a_resumed_run_is_the_same_run_at_wandb(finished):
    first, resumed = ([record for kind, record in each if kind == "run"] for each in records(finished))
    assert first[0]["run_id"] == resumed[0]["run_id"] == (finished / "wandb" / "id").read_text().strip()


def test_each_run_of_a_sweep_is_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["-m", "seed=1,2", *TINY, "logger=wandb", "logger.wandb.mode=offline"]) == 0
    assert len(list(tmp_path.glob("multirun/*/*/wandb/offline-run-*/*.wandb"))) == 2


def test_a_failure_while_training_ends_its_logging_and_not_the_training(tmp_path, monkeypatch, capsys):
    class Broken:
        def define_metric(self, *_, **__):
            pass

        id = "broken"

        def log(self, *_, **__):
            raise ConnectionError("the server\nis gone")

    monkeypatch.setattr(module.wandb, "init", lambda **_: Broken())
    assert cli.main([*TINY, "logger=wandb", f"run_dir={tmp_path / 'run'}"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "it failed and logs no more" in line]
    assert len(lines) == 1
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    assert (tmp_path / "run" / "metrics.csv").exists()


def test_a_server_that_refuses_the_key_means_offline(tmp_path, monkeypatch, caplog):
    asked = []

    def init(**options):
        asked.append(options["mode"])
        if options["mode"] == "online":
            raise module.wandb.errors.CommError("who are you?")
        return type("Run", (), {"id": "mine", "define_metric": lambda *_, **__: None})()

    monkeypatch.setattr(module.wandb, "init", init)
    monkeypatch.setattr(module, "reason_to_go_offline", lambda: None)
    with caplog.at_level(logging.WARNING):
        assert WandB(str(tmp_path)).experiment is not None
    assert asked == ["online", "offline"]
    assert caplog.messages == ["wandb: offline, as the server refused: who are you?"]
