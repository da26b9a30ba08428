"""Publishing of a trained model: a folder in the Hub's layout, or its upload."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from ganexp.config.conditions import translates
from ganexp.drawing.named_grid import named_grid, wide
from ganexp.drawing.pictures import as_saved
from ganexp.files.atomic import filled_when_whole
from ganexp.game.module import COUNTERS
from ganexp.image_size import ImageSize
from ganexp.numerics.flags import full_precision
from ganexp.publishing import hub, layout
from ganexp.publishing.card import Card, public_command
from ganexp.publishing.packages import installed
from ganexp.publishing.weights import save_weights
from ganexp.records import summary
from ganexp.records.class_names import NO_ATTRIBUTES, SEPARATOR, attribute_text
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.class_names import class_names_of
from ganexp.runs.input_channels import input_channels_of
from ganexp.runs.model import load_model, takes_attributes
from ganexp.runs.run import Run
from ganexp.runs.scores import SCORES, read_scores
from ganexp.runs.trusted_code import unknown_targets
from ganexp.runs.value_range import value_range_of

SAMPLES = 64
SEED = 0


def publish(run: Run, to: str, license: str | None, private: bool) -> None:
    """Write the run's model to a new folder, or upload it to the Hub, and print how to load it."""
    # Missing packages and tokens are reported before the model is loaded, which takes longer.
    installed("safetensors.torch")
    if not layout.is_hub_name(to):
        call = write(run, Path(to), to, license)
        print(f"{to} holds the model; in Python: {call}")
        return
    hub.require_token()
    with tempfile.TemporaryDirectory() as folder:
        call = write(run, Path(folder), to, license)
        address = hub.upload(Path(folder), to, private)
    print(f"the model is at {address}; in Python: {call}")


@full_precision()
def write(run: Run, folder: Path, address: str, license: str | None) -> str:
    """Write weights, configuration, scores, samples and model card, all or none, to a missing or empty folder.

    Returns the Python expression that loads it, by its ``address``. Raises OSError naming the folder if it cannot be
    written to.
    """
    assert run.checkpoint is not None
    model = load_model(run)
    images_seen = int(load_checkpoint(run.checkpoint)[COUNTERS]["images_seen"])
    # Before anything is written, so that a model of broken weights leaves no folder.
    names = class_names_of(run)
    samples = draw_samples(model, run, images_seen, names)
    scores = [score for score in read_scores(run.folder) if score.get("images_seen") == images_seen]
    facts = summary.read(run.folder)
    num_classes, has_attributes = getattr(model, "num_classes", None), takes_attributes(model)
    data = run.config.data
    config = layout.published_config(run, images_seen)
    card = Card(
        address=address,
        choices=options(facts.get("choices")),
        data=str(data.get("name", "images")),
        command=public_command(facts["command"]) if isinstance(facts.get("command"), str) else None,
        images_seen=images_seen,
        shape=(input_channels_of(data), *ImageSize.of(data.image_size)),
        scores=scores,
        translates=translates(run.config) is not None,
        has_samples=samples is not None,
        labels=attributes_for_example(names) if has_attributes else labels_for_example(num_classes, names),
        attributes=names if has_attributes else None,
        license=license,
        value_range=value_range_of(run),
        trust=list(unknown_targets(config)),
    )
    with filled_when_whole(folder) as unfinished:
        layout.write_config(unfinished / layout.CONFIG, config)
        (unfinished / SCORES).write_text(json.dumps({"scores": scores}, indent=2) + "\n", encoding="utf-8")
        if samples is not None:
            (unfinished / layout.SAMPLES).write_bytes(samples)
        (unfinished / layout.CARD).write_text(card.text(), encoding="utf-8")
        save_weights(model, unfinished / layout.WEIGHTS)
    return card.call


def draw_samples(model: Any, run: Run, images_seen: int, names: Sequence[str] | None) -> bytes | None:
    """Return a grid of samples as PNG, in whole rows and with the ``names`` of their classes or attributes.

    Of a translator it is the grid that training drew of these weights, if there is one.
    Raises UserError if the samples are not finite.
    """
    if translates(run.config):
        drawn = run.folder / "samples" / f"{images_seen:08d}.png"
        return drawn.read_bytes() if drawn.is_file() else None
    columns = wide(model.columns)
    samples = model.sample(SAMPLES // columns * columns, SEED).cpu()
    as_saved(samples)
    png = BytesIO()
    named = names is not None and len(names) == getattr(model, "num_classes", None)
    captions = sample_names(model, names) if names is not None and named else None
    named_grid(samples, columns, captions).save(png, format="PNG")
    return png.getvalue()


def sample_names(model: Any, names: Sequence[str]) -> list[str]:
    """Return the class, or the attributes, of the sample in each column."""
    if not takes_attributes(model):
        return list(names[: model.columns])
    return [attribute_text(row, names) for row in model.attribute_sets.rows[: model.columns].tolist()]


def options(choices: Any) -> dict[str, str]:
    """Return the options of the top-level config groups in a summary.json, which may be anybody's."""
    if not isinstance(choices, Mapping):
        return {}
    return {str(group): str(choice) for group, choice in choices.items() if choice is not None and "/" not in group}


def labels_for_example(num_classes: int | None, names: Sequence[str] | None) -> list[str | int] | None:
    """Return the first two classes, by name where all names differ; None for a model without labels."""
    if num_classes is None:
        return None
    if names is not None and len(set(names)) == num_classes:
        return list(names[:2])
    return list(range(min(num_classes, 2)))


def attributes_for_example(names: Sequence[str] | None) -> list[str | int] | None:
    """Return a set of the first two attributes and one of none; None for attributes without names."""
    return None if names is None else [SEPARATOR.join(names[:2]), NO_ATTRIBUTES]
