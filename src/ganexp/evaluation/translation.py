"""Scores of a trained image-to-image run."""

from collections.abc import Iterable

import torch
from omegaconf import DictConfig, OmegaConf

from ganexp.callbacks.translation_scores import all_images
from ganexp.config.build import build
from ganexp.config.conditions import ONE_DOMAIN, translates
from ganexp.errors import UserError
from ganexp.evaluation.reference import describe_reference
from ganexp.metrics.scoring import Result
from ganexp.metrics.translation import TranslationScoring
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.terminal.progress import progress

SAMPLING_OPTIONS = ("samples", "seeds", "reference", "truncation")


FOLDERS = {
    "paired": "data=paired_folder data.root=FOLDER",
    "unpaired": "data=unpaired_folder data.root=FOLDER, or data=paired_folder data.root=FOLDER",
}
"""The data of one's own that a model can be scored on, by what it is trained on."""


def translation_scores(run: Run, settings: DictConfig, checkpoint: str) -> list[Result]:
    """Return the scores of a run's translations of the test images of ``settings.data``, and of the baselines.

    ``checkpoint`` is the name of the run's checkpoint, for the protocol. Raises UserError for data of one domain.
    """
    require_two_domains(run, settings)
    model = load_model(run)
    data = build(settings.data)
    data.prepare_data()
    data.setup("fit")
    parts = build(OmegaConf.select(run.config, "callbacks.scores.baselines", default={}))
    baselines = {name: baseline for name, baseline in parts.items() if baseline is not None}
    scoring = TranslationScoring(
        [metric for metric in build(settings.metric).values() if metric is not None],
        build(settings.extractor),
        data.test_pairs,
        model.output_names,
        list(baselines),
        {**model.describe_samples(model.seed), "checkpoint": checkpoint},
        describe_reference(settings.data, OmegaConf.select(settings.data, "test_split", default="test")),
        settings.real_images,
        model.device,
    )
    scoring.rehearse()
    with torch.inference_mode(), progress(f"translating {data.name}", len(data.test_pairs)) as advance:
        for batch in data.val_dataloader():
            batch = data.on_after_batch_transfer(batch, 0)
            scoring.update(all_images(batch, model.translations(batch), baselines), batch["number"])
            advance(len(batch["number"]))
    return scoring.compute()


def require_two_domains(run: Run, settings: DictConfig) -> None:
    """Raise UserError for data without inputs and targets, which a translation cannot be compared on."""
    if settings.data.get("_target_") in ONE_DOMAIN:
        folders = FOLDERS[translates(run.config) or "paired"]
        raise UserError(
            f"run={run.folder}: an image-to-image model is scored on inputs and targets, and data={settings.data.name} "
            f"has single images; give {folders}"
        )


def reject_sampling_options(overrides: Iterable[str]) -> None:
    """Raise UserError if the overrides contain an option that only applies to sampling from noise."""
    for override in overrides:
        if override.partition("=")[0] in SAMPLING_OPTIONS:
            raise UserError(
                f"{override}: an image-to-image model translates each test image once and draws no samples; "
                "leave it out"
            )
