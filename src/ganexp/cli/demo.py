"""Command ``ganexp demo run=DIR``: an interactive page for a trained model, or a file with a walk through its noise."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.config.conditions import translates
from ganexp.errors import UserError
from ganexp.files.atomic import require_new_file
from ganexp.publishing.trained_run import trained_run
from ganexp.runs.class_names import class_names_of
from ganexp.runs.run import Run
from ganexp.serving.hosts import require_host_names


@dataclass
class Arguments:
    """Explore a trained model on an interactive page that only this machine can open."""

    run: str = field(default="???", metadata={"help": "the run's folder, a published folder or hf://owner/name"})
    out: str | None = field(
        default=None,
        metadata={"help": "write a page that shows walks through the noise without ganexp, such as walk.html"},
    )
    overwrite: bool = field(default=False, metadata={"help": "replace an existing file"})
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
    out = None if options.out is None else require_page(Path(options.out), options.overwrite)
    run = trained_run(options.run, options.trust, options.checkpoint)

    if out is not None:
        write_page(run, options.run, out)
        return

    from ganexp.demo.draw import Samples, Translations
    from ganexp.demo.page import gradio, samples_page, serve, translations_page
    from ganexp.generation.translate import OPPOSITE
    from ganexp.runs.model import load_model
    from ganexp.runs.value_range import ranges_of, value_range_of

    # A missing package is reported before the model is loaded, which takes longer.
    gradio()
    model = load_model(run)
    if translates(run.config):
        ranges = {direction: ranges_of(run, direction) for direction in OPPOSITE}
        translations = Translations.of(model, run.config, ranges)
        serve(lambda: translations_page(translations, options.run), options.port, options.hosts)
    else:
        samples = Samples.of(model, run.config)
        names, value_range = class_names_of(run), value_range_of(run)
        serve(lambda: samples_page(samples, options.run, names, value_range), options.port, options.hosts)


def require_page(out: Path, overwrite: bool) -> Path:
    """Return the file to write; raises UserError for another suffix than .html and for an existing file."""
    if out.suffix != ".html":
        raise UserError(f"out={out}: the page is a file that ends in .html, such as walk.html")
    require_new_file(out, overwrite, "walk.html")
    return out


def write_page(run: Run, name: str, out: Path) -> None:
    """Write walks through the noise of a run's generator as a page."""
    if translates(run.config):
        raise UserError(f"run={name}: it translates images, and a walk needs a model that makes images from noise")

    from ganexp.demo.draw import Samples
    from ganexp.demo.walk import write_walk
    from ganexp.runs.model import load_model

    write_walk(Samples.of(load_model(run), run.config), run.folder, out)
