"""Gradio pages of the demo, served locally without requests to other machines."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import randrange
from typing import Any

from ganexp.analysis.subject import MOST_SAMPLES
from ganexp.data.depth.value_range import ValueRange
from ganexp.demo.conditions import condition
from ganexp.demo.draw import MOST_PIXELS, Samples, Translations, enlarged, require_number, window
from ganexp.errors import UserError
from ganexp.serving.hosts import HostCheck
from ganexp.serving.temporary import temporary_folder
from ganexp.serving.uploads import UploadBound
from ganexp.serving.waiting import ended_by_signals, until_interrupted

HOST = "127.0.0.1"
MEGABYTES = 20
KEPT_FILES = 1000
KEPT_BYTES = 500_000_000
"""Bounds on uploads and drawn pictures together, which gradio keeps in one folder."""
ENVELOPE_BYTES = 1_000_000
"""What a request has beside the uploaded file."""
THRESHOLDS = {"none": None, "1.5": 1.5, "1": 1.0, "0.7": 0.7, "0.5": 0.5, "0.3": 0.3}
REACH = 3.0
FONTS = ["system-ui", "sans-serif"]
STRIPS = ("interpolation", "directions", "several", "truncations")
ROOM_FOR_BUTTONS = "".join(f"#{name} .image-container {{ padding-top: 2rem }}" for name in STRIPS)
"""Without a label above them, rows of pictures would be covered by gradio's buttons."""


