"""Completion in the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
BASH = r"""
ganexp() { "$PYTHON" -m ganexp "$@"; }
python() { "$PYTHON" "$@"; }
eval "$(ganexp completion bash)"
answers_to() {
    COMP_LINE=$1 COMP_POINT=${#1}
    local function
    function=$(complete -p "${1%% *}" | sed 's/.*-F \([^ ]*\) .*/\1/')
    "$function" "${1%% *}"
    printf '<%s>' "${COMPREPLY[@]}"
    echo
}
for line in "$@"; do answers_to "$line"; done
compgen -A function -X '!_ganexp*'
"""


def ask(shell, *arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHON": sys.executable}
    command = [shell, *arguments]
    asked = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, "")
    return asked.stdout.splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_the_command_and_the_module(tmp_path):
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "config.yaml").touch()
    lines = ["ganexp model=wgan_", "python -m ganexp sample run=", "ganexp 'metric=[fid_clean,kid_cle", "python script"]
    shown = ask("bash", "--norc", "-c", BASH, "bash", *lines, folder=tmp_path)
    assert shown[:4] == ["<wgan_gp >", "<runs/first >", "<metric=[fid_clean,kid_clean>", "<>"]
    assert shown[4:] == ["_ganexp", "_ganexp_answers", "_ganexp_python"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script(tmp_path):
    script = 'autoload -Uz compinit && compinit -u -D; eval "$($PYTHON -m ganexp completion zsh)"; echo $_comps[ganexp]'
    assert ask("zsh", "-f", "-c", script, folder=tmp_path) == ["_ganexp"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_the_command_and_the_module(tmp_path):
    script = """
    function ganexp; $PYTHON -m ganexp $argv; end
    ganexp completion fish | source
    complete --do-complete 'ganexp model=wgan_'
    complete --do-complete "$PYTHON -m ganexp model=wgan_"
    """
    assert [line.partition("\t")[0] for line in ask("fish", "--no-config", "-c", script, folder=tmp_path)] == [
        "model=wgan_gp",
        "model=wgan_gp",
    ]


@pytest.mark.parametrize("arguments", [(), ("tcsh",), ("bash", "a", "b")])
def test_another_shell_is_refused(ganexp, arguments):
    complaint = ganexp("completion", *arguments).complaint
    assert complaint == "completion takes one shell: python -m ganexp completion bash|zsh|fish"
