"""Keys of the commands that compose no configuration, read from their sources: importing those takes half a second."""

import ast
from pathlib import Path

COMMANDS = Path(__file__).parents[1] / "cli"
CLASSES = ("Arguments", "Paths")


def command_keys(command: str) -> dict[str, str]:
    """Return the type, as it is written, of every key that a command takes, by the fields of its dataclass."""
    try:
        tree = ast.parse((COMMANDS / f"{command}.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return {}
    return {
        statement.target.id: ast.unparse(statement.annotation)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in CLASSES
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }
