"""Model card: the README.md of a published model, with its samples, its scores and how to load it."""

import html
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ganexp import __version__
from ganexp.metrics.protocol import weights_label
from ganexp.publishing.layout import SAMPLES
from ganexp.runs.scores import is_float
from ganexp.terminal.text import printable

TASKS = {False: "unconditional-image-generation", True: "image-to-image"}
UNSTATED = {"callbacks", "logger", "trainer", "metric"}
"""Config groups that say nothing about the model itself."""
PATH_CHARACTERS = ("/", "~", "\\")
"""Characters in values of a command that may name places on the user's machine."""


@dataclass(frozen=True)
class Card:
    """Facts of a model card.

    ``choices`` are the options of the config groups, ``scores`` those of the published weights, and ``shape`` is that
    of an image, (C, H, W). ``labels`` are two classes of a conditional model, by name where they have any, or
    two sets of its ``attributes``. ``address`` is what ``ganexp.load`` takes. ``value_range`` are the values in the
    data's units that -1 and 1 are; None for pictures of 8 bits. ``trust`` names the code that is not ganexp's.
    """

    address: str
    choices: Mapping[str, str]
    data: str
    command: str | None
    images_seen: int
    shape: tuple[int, int, int]
    scores: Sequence[Mapping[str, Any]]
    translates: bool
    has_samples: bool
    labels: Sequence[str | int] | None = None
    license: str | None = None
    attributes: Sequence[str] | None = None
    value_range: Sequence[float] | None = None
    trust: Sequence[str] = ()

    @property
    def call(self) -> str:
        """The Python expression that loads the model."""
        trust = f", trust={json.dumps(list(self.trust))}" if self.trust else ""
        return f"ganexp.load({json.dumps(self.address)}{trust})"

    @property
    def title(self) -> str:
        """The model and its data."""
        return f"{self.choices.get('model', 'GAN')} on {self.data}"

    def text(self) -> str:
        """Return the card: a front matter in YAML, then Markdown."""
        parts = [
            self.front_matter(),
            f"# {escape(self.title)}",
            f"Trained with ganexp {__version__}; the discriminator was shown {self.images_seen:,} images.",
            *([f"![samples]({SAMPLES})"] if self.has_samples else []),
            self.use(),
            self.training(),
            self.score_section(),
        ]
        return "\n\n".join(parts) + "\n"

    def front_matter(self) -> str:
        """Return what the Hub reads: library, task, tags and, if there is one, the licence."""
        tags = ["gan", *(value for value in (self.choices.get("model"), self.data) if value)]
        facts: dict[str, Any] = {"library_name": "ganexp", "pipeline_tag": TASKS[self.translates], "tags": tags}
        if self.license is not None:
            facts = {"license": self.license, **facts}
        return f"---\n{yaml.safe_dump(facts, sort_keys=False)}---"

    def use(self) -> str:
        """Return how to load the model."""
        channels, height, width = self.shape
        labels = "" if self.labels is None else f", labels={json.dumps(list(self.labels))}"
        draw = (
            f"translated = model.translate(images)  # (N, {channels}, H, W) in [-1, 1]"
            if self.translates
            else f"images = model.sample(16, seed=0{labels})  # (16, {channels}, {height}, {width}) in [-1, 1]"
        )
        lines = ["import ganexp", "", f"model = {self.call}", draw]
        modules = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in self.trust))
        needed = f"\n\nPython must find code that is not ganexp's: {escape(modules)}." if self.trust else ""
        listed = "" if self.attributes is None else f"\n\nAttributes: {escape(', '.join(self.attributes))}"
        return "## Use\n\n" + fenced("python", "\n".join(lines)) + needed + listed + self.units()

    def units(self) -> str:
        """Return what values of images mean in the data's units, empty for pictures of 8 bits."""
        if self.value_range is None:
            return ""
        low, high = self.value_range
        return f"\n\nIn the data's units, -1 is {low:g} and 1 is {high:g}."

    def training(self) -> str:
        """Return the options of the config groups, and the command without the user's own folders."""
        rows = [(group, choice) for group, choice in self.choices.items() if group not in UNSTATED]
        shown = table(("group", "option"), rows)
        return "## Training\n\n" + shown + (f"\n\n{fenced('bash', self.command)}" if self.command else "")

    def score_section(self) -> str:
        """Return the scores, each with its protocol."""
        if not self.scores:
            return "## Scores\n\nNo score of these weights is recorded."
        head = ("score", "value", "standard deviation", "weights")
        rows = [
            (*(score["name"], number(score["value"]), number(score.get("spread"))), weights_label(score["protocol"]))
            for score in self.scores
        ]
        protocols = [
            folded(f"Protocol of {score['name']}", fenced("yaml", protocol(score["protocol"]))) for score in self.scores
        ]
        return "\n\n".join(["## Scores", table(head, rows), *protocols])


def folded(title: str, text: str) -> str:
    """Return text that the Hub's page shows when its title is clicked."""
    return f"<details>\n<summary>{html.escape(printable(title))}</summary>\n\n{text}\n\n</details>"


def public_command(command: str) -> str | None:
    """Return a command without the values that name places on the machine it ran on; None for what is no command."""
    try:
        split = shlex.split(command)
    except ValueError:
        return None
    words = []
    for word in split:
        value = word.partition("=")[2] if "=" in word else word
        private = any(character in value for character in PATH_CHARACTERS)
        words.append(f"{word.removesuffix(value)}FOLDER" if private else word)
    return shlex.join(words)


def protocol(values: Any) -> str:
    """Return a protocol as YAML."""
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text.rstrip()


def number(value: Any) -> str:
    """Return a number as text, empty where there is none."""
    return f"{value:.4g}" if is_float(value) else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(language: str, text: str) -> str:
    """Return a block of code that nothing in the text can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{printable(text)}\n{fence}"


def escape(text: str) -> str:
    """Return text in which Markdown and HTML find nothing to interpret."""
    plain = " ".join(printable(text).split())
    return "".join(f"\\{character}" if character in "\\`*[]<>|#&!" else character for character in plain)
