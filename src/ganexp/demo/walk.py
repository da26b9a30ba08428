"""A walk through a generator's noise as one HTML file, which opens anywhere without a network."""

import base64
import hashlib
import io
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganexp.analysis.interpolation import points_along
from ganexp.demo.draw import Samples, chosen_labels
from ganexp.drawing.channels import as_rgb
from ganexp.drawing.pictures import as_saved, tiled
from ganexp.files.atomic import replaced_when_whole
from ganexp.files.templates import template
from ganexp.numerics.pixels import quantized
from ganexp.records import summary

TEMPLATES = Path(__file__).with_name("templates")
WALKS = 9
"""Walks side by side."""
COLUMNS = 3
STOPS = 6
"""Samples that a walk passes before it is back at its first one."""
STEPS = 10
"""Pictures from one sample to the next."""
SMALL = 64
"""Up to this side in pixels pictures are stored exactly."""
QUALITY = 85


def write_walk(samples: Samples, run: Path, out: Path) -> None:
    """Write the page, and print what it shows.

    Raises UserError if jinja2 is not installed or the generator's images are broken.
    """
    page = template(TEMPLATES, "walk.html")
    pictures = walk_pictures(samples)
    script = (TEMPLATES / "walk.js").read_text("utf-8")
    text = page.render(
        name=shared_name(run),
        walks=WALKS,
        stops=STOPS,
        steps=STEPS,
        size=pictures[0].size,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=(TEMPLATES / "walk.css").read_text("utf-8"),
        frames=[data_uri(picture) for picture in pictures],
    )
    with replaced_when_whole(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    print(f"{out}: {WALKS} walks through {STOPS} samples each, {len(pictures)} pictures, {len(text) / 1e6:.1f} MB")


def shared_name(run: Path) -> str:
    """Return what was trained, model and data, else the name of the run's folder, as its path concerns nobody else."""
    recorded = summary.read(run).get("choices")
    choices = recorded if isinstance(recorded, dict) else {}
    return " on ".join(str(choices[group]) for group in ("model", "data") if choices.get(group)) or run.name


def walk_pictures(samples: Samples) -> list[Image.Image]:
    """Return one picture per step, each with all walks side by side; the last leads back to the first.

    Walk w passes the samples w * STOPS to w * STOPS + STOPS - 1 on arcs of the noise, or lines of the styles, with the
    label of its first one.
    """
    subject = samples.subject
    positions = torch.arange(STOPS * STEPS) / STEPS
    paths = []
    for first in range(0, WALKS * STOPS, STOPS):
        anchors = subject.latents_of(range(first, first + STOPS))
        latents = points_along(torch.cat([anchors, anchors[:1]]), positions, samples.interpolate)
        paths.append(subject.images(latents, chosen_labels(subject, [first] * len(latents), None)))
    return [picture(torch.stack(step)) for step in zip(*paths, strict=True)]


def picture(images: Tensor) -> Image.Image:
    """Return images (N, C, H, W) in [-1, 1] side by side; raises UserError if they are broken."""
    as_saved(images)
    tiles = tiled(quantized(as_rgb(images)).cpu(), COLUMNS, 255)
    return Image.fromarray(tiles.permute(1, 2, 0).numpy())


def data_uri(image: Image.Image) -> str:
    """Return a picture as a WebP data URI, exact if its walks are small."""
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", lossless=image.width <= COLUMNS * (SMALL + 1) + 1, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
