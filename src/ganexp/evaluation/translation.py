"""Scores of a trained image-to-image run."""

from collections.abc import Iterable

import torch
from omegaconf import DictConfig, OmegaConf

from ganexp.callbacks.translation_scores import all_images
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.evaluation.reference import describe_reference
from ganexp.metrics.scoring import Result
from ganexp.metrics.translation import TranslationScoring
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.terminal.progress import progress

SAMPLING_OPTIONS = ("samples", "seeds", "reference", "truncation")


def translation_scores(run: Run, settings: DictConfig, checkpoint: str) -> list[Result]:
    """Return the scores of a run's translations of the test images of ``settings.data``, and of the baselines.

    ``checkpoint`` is the name of the run's checkpoint, for the protocol.
    """
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
        model.made,
        list(baselines),
        {**model.describe_samples(model.seed), "checkpoint": checkpoint},
        describe_reference(settings.data, OmegaConf.select(settings.data, "test_split", default="test")),
        settings.real_images,
        model.device,
    )
    with torch.inference_mode(), progress(f"translating {data.name}", len(data.test_pairs)) as advance:
        for batch in data.val_dataloader():
            batch = data.on_after_batch_transfer(batch, 0)
            scoring.update(all_images(batch, model.translations(batch), baselines), batch["number"])
            advance(len(batch["number"]))
    return scoring.compute()


def reject_sampling_options(overrides: Iterable[str]) -> None:
    """Raise UserError if the overrides contain an option that only applies to sampling from noise."""
    for override in overrides:
        if override.partition("=")[0] in SAMPLING_OPTIONS:
            raise UserError(
                f"{override}: an image-to-image model translates each test image once and draws no samples; "
                "leave it out"
            )
