"""A sweep: every combination in a folder of its own, one table of all, and how it goes on."""

import csv
import gc
import json
import os
import shutil
import signal
import weakref
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from ganexp.callbacks.summary import Summary
from ganexp.cli import main
from ganexp.game.module import AdversarialModule
from ganexp.records import summary
from ganexp.runs import run_folder
from ganexp.sweeps import sweep
from ganexp.sweeps import table as sweep_table
from ganexp.sweeps.status import Outcome, locked, record
from ganexp.terminal.signals import STOPPING
from support.mutations import replaced
from support.runs import NETWORKS, last_checkpoint, last_weights
from support.synthetic import PROTOCOL, summary_of, write_run

SCORED = ["metric=fid_classifier", "scoring.samples=60", "+extractor.classifier.epochs=1"]
ALIKE = [*NETWORKS, *SCORED, "trainer=cpu", "data.batch_size=64", "images=128"]
PRODUCT = ["+sweeps=loss_normalization", "loss=wasserstein,hinge", "normalization=batch,spectral"]


@pytest.fixture(scope="session")
def swept(tmp_path_factory):
    """A finished sweep with a refused combination, that no test may write into."""
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    assert main.main(["-m", *PRODUCT, *ALIKE, f"sweep_dir={folder}"]) == 0
    return folder


@pytest.fixture
def copy(swept, tmp_path):
    return shutil.copytree(swept, tmp_path / "sweep")


def table(folder):
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def run_of(folder, *values):
    (found,) = [path for path in folder.iterdir() if path.is_dir() and all(value in path.name for value in values)]
    return found


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_the_table_has_every_run_sorted_by_score_and_the_refused_with_the_reason(swept):
    *finished, refused = table(swept)
    assert [row["place"] for row in finished] == ["1", "2", "3"]
    scores = [float(row["fid_classifier"]) for row in finished]
    assert scores == sorted(scores)
    assert all((row["images"], row["status"]) == ("128", "finished") for row in finished)
    assert (refused["loss"], refused["normalization"], refused["status"]) == ("wasserstein", "batch", "refused")
    assert "is unbounded" in refused["reason"]
    assert refused["place"] == refused["fid_classifier"] == ""
    assert {(row["loss"], row["normalization"]) for row in finished} == {
        ("wasserstein", "spectral"), ("hinge", "batch"), ("hinge", "spectral"),
    }  # fmt: skip


def test_each_run_has_its_folder_named_by_its_overrides(swept):
    for row in table(swept):
        assert row["folder"] == sweep.folder_name(row["overrides"].split(" "))
        assert (swept / row["folder"] / "config.yaml").is_file() == (row["status"] == "finished")
        assert summary.read(swept / row["folder"])["status"] == row["status"]
    assert len({row["folder"] for row in table(swept)}) == 4


@pytest.mark.parametrize("scores", ["{", "[]", '{"scores": 3}', '{"scores": [1, {"name": "fid"}]}'])
def test_a_run_with_damaged_files_is_in_the_table(tmp_path, scores):
    (tmp_path / "run").mkdir()
    summary.update(tmp_path / "run", status="crashed", overrides=["seed=1"])
    (tmp_path / "run" / "scores.json").write_text(scores)
    (tmp_path / "run" / "metrics.csv").write_text("images,time/seconds\n64,2.5\n128,3.x\n19")
    assert record(tmp_path / "run", ["seed=1"], "crashed", None).seconds == 2.5
    assert [row.score for row in sweep_table.read(tmp_path).rows] == [None]


WRONG = [None, 3, -0.5, "x", [], [1], {}, {"a": 1}, True]


@pytest.mark.parametrize("wrong", WRONG, ids=map(repr, WRONG))
@pytest.mark.parametrize("key", [*summary_of(64, 0, "hinge"), "overrides", "monitor", "seconds", "error"])
@pytest.mark.thinned(9)
def test_a_run_whose_summary_has_a_value_of_another_type_is_in_the_table(tmp_path, key, wrong):
    write_run(tmp_path / "a")
    summary.update(tmp_path / "a", **{key: wrong})
    assert len(sweep_table.write(tmp_path).rows) == 1


