"""Diagnosis of failing games during training: measurements, findings and suggestions."""

import logging
from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, one_hot
from torch.optim import Optimizer

from ganexp.callbacks import diagnosis
from ganexp.callbacks.game_module import GameModule
from ganexp.callbacks.interval import Interval
from ganexp.callbacks.scores import Scores
from ganexp.drawing.pictures import as_saved
from ganexp.files.saved_values import entry, require_count, require_dict, require_list, require_number
from ganexp.layers.evaluation_mode import eval_mode
from ganexp.losses import Minimax
from ganexp.metrics.classification_tasks import OwnLabels
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.modes import Mixture, Modes
from ganexp.numerics.float64 import float64_device
from ganexp.numerics.randomness import generator

log = logging.getLogger(__name__)

Signs = dict[str, Tensor]

SAMPLES = 64
POINTS = 512
MOST_CLASSES = SAMPLES // 4
"""With up to this number of classes the samples of an even generator show nearly all, 98 %."""
MAX_HISTORY = 400
RECOVERY_CHECKS = 10
FIRST_REPORT = 100
"""Batches before the first report: until then every generator draws the blur that it starts with."""
MEASURED = ("accuracy", "lipschitz", "images")
"""Signs that every check has."""


class Doctor(L.Callback):
    """Measures a game's signs every ``every`` images, logs them as ``doctor/NAME``, and reports what they show.

    A finding is one line with its evidence and a suggestion, reported once until it was absent for
    ``RECOVERY_CHECKS`` checks, and not before ``FIRST_REPORT`` batches; it goes to the terminal, log.txt and every
    logger with alerts.
    """

    def __init__(self, every: int) -> None:
        self.every = Interval(every)
        self.history: list[dict[str, float]] = []
        self.reported: dict[str, int] = {}
        """The number of checks since each reported illness was last seen."""
        self.norms: dict[str, Tensor] = {}
        self.before: dict[str, list[Tensor]] = {}

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start counting."""
        self.every.start(module.images_seen)

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Optimizer) -> None:
        """Record gradients and weights in a player's last turn before a check."""
        player = next(p for p, o in zip(module.players(), trainer.optimizers, strict=True) if o is optimizer)
        before_next_turn = module.images_seen + player.every * trainer.datamodule.batch_size
        if before_next_turn // self.every.images > self.every.completed:
            self.record_turn(player.name, [p for group in optimizer.param_groups for p in group["params"]])

    def record_turn(self, player: str, parameters: list[nn.Parameter]) -> None:
        """Record the gradient norm and the weights of a player before its optimizer step."""
        self.norms[player] = diagnosis.gradient_norm(parameters)
        self.before[player] = [p.detach().clone() for p in parameters]

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: dict[str, Tensor], *_: Any) -> None:
        """Check when the interval has passed."""
        if self.every.due(module.images_seen) and module.watched:
            self.check(trainer, module, batch)

    def check(self, trainer: Any, module: GameModule, batch: dict[str, Tensor]) -> None:
        """Measure and log the signs, and report new findings."""
        measured = self.signs(trainer, module, batch)
        names = list(measured)
        values = torch.stack([measured[name].to(float64_device(module.device)).double() for name in names]).tolist()
        signs = dict(zip(names, values, strict=True))
        # A sign that was not measured keeps its value, such as the gradient of a generator that had no turn since.
        last = self.history[-1] if self.history else {}
        self.history.append({**last, **signs, "images": float(module.images_seen)})
        self.history = self.history[-MAX_HISTORY:]
        for logger in trainer.loggers:
            logger.log_metrics({f"doctor/{name}": value for name, value in signs.items()}, step=module.images_seen)
        if module.batches_seen >= FIRST_REPORT:
            self.report(trainer, generators(module))

    def signs(self, trainer: Any, module: GameModule, batch: dict[str, Tensor]) -> Signs:
        """Return all signs as tensors on the device."""
        return {
            **logit_signs(module),
            **self.turn_signs(module),
            **sample_signs(module, batch),
            **coverage_signs(trainer, module, batch),
        }

    def turn_signs(self, module: GameModule) -> Signs:
        """Return the signs of the players' last turns, which ``record_turn`` recorded, and forget these."""
        signs = {f"gradient_norm/{name}": norm for name, norm in self.norms.items()}
        for player in module.players():
            if player.name in self.before:
                signs[f"update_ratio/{player.name}"] = update_ratio(self.before[player.name], player.network)
        self.norms, self.before = {}, {}
        return signs

    def report(self, trainer: Any, generators: Mapping[str, str]) -> None:
        """Report each finding once, until it is gone; ``generators`` are those of `findings`."""
        self.reported = {illness: checks + 1 for illness, checks in self.reported.items() if checks < RECOVERY_CHECKS}
        for finding in diagnosis.findings(self.history, generators):
            if finding.illness not in self.reported and trainer.is_global_zero:
                log.warning("doctor: %s: %s", finding.illness, finding.text)
                for logger in trainer.loggers:
                    if hasattr(logger, "alert"):
                        logger.alert(finding.illness, finding.text)
            self.reported[finding.illness] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the signs of earlier checks and the findings reported."""
        return {"history": self.history, "said": self.reported}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a resumed run; raises NotACheckpoint unless it is numbers by name."""
        self.history = [restored(signs) for signs in require_list(entry(state_dict, "history"), "history")]
        said = require_dict(entry(state_dict, "said"), "said")
        self.reported = {illness: require_count(checks, "said") for illness, checks in said.items()}


