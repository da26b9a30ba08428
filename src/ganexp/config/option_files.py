"""Option files of a user's own config groups: each is a mapping of settings."""

from pathlib import Path

import yaml

from ganexp.config.composition import conf_dir, is_choice
from ganexp.config.messages import explain
from ganexp.errors import UserError


def check_option_files(overrides: list[str], folder: Path) -> None:
    """Raise UserError naming the first file, of the options that are chosen from a folder, that is no mapping.

    So is one that has the name of an option of ganexp's, which Hydra takes in its place.
    """
    for override in overrides:
        if is_choice(override, [folder]):
            group, _, names = override.lstrip("+").partition("=")
            for name in names.strip("[]").split(","):
                place = Path(group.partition("@")[0], f"{name.strip()}.yaml")
                if (conf_dir() / place).is_file():
                    raise UserError(f"{folder / place}: ganexp has an option {override} too; give yours another name")
                require_mapping(folder / place)


def require_mapping(path: Path) -> None:
    """Raise UserError if a file is not YAML, is empty, or holds anything but a mapping."""
    try:
        with path.open(encoding="utf-8") as file:
            node = yaml.compose(file, yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8") from error
    except yaml.YAMLError as error:
        raise UserError(explain(error)) from error
    except RecursionError as error:
        raise UserError(f"{path}: nested too deeply") from error
    if not isinstance(node, yaml.MappingNode):
        problem = "it is empty" if node is None else "it is something else"
        raise UserError(f"{path}: an option is a mapping, KEY: VALUE in each line, and {problem}")
