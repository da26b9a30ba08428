"""Scores of translated test images during training."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ganexp.callbacks.scores import Scores, data_version
from ganexp.drawing.pictures import as_saved
from ganexp.errors import UserError
from ganexp.metrics.scoring import ExtractorFactory, Measurement
from ganexp.metrics.translation import TranslationScoring, model_scores

Baseline = Callable[[Tensor], Tensor]


class TranslationScores(Scores):
    """Scores of an image-to-image model on the test split, next to those of ``baselines``.

    A baseline maps inputs (N, C, H, W) in [-1, 1] to images without a model; the identity is always one of them.
    """

    def __init__(
        self,
        baselines: Mapping[str, Baseline | None],
        folder: str,
        every: int,
        measurements: Mapping[str, Measurement | None],
        extractors: Mapping[str, ExtractorFactory],
        real_images: int | None,
        reference: Mapping[str, Any],
        monitor: str | None = None,
    ) -> None:
        super().__init__(folder, every, measurements, extractors, real_images, reference, monitor)
        self.baselines = {name: baseline for name, baseline in baselines.items() if baseline is not None}

    def names(self, module: Any) -> list[str] | None:
        """Return the names of the model's scores, not of the baselines', None if they are not known beforehand.

        Raises UserError for a model that draws its images from noise.
        """
        if not hasattr(module, "output_names"):
            raise UserError(
                "callbacks=translation: this model translates no images; leave it out, or choose model=pix2pix"
            )
        return model_scores(self.measurements, module.output_names)

    def on_validation_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        """Add the translations of one batch."""
        if self.scoring is not None:
            self.scoring.update(all_images(batch, outputs, self.baselines), batch["number"])  # type: ignore[arg-type]

    def _scoring(self, trainer: Any, module: Any) -> Any:
        version = data_version(trainer.datamodule)
        fakes_protocol = {**module.describe_samples(module.seed), "checkpoint": "last", **version}
        return TranslationScoring(
            self.measurements,
            self.extractors,
            trainer.datamodule.test_pairs,
            module.output_names,
            list(self.baselines),
            fakes_protocol,
            self.reference,
            self.real_images,
            module.device,
        )


def all_images(
    batch: Mapping[str, Tensor], outputs: Mapping[str, Tensor], baselines: Mapping[str, Baseline]
) -> dict[str, Tensor]:
    """Return the images of a test batch, of a model and of baselines by name, as they are saved: uint8."""
    dataset_images = {name: batch[name] for name in ("input", "image")}
    baseline_images = {name: baseline(batch["input"]) for name, baseline in baselines.items()}
    return {name: as_saved(images) for name, images in (dataset_images | dict(outputs) | baseline_images).items()}
