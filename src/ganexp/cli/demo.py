"""``ganexp demo run=DIR``: a page to play with a trained model."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.config.rules import translates
from ganexp.runs import run_folder
from ganexp.runs.trusted_code import trusted


@dataclass
class Arguments:
    """Play with a trained model, on a page that only this machine can open."""

    run: str = field(default="???", metadata={"help": "the run's folder"})
    port: int | None = field(default=None, metadata={"help": "of the page; the first free one from 7860 if left out"})
    checkpoint: str = field(default="last", metadata={"help": "last or best"})
    trust: list[str] = field(
        default_factory=list, metadata={"help": "packages of yours that the run's configuration names"}
    )


def main(arguments: list[str]) -> None:
    """Serve the page until Ctrl-C."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "demo")
        return
    composition.register_resolvers()
    wanted = parse(Arguments, arguments)
    check_checkpoint(wanted.checkpoint)
    folder = Path(wanted.run)
    config = run_folder.read_config(folder, wanted.trust)
    checkpoint = run_folder.checkpoint(folder, wanted.checkpoint)
    config = trusted(config)

    from ganexp.demo.draw import Samples, Translations
    from ganexp.demo.page import gradio, samples_page, serve, translations_page
    from ganexp.generation.sample import load_model

    # Before the model, which takes longer.
    gradio()
    model = load_model(config, checkpoint)
    if translates(config):
        translations = Translations.of(model, config)
        serve(lambda: translations_page(translations, str(folder)), wanted.port)
    else:
        samples = Samples.of(model, config)
        serve(lambda: samples_page(samples, str(folder)), wanted.port)