@pytest.mark.parametrize("wrong", WRONG, ids=map(repr, WRONG))
@pytest.mark.parametrize("place", [(), ("name",), ("value",), ("spread",), ("protocol",), ("higher_is_better",),
                                   ("protocol", "metric"), ("protocol", "fakes"), ("protocol", "fakes", "samples"),
                                   ("protocol", "reference"), ("protocol", "reference", "images")])  # fmt: skip
@pytest.mark.thinned(7)
def test_a_run_whose_score_has_a_value_of_another_type_is_in_the_table(tmp_path, place, wrong):
    folder = write_run(tmp_path / "a")
    score = {"name": "fid", "value": 3.0, "spread": 0.1, "higher_is_better": False, "protocol": PROTOCOL}
    (folder / "scores.json").write_text(json.dumps({"scores": [replaced(score, place, wrong)]}))
    assert len(sweep_table.write(tmp_path).rows) == 1


def test_nothing_in_a_run_becomes_a_formula_or_markup_in_the_table(tmp_path):
    hostile = "=HYPERLINK(1)\n<script>"
    summary.update(write_run(tmp_path / "a"), status="crashed", reason=hostile, overrides=[f"x={hostile}"])
    summary.update(write_run(tmp_path / "b"), overrides=["x=-0.5"])
    sweep_table.write(tmp_path)
    rows = {row["folder"]: row for row in table(tmp_path)}
    assert rows["a"]["reason"] == rows["a"]["x"] == f"'{hostile}"
    assert rows["b"]["x"] == "-0.5"
    assert "<script" not in (tmp_path / "sweep.md").read_text()


def test_the_table_on_the_terminal_shows_brackets_and_obeys_nothing(capsys):
    run = Outcome("crashed", reason="it said \x1b[31m[/red]")
    row = sweep_table.Row("run", run, {"penalty": "[r1,lecam]", "metric": "[/fid]"}, None)
    sweep_table.show(sweep_table.Table(Path("sweep"), [row], ["penalty", "metric"], {"logger": "[csv,wandb]"}, []))
    shown = capsys.readouterr().out
    for text in ("[r1,lecam]", "[/fid]", "logger=[csv,wandb]", "it said  [31m[/red]"):
        assert text in shown


def test_the_table_for_people_says_what_runs_share_and_how_they_were_scored(swept):
    text = (swept / "sweep.md").read_text()
    assert "All runs: " in text
    assert "images=128" in text
    assert "fid_classifier: 60 fakes, 1,797 real, digits all" in text
    assert "| refused (a) |" in text
    assert "(a) the Wasserstein loss is unbounded" in text


def test_a_run_in_a_sweep_equals_the_same_run_alone_tensor_for_tensor(swept, ganexp, here):
    alone = ["loss=hinge", "normalization=spectral", *ALIKE, "run_dir=alone"]
    assert ganexp(*alone).status == 0
    one, other = last_checkpoint(run_of(swept, "loss=hinge", "normalization=spectral")), last_checkpoint(here / "alone")
    for part in ("state_dict", "optimizer_states", "ganexp"):
        assert equal(one[part], other[part]), part


@pytest.mark.slow
def test_nothing_is_left_of_a_run_when_the_next_begins(ganexp, monkeypatch):
    def begun(self, trainer, module):
        gc.collect()
        before.append(sum(ref() is not None for ref in modules))
        switches.append(torch.are_deterministic_algorithms_enabled())
        modules.append(weakref.ref(module))
        begin(self, trainer, module)

    def of_the_process():
        return [signal.getsignal(number) for number in STOPPING], torch.are_deterministic_algorithms_enabled()

    modules, before, switches, begin, outside = [], [], [], Summary.on_train_start, of_the_process()
    monkeypatch.setattr(Summary, "on_train_start", begun)
    # The second of each pair diverges: an exception must not keep its networks either.
    axes = ["trainer.deterministic=true,null", "optimizer.generator.lr=1e-4,1e30"]
    outcome = ganexp("-m", *axes, *NETWORKS, "trainer=cpu", "metric=none", "images=64")
    assert "2 of 4 runs were refused or failed" in outcome.complaint
    assert before == [0, 0, 0, 0]
    assert switches == [True, True, False, False]
    assert of_the_process() == outside


