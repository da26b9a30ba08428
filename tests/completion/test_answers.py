"""Answers to completions: commands, groups, options, keys, values, runs and flags."""

import subprocess
import sys

import pytest
from hydra._internal.utils import get_args_parser

from ganexp.cli.completion import completed
from ganexp.cli.main import COMMANDS
from ganexp.completion.answers import Completion
from ganexp.completion.commands import TRAIN_FLAGS
from ganexp.completion.line import Line, arguments_before, split
from ganexp.config.descriptions import description
from ganexp.config.folders import conf_dir, groups, sweeps_dir

GROUPS = groups(conf_dir())


def texts(line):
    """Return the answers for a line; those that are unfinished without a space at their end."""
    words = split(f"ganexp {line}")
    answers = Completion(tuple(arguments_before(words.before)), words.word, COMMANDS).answers()
    return [f"{answer.text}{' ' if answer.is_finished else ''}" for answer in answers]


def test_the_first_word_is_a_command_a_group_or_a_key():
    first = texts("")
    assert {f"{command} " for command in COMMANDS} <= set(first)
    assert {"model=", "data=", "images=", "seed=", "resume=", "trainer."} <= set(first)
    assert not any("/" in answer for answer in first)
    assert texts("co") == ["compare ", "completion ", "constraint="]


@pytest.mark.parametrize("group", ["model", "loss", "data", "data/source", "trainer", "experiment"])
def test_a_group_has_its_options(group):
    assert texts(f"{group}=") == [f"{group}={name} " for name in GROUPS[group]]


ANSWERS = {
    "model=dcgan_s": ["model=dcgan_small ", "model=dcgan_studiogan "],
    "-m loss=hinge,ls": ["loss=hinge,lsgan "],
    "metric=[fid_clean,fid_cl": ["metric=[fid_clean,fid_classifier"],
    "data/so": ["data/source="],
    "optimizer/rule@optimizer.generator=sg": ["optimizer/rule@optimizer.generator=sgd "],
    "+sweeps=bayes_d": ["+sweeps=bayes_dcgan "],
    "model.generator.w": ["model.generator.width="],
    "model=gan model.generator.w": ["model.generator.widths="],
    "model=cyclegan model.id": ["model.identity="],
    "model.generator.width=": ["model.generator.width=80 "],
    "data.fl": ["data.flip="],
    "data.flip=": ["data.flip=true ", "data.flip=false "],
    "++data.fl": ["++data.flip="],
    "~callbacks.do": ["~callbacks.doctor.", "~callbacks.doctor "],
    "train model.gen": ["model.generator."],
    "--cfg ": ["job ", "hydra ", "all "],
    "--mult": ["--multirun "],
    "sample by": ["by_class="],
    "sample by_class=": ["by_class=true ", "by_class=false "],
    "evaluate check": ["checkpoint="],
    "evaluate checkpoint=": ["checkpoint=last ", "checkpoint=best "],
    "evaluate fa": ["fake="],
    "analyze analysis=wa": ["analysis=walk "],
    "analyze analysis=walk st": ["steps="],
    "analyze mo": [],
    "evaluate metric=fid_cle": ["metric=fid_clean "],
    "evaluate lo": [],
    "data ": ["inspect ", "pack ", "puppets ", "landmarks "],
    "data pack sh": ["shard_size="],
    "list lo": ["logger ", "loss "],
    "list loss ": [],
    "completion ": ["bash ", "zsh ", "fish "],
    "nothing_begins_with_this": [],
    "model.nothing.": [],
}


@pytest.mark.parametrize("line", ANSWERS)
def test_a_word_is_completed_by_what_may_stand_there(line):
    assert texts(line) == ANSWERS[line]


def test_sweeps_are_chosen_with_a_sign_before_the_group():
    assert texts("+sweeps=") == [f"+sweeps={path.stem} " for path in sorted(sweeps_dir().glob("*.yaml"))]


