"""Entry point: fast answers, one-line errors, exit statuses."""

import errno
import os
import subprocess
import sys

import pytest

from ganexp import __version__
from ganexp.cli import main

QUICK = """
import sys
from ganexp.cli import main as cli
for arguments in (["--help"], ["--cfg", "job"], ["list"], ["sample", "--help"], ["--version"]):
    assert cli.main(arguments) == 0, arguments
wrong = ["model=dcgann", "imagse=3", "images=abc", "images=0", "trainer.max_steps=3", "a=[1", "--frobnicate", "modle"]
for argument in wrong:
    assert cli.main([argument]) == 2, argument
assert cli.main(["model=cgan", "data=gaussians"]) == 2
for model, data in {"cdcgan": "image_folder", "pix2pix": "paired_folder", "cyclegan": "unpaired_folder"}.items():
    assert cli.main([f"model={model}", f"data={data}", "data.root=nowhere"]) == 2
assert cli.main(["data", "inspect", "data=image_folder", "data.root=nowhere"]) == 2
assert cli.main(["evaluate", "fake=nowhere", "real=nowhere"]) == 2
assert cli.main(["sample", "run=nowhere", "out=x"]) == 2
assert cli.main(["resume=nowhere"]) == 2
heavy = {"torch", "lightning", "torchvision", "numpy", "matplotlib", "wandb"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_and_mistakes_are_answered_before_anything_heavy_is_imported(tmp_path):
    ended = subprocess.run([sys.executable, "-c", QUICK], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 16
    assert not list(tmp_path.rglob("config.yaml"))


COMMANDS = {
    (): "train",
    ("model=dcgan",): "train",
    ("+a=1",): "train",
    ("~a",): "train",
    ("--help",): "train",
    ("train", "model=dcgan"): "train",
    ("list", "model"): "list",
}


@pytest.mark.parametrize(("arguments", "command"), COMMANDS.items(), ids=str)
def test_train_is_the_default_command(arguments, command):
    named = arguments and arguments[0] == command
    assert main.split_command(list(arguments)) == (command, list(arguments[1:] if named else arguments))


@pytest.mark.parametrize("arguments", [("-c", "job", "seed=3", "images=7"), ("seed=3", "-c", "job", "images=7")])
def test_flags_may_stand_among_the_overrides(ganexp, arguments):
    shown = ganexp(*arguments)
    assert shown.status == 0, shown.err
    assert {"seed: 3", "images: 7"} <= set(shown.out.splitlines())


@pytest.mark.parametrize(("argument", "answer"), {"trian": "did you mean train?", "": "no such command"}.items())
def test_an_unknown_command_is_refused_with_the_list_of_commands(capsys, argument, answer):
    assert main.main([argument]) == 2
    complaint = capsys.readouterr().err
    assert answer in complaint
    assert all(command in complaint for command in main.COMMANDS)


def test_the_console_script_finds_modules_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ganexp", "--version"])
    monkeypatch.setattr(sys, "path", ["bin", *sys.path])
    assert main.main() == 0
    assert sys.path[:2] == [str(tmp_path), "bin"]
    assert main.main() == 0
    assert sys.path.count(str(tmp_path)) == 1


def test_version(capsys):
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ganexp {__version__}\n"


def test_terminal_control_characters_are_not_printed(capsys):
    assert main.main(["list", "\x1b]0;title\x07there"]) == 2
    assert capsys.readouterr().err.startswith("ganexp:  ]0;title there: no such group. There are: ")


def test_a_pipe_closed_early_causes_no_traceback(tmp_path):
    command = f"{sys.executable} -m ganexp list | head -n 1"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout == "analysis\n"
    assert ended.stderr == ""


def test_an_internal_error_is_not_hidden(monkeypatch):
    from ganexp.cli import list as command

    monkeypatch.setattr(command, "conf_dir", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main.main(["list"])


FAILED = {
    (errno.ENOSPC, "there"): "write",
    (errno.ENOENT, "absent"): "read",
    (errno.ENOENT, "nowhere/absent"): "read or write",
    (errno.EACCES, "absent"): "write",
    (errno.EACCES, "there"): "write",
    (errno.EIO, "there"): "read or write",
    (errno.EIO, None): "read or write",
}


@pytest.mark.parametrize(("failed", "expected"), FAILED.items(), ids=[f"{errno.errorcode[n]}-{p}" for n, p in FAILED])
def test_a_failed_file_operation_is_reported_as_read_or_write_where_the_error_tells(tmp_path, failed, expected):
    number, name = failed
    (tmp_path / "there").touch()
    path = None if name is None else str(tmp_path / name)
    assert main.failed_operation(OSError(number, os.strerror(number), path)) == expected