def gradio() -> Any:
    """Return the gradio module, with telemetry and Hub access off; raises UserError if it is missing."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import gradio
    except ModuleNotFoundError as error:
        raise UserError("demo needs a package: pip install 'ganexp[demo]'") from error
    return gradio


def serve(page: Callable[[], Any], port: int | None, hosts: Sequence[str]) -> None:
    """Serve a page until Ctrl-C to this machine, under its own names and ``hosts``, without retaining uploads.

    Raises UserError if the port is taken, and Interrupted on SIGTERM or SIGHUP.
    """
    with ended_by_signals(), temporary_folder("ganexp-demo-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        gr = gradio()
        blocks = page()
        try:
            _, address, _ = blocks.launch(
                server_name=HOST,
                server_port=port,
                share=False,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size=MEGABYTES * gr.FileSize.MB,
                footer_links=[],
                ssr_mode=False,
                theme=gr.themes.Default(font=FONTS, font_mono=["monospace"]),
                css=ROOM_FOR_BUTTONS,
                app_kwargs={"middleware": checks(hosts, uploads)},
            )
        except (OSError, OverflowError) as error:
            raise UserError(f"port={port}: cannot be used; choose another, or leave it out") from error
        print(f"the demo is at {address} (Ctrl-C ends it)", flush=True)
        try:
            until_interrupted()
        finally:
            blocks.close(verbose=False)


def checks(hosts: Sequence[str], uploads: Path) -> list[Any]:
    """Return the middleware that checks each request, the first one first."""
    from starlette.middleware import Middleware

    request_bytes = MEGABYTES * 1024 * 1024 + ENVELOPE_BYTES
    return [
        Middleware(HostCheck, hosts=hosts),
        Middleware(
            UploadBound,
            folder=uploads,
            request_bytes=request_bytes,
            kept_files=KEPT_FILES,
            kept_bytes=KEPT_BYTES,
        ),
    ]


def samples_page(
    samples: Samples, run: str, names: Sequence[str] | None = None, value_range: ValueRange | None = None
) -> Any:
    """Return the page of a model that generates images from noise; ``names`` are those of its classes or attributes.

    A caption says which values of the ``value_range`` are black and white.
    """
    gr = gradio()

    def draw(number: Any, other: Any, share: float, threshold: str, *rest: Any) -> Any:
        chosen, steps = rest[: len(given.controls)], rest[len(given.controls) :]
        with errors_shown(gr):
            ends = require_number(number), require_number(other)
            return samples.draw(*ends, share, given.label(*chosen), THRESHOLDS[threshold], list(steps))

    def draw_many(number: Any, threshold: str, *chosen: Any) -> Any:
        with errors_shown(gr):
            first, label, cut = require_number(number), given.label(*chosen), THRESHOLDS[threshold]
            return samples.many(first, label, cut), samples.along_directions(first, label, cut, REACH)

    def draw_truncations(number: Any, *chosen: Any) -> Any:
        with errors_shown(gr):
            return samples.truncations(require_number(number), given.label(*chosen), list(THRESHOLDS.values()))

    with gr.Blocks(title="ganexp demo", analytics_enabled=False) as page:
        gr.Markdown(f"# Samples of `{run}`")
        if value_range is not None:
            gr.Markdown(f"Shown with 8 bits: {window(value_range)}. `ganexp sample` writes the values.")
        with gr.Row():
            with gr.Column():
                number = gr.Number(0, label="sample", precision=0, info="as numbered by: ganexp sample, seed=0")
                other = gr.Number(1, label="interpolated to sample", precision=0)
                random = gr.Button("Random")
                share = gr.Slider(0.0, 1.0, 0.0, label="position between the samples")
                given = condition(gr, samples.subject, names)
                threshold = gr.Dropdown(
                    list(THRESHOLDS),
                    label="truncation",
                    info="as truncation= of: ganexp sample",
                    visible=samples.can_be_truncated,
                )
                steps = [
                    gr.Slider(-REACH, REACH, 0.0, label=f"direction {k}", info="standard deviations of the noise")
                    for k in range(1, len(samples.directions) + 1)
                ]
            with gr.Column():
                picture = shown(gr, "picture")
                gr.Markdown("The whole interpolation, from the first sample to the second:")
                interpolation = shown(gr, "interpolation", show_label=False)
                gr.Markdown(f"What the directions do: a row each, from -{REACH:g} to {REACH:g} standard deviations:")
                directions = shown(gr, "directions", show_label=False)
                gr.Markdown("This sample and those after it:")
                several = shown(gr, "several", show_label=False)
                # On demand, as each truncation of a model with batch normalization takes a moment to prepare.
                examples = gr.Button("Examples of each truncation", visible=samples.can_be_truncated)
                gr.Markdown(f"A row each: {', '.join(THRESHOLDS)}.", visible=samples.can_be_truncated)
                truncations = shown(gr, "truncations", show_label=False, visible=samples.can_be_truncated)
        controls = [number, other, share, threshold, *given.controls, *steps]
        events = [page.load, *(control.change for control in controls)]
        # Only the latest position of a slider is drawn, not the intermediate ones.
        gr.on(events, draw, controls, [picture, interpolation], trigger_mode="always_last", show_progress="hidden")
        gr.on(
            [page.load, *(control.change for control in (number, threshold, *given.controls))],
            draw_many,
            [number, threshold, *given.controls],
            [several, directions],
            trigger_mode="always_last",
            show_progress="hidden",
        )
        examples.click(draw_truncations, [number, *given.controls], truncations)
        random.click(lambda: (randrange(MOST_SAMPLES), randrange(MOST_SAMPLES)), None, [number, other])
    return page


def translations_page(translations: Translations, run: str) -> Any:
    """Return the page of an image-to-image model."""
    gr = gradio()

    def draw(path: str | None, direction: str) -> Any:
        if path is None:
            return None, None, None, None, None
        with errors_shown(gr):
            folder = Path(tempfile.mkdtemp(dir=os.environ["GRADIO_TEMP_DIR"]))
            seen, made = map(enlarged, translations.draw(Path(path), direction, folder))
            written = next(map(str, folder.iterdir()), None)
            return seen, made, (seen, made), translations.windows(direction), written

    with gr.Blocks(title="ganexp demo", analytics_enabled=False) as page:
        gr.Markdown(f"# Translations of `{run}`")
        upload = gr.File(label=f"a picture: at most {MEGABYTES} MB and {MOST_PIXELS:,} pixels", elem_id="upload")
        choices = list(translations.own)
        direction = gr.Radio(choices, value=choices[0], label="direction", visible=len(choices) > 1)
        with gr.Row():
            seen, made = shown(gr, "picture"), shown(gr, "translation")
        both = gr.ImageSlider(
            label="one over the other", elem_id="both", format="png", interactive=False, buttons=["fullscreen"]
        )
        note = gr.Markdown(visible=translations.have_ranges)
        values = gr.File(label="the translation in the data's units", visible=translations.have_ranges)
        gr.on([upload.change, direction.change], draw, [upload, direction], [seen, made, both, note, values])
    return page


def shown(gr: Any, name: str, show_label: bool | None = None, visible: bool = True) -> Any:
    """Return an image component without gradio's share button, which uploads the picture."""
    return gr.Image(
        label=name,
        show_label=show_label,
        elem_id=name,
        format="png",
        interactive=False,
        visible=visible,
        buttons=["download", "fullscreen"],
    )


@contextmanager
def errors_shown(gr: Any) -> Iterator[None]:
    """Show a UserError on the page."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
