"""A doctor for sick games: measures, names what it sees, says what may help."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Optimizer

from ganexp.callbacks import diagnosis
from ganexp.callbacks.pace import Interval
from ganexp.callbacks.scores import Scores
from ganexp.drawing.pictures import as_saved
from ganexp.losses import Minimax
from ganexp.metrics.classifier import OwnLabels
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.modes import Mixture, Modes
from ganexp.numerics.randomness import generator

log = logging.getLogger(__name__)

Signs = dict[str, Tensor]

SAMPLES = 64
POINTS = 512
MOST_CLASSES = SAMPLES // 4
"""Of so many classes an even generator's samples show nearly all: 98 %."""
REMEMBERED = 400
GONE = 10


class Doctor(L.Callback):
    """Takes a game's signs every ``every`` images, logs them as ``doctor/NAME``, and says what they show.

    A finding is one line with its evidence and a suggestion, said once until it was gone for ``GONE`` checks; it goes
    to the terminal, log.txt and every logger with alerts.
    """

    def __init__(self, every: int) -> None:
        self.every = Interval(every)
        self.history: list[dict[str, float]] = []
        self.said: dict[str, int] = {}
        """How many checks ago each illness was last seen, for those told already."""
        self.norms: dict[str, Tensor] = {}
        self.before: dict[str, list[Tensor]] = {}

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Count from here."""
        self.every.start(module.images_seen)

    def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Optimizer) -> None:
        """Note what moves, in a player's last turn before a check."""
        player = next(p for p, o in zip(module.players(), trainer.optimizers, strict=True) if o is optimizer)
        before_next_turn = module.images_seen + player.every * trainer.datamodule.batch_size
        if before_next_turn // self.every.images > self.every.completed:
            self.note(player.name, [p for group in optimizer.param_groups for p in group["params"]])

    def note(self, player: str, parameters: list[nn.Parameter]) -> None:
        """Keep the gradient's norm and the weights of a player that is about to move."""
        self.norms[player] = diagnosis.gradient_norm(parameters)
        self.before[player] = [p.detach().clone() for p in parameters]

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: dict[str, Tensor], *_: Any) -> None:
        """Check when it is time."""
        if self.every.due(module.images_seen) and module.watched:
            self.check(trainer, module, batch)

    def check(self, trainer: Any, module: Any, batch: dict[str, Tensor]) -> None:
        """Take the signs, log them, and say what is new."""
        measured = self.signs(trainer, module, batch)
        names = list(measured)
        values = torch.stack([measured[name].double().to(module.device) for name in names]).tolist()
        signs = dict(zip(names, values, strict=True))
        # What was not taken this time is as it was: a generator's gradient, where it has waited for its turn since.
        last = self.history[-1] if self.history else {}
        self.history.append({**last, **signs, "images": float(module.images_seen)})
        self.history = self.history[-REMEMBERED:]
        for logger in trainer.loggers:
            logger.log_metrics({f"doctor/{name}": value for name, value in signs.items()}, step=module.images_seen)
        self.tell(trainer)

    def signs(self, trainer: Any, module: Any, batch: dict[str, Tensor]) -> Signs:
        """Return all signs, as tensors not yet read back from the device."""
        real = batch["image"][:SAMPLES]
        real_logits, fake_logits = module.watched["real"], module.watched["fake"]
        signs = {"accuracy": diagnosis.accuracy(real_logits, fake_logits)}
        if isinstance(module.loss, Minimax):
            signs["value"] = diagnosis.value_function(real_logits, fake_logits)
            signs["jensen_shannon"] = diagnosis.jensen_shannon(signs["value"])
        for name, norm in self.norms.items():
            signs[f"gradient_norm/{name}"] = norm
        for player in module.players():
            if player.name in self.before:
                signs[f"update_ratio/{player.name}"] = update_ratio(self.before[player.name], player.network)
        self.norms, self.before = {}, {}
        fake, critic = module.current_samples(len(real), batch)
        with evaluating(module.discriminator):
            between = torch.rand(len(real), generator=generator(0, "doctor", module.batches_seen))
            # Samples are float32 also where the weights are in double precision.
            weights = next(module.discriminator.parameters())
            signs["lipschitz"] = diagnosis.lipschitz_estimate(
                critic, *(each.to(weights) for each in (real, fake, between))
            )
            for name, value in diagnosis.spectral_norms(module.discriminator).items():
                signs[f"spectral_norm/{name}"] = value
        if len(real) > 1:
            signs["diversity"] = diagnosis.diversity(fake, real)
        mixture = getattr(trainer.datamodule, "mixture", None)
        if mixture is not None:
            points, _ = module.current_samples(POINTS, batch)
            signs |= of_modes(points.flatten(1), mixture)
        classifier = scores_classifier(trainer)
        if classifier is not None:
            images, _ = module.current_samples(SAMPLES, batch)
            signs |= of_classes(classifier, images)
        return signs

    def tell(self, trainer: Any) -> None:
        """Say each finding once, until it is gone."""
        self.said = {illness: checks + 1 for illness, checks in self.said.items() if checks < GONE}
        for finding in diagnosis.findings(self.history):
            if finding.illness not in self.said and trainer.is_global_zero:
                log.warning("doctor: %s: %s", finding.illness, finding.text)
                for logger in trainer.loggers:
                    if hasattr(logger, "alert"):
                        logger.alert(finding.illness, finding.text)
            self.said[finding.illness] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen and said."""
        return {"history": self.history, "said": self.said}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.history, self.said = state_dict["history"], state_dict["said"]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Let a network answer for each image alone, without dropout and without moving a statistic."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def of_modes(points: Tensor, mixture: Mixture) -> Signs:
    """Return the share of the mixture's modes in which points (N, 2) lie, and how evenly they are nearest to them."""
    modes = Modes(None, len(points), mixture).to(points.device)
    modes.update(points, torch.arange(len(points), device=points.device))
    nearest = torch.cdist(points.double(), mixture.centres.to(points.device)).argmin(1)
    return {
        "modes_covered_share": torch.tensor(modes.compute()["covered"].value / len(mixture.centres)),
        "modes_evenness": diagnosis.evenness(nearest.bincount(minlength=len(mixture.centres))),
    }


def of_classes(classifier: Extractor, images: Tensor) -> Signs:
    """Return the share of the classes that a classifier finds among images (N, C, H, W) in [-1, 1], and how evenly."""
    logits = classifier(as_saved(images))["logits"]
    counts = one_hot(logits.argmax(1), logits.shape[1]).sum(0)
    return {"modes_covered_share": (counts > 0).float().mean(), "modes_evenness": diagnosis.evenness(counts)}


def scores_classifier(trainer: Any) -> Extractor | None:
    """Return the classifier that scores while training, if it tells the data's own classes and they are few."""
    for callback in trainer.callbacks:
        if isinstance(callback, Scores) and callback.scoring is not None:
            found = callback.scoring.extractors.get("classifier")
            if found is not None and found.description.get("labels") == OwnLabels.name:
                return found if int(found.description["classes"]) <= MOST_CLASSES else None
    return None


def update_ratio(before: list[Tensor], network: nn.Module) -> Tensor:
    """Return how far the weights moved, relative to their norm."""
    now = [p.detach() for p in network.parameters()]
    moved = diagnosis.global_norm(torch._foreach_sub(now, before))
    return moved / diagnosis.global_norm(before).clamp(min=1e-12)