@pytest.mark.slow
def test_a_finished_sweep_that_goes_on_trains_nothing(copy, ganexp, monkeypatch):
    before = (copy / "sweep.csv").read_text()
    monkeypatch.setattr(AdversarialModule, "turn", None)
    again = ganexp("-m", *PRODUCT, *ALIKE, f"sweep_dir={copy}", "skip_finished=true")
    assert again.status == 0, again.err
    assert (copy / "sweep.csv").read_text() == before
    assert "loss" in again.out


def test_the_command_that_continues_a_sweep_finds_options_of_the_users():
    sources = [{"provider": "main", "path": "/ganexp/conf"}, {"provider": "command-line", "path": "/my conf"}]
    config = OmegaConf.create({"hydra": {"sweep": {"dir": "cut"}, "runtime": {"config_sources": sources}}})
    command = sweep.continue_command(["loss=mine,hinge", "sweep_dir=x"], config)
    assert command.endswith("ganexp -m '--config-dir=/my conf' loss=mine,hinge sweep_dir=cut skip_finished=true")


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_where_it_stopped_and_ends_as_if_it_never_had(swept, ganexp, here, monkeypatch):
    def signalled(self, player, optimizer, batch):
        turn(self, player, optimizer, batch)
        if player.name == "generator" and self.batches_seen == 0:
            turns.append(1)
            if len(turns) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    turn, turns = AdversarialModule.turn, []
    command = ["-m", "loss=hinge", "normalization=batch,spectral", *ALIKE, "sweep_dir=cut"]
    with monkeypatch.context() as patched:
        patched.setattr(AdversarialModule, "turn", signalled)
        stopped = ganexp(*command)
    assert stopped.status == 130
    assert "sweep_dir=cut skip_finished=true" in stopped.complaint
    assert [row["status"] for row in table(here / "cut")] == ["finished", "stopped"]
    assert ganexp(*command, "skip_finished=true").status == 0
    both = table(here / "cut")
    assert [row["status"] for row in both] == ["finished", "finished"]
    for row in both:
        whole, gone_on = last_checkpoint(swept / row["folder"]), last_checkpoint(here / "cut" / row["folder"])
        assert equal(whole["state_dict"], gone_on["state_dict"])
        assert equal(whole["optimizer_states"], gone_on["optimizer_states"])
        (same,) = [other for other in table(swept) if other["folder"] == row["folder"]]
        assert same["fid_classifier"] == row["fid_classifier"]


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_begins_anew(copy, ganexp):
    run = run_of(copy, "loss=hinge", "normalization=batch")
    before = last_checkpoint(run)
    for checkpoint in (run / "checkpoints").iterdir():
        checkpoint.unlink()
    summary.update(run, status=summary.RUNNING)
    assert [row.run.status for row in sweep_table.read(copy).rows].count("unfinished") == 1
    assert ganexp("-m", *PRODUCT, *ALIKE, f"sweep_dir={copy}", "skip_finished=true").status == 0
    assert equal(before["state_dict"], last_weights(run))
    assert [row["status"] for row in table(copy)].count("finished") == 3


def test_a_run_killed_before_it_trained_is_in_the_table_by_its_overrides(copy):
    run = run_of(copy, "loss=hinge", "normalization=batch")
    known = summary.read(run)
    (run / "summary.json").unlink()
    summary.update(run, **{key: known[key] for key in ("command", "choices", "overrides")})
    sweep_table.write(copy)
    (row,) = [row for row in table(copy) if row["status"] == "unfinished"]
    assert (row["loss"], row["normalization"]) == ("hinge", "batch")


def test_a_run_that_another_process_trains_is_left_to_it(copy, ganexp):
    run = run_of(copy, "loss=hinge", "normalization=batch")
    summary.update(run, status=summary.RUNNING)
    with locked(run) as ours:
        assert ours
        assert ganexp("-m", *PRODUCT, *ALIKE, f"sweep_dir={copy}", "skip_finished=true").status == 0
    assert [row["status"] for row in table(copy)] == ["finished", "finished", "running", "refused"]
    assert summary.read(run)["status"] == summary.RUNNING