def test_runs_come_before_other_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for run in ("outputs/dcgan/a b", "outputs/dcgan/c", "multirun/x/loss=hinge"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "config.yaml").touch()
    (tmp_path / "pictures").mkdir()
    every = ["multirun/x/loss=hinge", "outputs/dcgan/a b", "outputs/dcgan/c"]
    assert texts("sample run=") == [f"run={run} " for run in every]
    assert texts("resume=outputs/dcgan/c") == ["resume=outputs/dcgan/c "]
    assert texts("init=mul") == ["init=multirun/x/loss=hinge "]
    assert texts("compare out") == ["outputs/dcgan/a b ", "outputs/dcgan/c ", "out="]
    assert texts(f"sample run={tmp_path}/mul") == [f"run={tmp_path}/multirun/x/loss=hinge "]
    assert texts("sample run=pic") == ["run=pictures/"]
    assert texts("data.root=pic") == ["data.root=pictures/"]
    assert texts("run_dir=out") == ["run_dir=outputs/"]


def test_options_of_an_own_folder_are_there_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "loss").mkdir(parents=True)
    (tmp_path / "conf" / "loss" / "mine.yaml").write_text("# Mine.\n_target_: mine.Loss\nlabel: 0.9\n")
    assert texts("--config-dir conf loss=mi") == ["loss=mine ", "loss=minimax "]
    assert texts("--config-dir conf loss=mine loss.") == ["loss._target_=", "loss.label="]
    assert texts("--config-dir c") == ["conf/"]


def test_every_flag_exists():
    known = set(get_args_parser()._option_string_actions) | {"--dry-run"}
    assert set(TRAIN_FLAGS) <= known


def test_options_and_commands_are_described():
    (answer,) = Completion((), "loss=hin", COMMANDS).answers()
    assert answer.description == description(conf_dir() / "loss" / "hinge.yaml")
    assert all(answer.description for answer in Completion((), "", COMMANDS).answers() if answer.is_finished)


SPLIT = {
    "a b": Line(["a"], "b"),
    "a b ": Line(["a", "b"], ""),
    "a 'b c": Line(["a"], "b c", "'"),
    'a "b\\"c': Line(["a"], 'b"c', '"'),
    "a b\\ c": Line(["a"], "b c"),
    "a 'b'c": Line(["a"], "bc"),
}


@pytest.mark.parametrize("text", SPLIT)
def test_a_line_is_split_as_a_shell_does(text):
    assert split(text) == SPLIT[text]


def test_the_arguments_follow_the_command_or_the_module():
    assert arguments_before(["ganexp", "a"]) == ["a"]
    assert arguments_before(["python3", "-m", "ganexp", "a", "b"]) == ["a", "b"]
    assert arguments_before(["python3", "-X", "dev", "-m", "ganexp"]) == []


def test_bash_gets_what_follows_the_last_break_with_spaces_escaped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    monkeypatch.setenv("GANEXP_WORD_BREAKS", " \t\n\"'><=;|&(:")
    assert completed("bash", "ganexp model=wgan_") == ["wgan_gp "]
    assert completed("bash", "ganexp 'model=wgan_") == ["model=wgan_gp"]
    assert completed("bash", "ganexp data.root=a") == ["a\\ b/"]
    assert completed("bash", "ganexp data.root=a\\ ") == ["a\\ b/"]
    assert completed("bash", "python -m ganexp translate in") == ["input="]


def test_zsh_and_fish_get_whole_words_with_descriptions():
    for shell in ("zsh", "fish"):
        (line,) = completed(shell, "ganexp\nmodel=wgan_")
        word, _, description = line.partition("\t")
        assert word == "model=wgan_gp "
        assert description.startswith("W")


QUICK = """
import sys
from ganexp.cli import main
for line in sys.argv[1:]:
    assert main.main(["completion", "bash", line]) == 0
heavy = {"torch", "numpy", "hydra", "omegaconf", "lightning", "antlr4"} & set(sys.modules)
assert not heavy, heavy
"""


def test_an_answer_imports_neither_torch_nor_hydra(tmp_path):
    lines = ["model=", "model.generator.", "sample run=", "analyze analysis=", "list "]
    asked = [sys.executable, "-c", QUICK, *(f"ganexp {line}" for line in lines)]
    subprocess.run(asked, cwd=tmp_path, check=True, capture_output=True)
