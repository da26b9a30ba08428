"""A hook of MkDocs: the reference, a page for each config group, made from conf/ whenever the site is built."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ganexp.cli.list import SWEEPS, description
from ganexp.config.composition import conf_dir, groups, sweeps_dir

COMMANDS = {"train": "python -m ganexp", "evaluate": "python -m ganexp evaluate", "analyze": "python -m ganexp analyze"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the config groups' pages to the navigation's section Reference."""
    pages = [{"All groups": "reference/index.md"}, *({group: f"reference/{group}.md"} for group in sections())]
    (reference,) = (section["Reference"] for section in config.nav if "Reference" in section)
    reference.append({"Config groups": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference's pages."""
    files.append(File.generated(config, "reference/index.md", content=index()))
    for group, names in sections().items():
        files.append(File.generated(config, f"reference/{group}.md", content=page(group, names)))
    return files


def sections() -> dict[str, list[str]]:
    """Return the config groups of each page: a group and those nested in it."""
    pages: dict[str, list[str]] = {}
    for group in options():
        pages.setdefault(group.partition("/")[0], []).append(group)
    return pages


def options() -> dict[str, list[str]]:
    """Return every option of every config group, the sweeps among them."""
    return {**groups(conf_dir()), SWEEPS: sorted(path.stem for path in sweeps_dir().glob("*.yaml"))}


def file(group: str, option: str) -> Path:
    """Return the file of an option."""
    return (sweeps_dir() if group == SWEEPS else conf_dir() / group) / f"{option}.yaml"


def index() -> str:
    """Return the page of all groups and of the values that belong to no group."""
    rows = [
        f"| [{group}]({section}.md#{anchor(group)}) | {', '.join(f'`{name}`' for name in options()[group])} |"
        for section, names in sections().items()
        for group in names
    ]
    lines = [
        "# Options",
        "Choose an option by `GROUP=OPTION`, several of a group that allows it by `GROUP=[ONE,OTHER]`, and set any "
        "value by its key, such as `data.batch_size=64`. `python -m ganexp --cfg job` shows the whole configuration as "
        "composed, `python -m ganexp list GROUP` these pages' tables.",
        "\n".join(["| group | options |", "| --- | --- |", *rows]),
    ]
    for name, command in COMMANDS.items():
        lines += [f"## `{command}`", "Values that belong to no group, with their defaults:", fenced(values(name))]
    return "\n\n".join(lines)


def page(section: str, names: list[str]) -> str:
    """Return the page of a group: a table of its options, then the YAML of each."""
    lines = [f"# {section}"]
    for group in names:
        if group != section:
            lines.append(f"## {group} {{ #{anchor(group)} }}")
        rows = [
            f"| [`{name}`](#{anchor(group, name)}) | {cell(description(file(group, name)))} |"
            for name in options()[group]
        ]
        lines += [choice(group), "\n".join(["| option | description |", "| --- | --- |", *rows])]
        for name in options()[group]:
            heading = f"{'##' if group == section else '###'} {name} {{ #{anchor(group, name)} }}"
            lines += [heading, fenced(file(group, name).read_text())]
    return "\n\n".join(lines)


def choice(group: str) -> str:
    """Return the instructions for choosing an option of a group."""
    name = options()[group][0]
    if group == SWEEPS:
        return f"`python -m ganexp -m +{SWEEPS}={name}`; any value of it can be set as well."
    return f"`{group}=OPTION`, such as `{group}={name}`."


def values(name: str) -> str:
    """Return a command's own configuration, without Hydra's settings at its end."""
    return (conf_dir() / f"{name}.yaml").read_text().partition("\nhydra:\n")[0]


def anchor(*parts: str) -> str:
    """Return the anchor of a group or of an option within its page."""
    return "--".join(parts).replace("/", "-")


def cell(text: str) -> str:
    """Return a text with escaped column separators."""
    return text.replace("|", "\\|")


def fenced(text: str) -> str:
    """Return a YAML text as a block."""
    return f"```yaml\n{text.strip()}\n```"
