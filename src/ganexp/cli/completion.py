"""Command ``ganexp completion bash|zsh|fish``: tab completion for the shell."""

from ganexp.completion.answers import Completion
from ganexp.completion.line import arguments_before
from ganexp.completion.shells import SHELLS, read, script
from ganexp.errors import UserError

HELP = ("-h", "--help")
HELP_TEXT = """python -m ganexp completion bash|zsh|fish

Print the script for tab completion of ganexp and of python -m ganexp: commands, config groups and their options, keys,
flags, and run folders after run=. Put one line into the file that your shell reads at its start:

  bash  ~/.bashrc                     eval "$(ganexp completion bash)"
  zsh   ~/.zshrc, after compinit      eval "$(ganexp completion zsh)"
  fish  ~/.config/fish/config.fish    ganexp completion fish | source
"""


def main(arguments: list[str]) -> None:
    """Print the script of a shell or, given a command line up to the cursor, its completions."""
    if any(argument in HELP for argument in arguments[:1]):
        print(HELP_TEXT, end="")
        return
    if arguments[:1] == [] or arguments[0] not in SHELLS or len(arguments) > 2:
        raise UserError(f"completion takes one shell: python -m ganexp completion {'|'.join(SHELLS)}")
    if len(arguments) == 1:
        print(script(arguments[0]), end="")
        return
    print("\n".join(completed(arguments[0], arguments[1])))


def completed(shell: str, text: str) -> list[str]:
    """Return the lines that a shell's script reads for a command line up to the cursor."""
    from ganexp.cli.main import COMMANDS

    line = read(text)
    answers = Completion(tuple(arguments_before(line.before)), line.word, COMMANDS).answers()
    return SHELLS[shell](answers, line)