def generators(module: GameModule) -> dict[str, str]:
    """Return the players that make fakes, and what follows the names of the logits that judge them."""
    return {player.name: player.judged_by for player in module.players() if player.judged_by is not None}


def restored(signs: Any) -> dict[str, float]:
    """Return the signs of one check from a checkpoint; raises NotACheckpoint unless they are numbers by name."""
    names = require_dict(signs, "history")
    return {name: require_number(entry(names, name), f"history.{name}", finite=False) for name in (*MEASURED, *names)}


def logit_signs(module: GameModule) -> Signs:
    """Return the signs of the logits of the last turn."""
    watched = module.watched
    signs = {
        f"accuracy{suffix}": diagnosis.accuracy(watched[f"real{suffix}"], watched[f"fake{suffix}"])
        for suffix in {"": None} | dict.fromkeys(generators(module).values())
    }
    if isinstance(module.loss, Minimax):
        signs["value"] = diagnosis.value_function(watched["real"], watched["fake"])
        signs["jensen_shannon"] = diagnosis.jensen_shannon(signs["value"])
    return signs


def sample_signs(module: GameModule, batch: dict[str, Tensor]) -> Signs:
    """Return the signs of current samples beside real images, and of the discriminator that judges them."""
    real = batch["image"][:SAMPLES]
    fake, critic = module.current_samples(len(real), batch)
    # Samples of a pyramid end at the finest level that is trained.
    real = interpolate(real, fake.shape[2:], mode="bilinear", antialias=True) if fake.shape != real.shape else real
    signs: Signs = {}
    with eval_mode(module.discriminator):
        between = torch.rand(len(real), generator=generator(0, "doctor", module.batches_seen))
        # Samples are float32 even if the weights are in double precision.
        weights = next(module.discriminator.parameters())
        signs["lipschitz"] = diagnosis.lipschitz_estimate(
            critic, *(tensor.to(weights) for tensor in (real, fake, between))
        )
        for name, value in diagnosis.spectral_norms(module.discriminator).items():
            signs[f"spectral_norm/{name}"] = value
    if len(real) > 1:
        signs["diversity"] = diagnosis.diversity(fake, real)
    return signs


def coverage_signs(trainer: Any, module: GameModule, batch: dict[str, Tensor]) -> Signs:
    """Return which modes of a known mixture, or classes of a classifier that scores, current samples cover."""
    signs: Signs = {}
    mixture = getattr(trainer.datamodule, "mixture", None)
    if mixture is not None:
        points, _ = module.current_samples(POINTS, batch)
        signs |= mode_signs(points.flatten(1), mixture)
    classifier = scoring_classifier(trainer)
    if classifier is not None:
        images, _ = module.current_samples(SAMPLES, batch)
        # Those of a pyramid may be smaller, while only a part of it is trained.
        if images.shape[1:] == batch["image"].shape[1:]:
            signs |= class_signs(classifier, images)
    return signs


def mode_signs(points: Tensor, mixture: Mixture) -> Signs:
    """Return the share of a mixture's modes that points (N, 2) cover, and the evenness of their nearest modes."""
    points = points.to(float64_device(points.device))
    modes = Modes(None, len(points), mixture).to(points.device)
    modes.update(points, torch.arange(len(points), device=points.device))
    nearest = torch.cdist(points.double(), mixture.centres.to(points.device)).argmin(1)
    return {
        "modes_covered_share": torch.tensor(modes.compute()["covered"].value / len(mixture.centres)),
        "modes_evenness": diagnosis.evenness(nearest.bincount(minlength=len(mixture.centres))),
    }


def class_signs(classifier: Extractor, images: Tensor) -> Signs:
    """Return the share of classes that a classifier predicts for images (N, C, H, W) in [-1, 1], and the evenness."""
    logits = classifier(as_saved(images))["logits"]
    counts = one_hot(logits.argmax(1), logits.shape[1]).sum(0)
    return {"modes_covered_share": (counts > 0).float().mean(), "modes_evenness": diagnosis.evenness(counts)}


def scoring_classifier(trainer: Any) -> Extractor | None:
    """Return the classifier that scores during training, if it predicts the data set's own classes and they are few."""
    for callback in trainer.callbacks:
        if isinstance(callback, Scores) and callback.scoring is not None:
            classifier = callback.scoring.extractors.get("classifier")
            if classifier is not None and classifier.description.get("labels") == OwnLabels.name:
                return classifier if int(classifier.description["classes"]) <= MOST_CLASSES else None
    return None


def update_ratio(before: list[Tensor], network: nn.Module) -> Tensor:
    """Return the norm of the weights' change relative to the norm of the weights before."""
    now = [p.detach() for p in network.parameters()]
    change = diagnosis.global_norm(torch._foreach_sub(now, before))
    return change / diagnosis.global_norm(before).clamp(min=1e-12)