def test_scores_of_different_protocols_are_never_ranked_together(copy):
    run = run_of(copy, "loss=hinge", "normalization=batch")
    text = (run / "scores.json").read_text()
    (run / "scores.json").write_text(text.replace('"samples": 60', '"samples": 61'))
    found = sweep_table.write(copy)
    assert [row.place for row in found.rows] in ([1, 1, 2, None], [1, 2, 1, None])
    assert {"fid_classifier_a", "fid_classifier_b"} <= set(table(copy)[0])
    assert "are not comparable: fakes.samples" in (copy / "sweep.md").read_text()
    for row in table(copy):
        assert "" in (row["fid_classifier_a"], row["fid_classifier_b"])


BAD = {
    "seed=range(5,5)": "this axis of the sweep has no value",
    "loss=glob(zz*)": "this axis of the sweep has no value",
    "loss=": "loss is a config group; choose one of hinge",
    "seed=choice()": "cannot be read: give KEY=VALUE",
    "+sweeps=seedz": "no such sweeps option; did you mean seeds?",
    "skip_finished=true": "name the sweep to continue by sweep_dir=DIR",
}


@pytest.mark.parametrize(("argument", "answer"), BAD.items(), ids=BAD)
def test_what_a_sweep_cannot_do_is_refused_in_one_line_before_anything_is_made(ganexp, here, argument, answer):
    outcome = ganexp("-m", argument)
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert not list(here.iterdir())


@pytest.mark.parametrize("axis", ["data=mnist,cifar10", "experiment=glob(*_mnist_small)"])
def test_an_option_that_only_the_swept_choices_have_is_told_from_a_mistyped_one(ganexp, axis):
    assert "write ++data.source.split=" in ganexp("-m", axis, "data.source.split=test").complaint
    assert "did you mean data.source.split?" in ganexp("-m", axis, "data.source.splitt=test").complaint


def test_a_folder_that_holds_a_sweep_is_not_written_over(copy, ganexp):
    before = (copy / "sweep.csv").read_text()
    outcome = ganexp("-m", *PRODUCT, *ALIKE, f"sweep_dir={copy}")
    assert outcome.status == 2
    assert "already holds a sweep; continue it with skip_finished=true" in outcome.complaint
    assert (copy / "sweep.csv").read_text() == before


@pytest.mark.slow
def test_a_run_begun_with_other_settings_does_not_go_on(copy, ganexp):
    run = run_of(copy, "loss=hinge", "normalization=batch")
    config = run_folder.read_config(run)
    (run / "config.yaml").write_text(run_folder.OmegaConf.to_yaml(config).replace("decay: 0.999", "decay: 0.9"))
    summary.update(run, status=summary.STOPPED)
    outcome = ganexp("-m", *PRODUCT, *ALIKE, f"sweep_dir={copy}", "skip_finished=true")
    assert outcome.status == 2
    assert "holds a run with other settings (ema.decay: 0.999 against 0.9)" in outcome.complaint


def test_failures_are_told_in_one_line_and_are_in_the_table(ganexp, here):
    outcome = ganexp("-m", "data.image_size=20,22", *ALIKE, "metric=none", "sweep_dir=sweep")
    assert outcome.status == 2
    assert "2 of 2 runs were refused or failed, see sweep/sweep.md" in outcome.complaint
    assert "cannot make 20x20" in outcome.complaint
    assert [row["status"] for row in table(here / "sweep")] == ["crashed", "crashed"]


def test_folders_have_names_that_file_systems_take():
    names = {
        sweep.folder_name(["data.root=/some/where", "seed=1"]),
        sweep.folder_name(["data.root=/some-where", "seed=1"]),
        sweep.folder_name([f"data.name={'ü' * 300}"]),
        sweep.folder_name([f"data.name={'ü' * 301}"]),
        sweep.folder_name([]),
    }
    assert len(names) == 5
    assert all(0 < len(name.encode()) <= 200 and "/" not in name and "'" not in name for name in names)
    assert sweep.folder_name(["seed=1", "loss=hinge"]) == sweep.folder_name(["loss=hinge", "seed=1"])
    assert sweep.folder_name(["seed=1", "sweep_dir=x", "skip_finished=true", "+sweeps=seeds"]) == "seed=1"
