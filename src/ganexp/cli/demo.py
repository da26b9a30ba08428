"""Command ``ganexp demo run=DIR``: an interactive page for a trained model."""

from dataclasses import dataclass, field

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.config.rules import translates
from ganexp.publishing.trained_run import trained_run
from ganexp.runs.class_names import class_names_of
from ganexp.serving.hosts import require_host_names


@dataclass
class Arguments:
    """Explore a trained model on an interactive page that only this machine can open."""

    run: str = field(default="???", metadata={"help": "the run's folder, a published folder or hf://owner/name"})
    port: int | None = field(default=None, metadata={"help": "port of the page (default: first free from 7860)"})
    checkpoint: str = field(default="last", metadata={"help": "last or best"})
    hosts: list[str] = field(
        default_factory=list,
        metadata={"help": "names of proxies of yours that show the page, such as gpu.example.org"},
    )
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Serve the page until Ctrl-C."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "demo")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    check_checkpoint(options.checkpoint)
    require_host_names(options.hosts)
    run = trained_run(options.run, options.trust, options.checkpoint)

    from ganexp.demo.draw import Samples, Translations
    from ganexp.demo.page import gradio, samples_page, serve, translations_page
    from ganexp.runs.model import load_model

    # A missing package is reported before the model is loaded, which takes longer.
    gradio()
    model = load_model(run)
    if translates(run.config):
        translations = Translations.of(model, run.config)
        serve(lambda: translations_page(translations, options.run), options.port, options.hosts)
    else:
        samples = Samples.of(model, run.config)
        names = class_names_of(run)
        serve(lambda: samples_page(samples, options.run, names), options.port, options.hosts)
