"""Which parts go together: rules as data, checked before anything is built."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganexp.errors import UserError

Config = Mapping[str, Any]

PER_IMAGE_GRADIENTS = {f"ganexp.penalties.{name}" for name in ("GradientPenalty", "R1", "R2", "Dragan")}
MIXING = {f"ganexp.layers.normalization.{name}" for name in ("batch", "batch_spectral")}
SPECTRAL = {f"ganexp.layers.normalization.{name}" for name in ("spectral", "batch_spectral")}
UNBOUNDED = {"ganexp.losses.Wasserstein"}


@dataclass(frozen=True)
class Rule:
    """A combination that cannot work: when it is at hand, why it fails, and the nearest that works."""

    broken: Callable[[Config], bool]
    reason: str
    instead: str


def targets(node: Any) -> Iterator[str]:
    """Yield the classes that the direct parts of a group name."""
    for part in (node or {}).values():
        if isinstance(part, Mapping) and "_target_" in part:
            yield part["_target_"]


def penalizes_gradients(config: Config) -> bool:
    """Return whether a penalty takes the discriminator's gradient by each image."""
    return any(target in PER_IMAGE_GRADIENTS for target in targets(config.get("penalty")))


def discriminator_is(config: Config, kinds: set[str]) -> bool:
    """Return whether the discriminator's normalization is of these kinds."""
    return ((config.get("normalization") or {}).get("discriminator") or {}).get("_target_") in kinds


def is_lipschitz(config: Config) -> bool:
    """Return whether anything bounds how steep the discriminator is."""
    return bool(config.get("constraint")) or penalizes_gradients(config) or discriminator_is(config, SPECTRAL)


def lacks_labels(config: Config) -> bool:
    """Return whether the model needs labels and the data has none."""
    return bool((config.get("requires") or {}).get("labels")) and not config["data"].get("num_classes")


RULES = (
    Rule(
        lacks_labels,
        "the model needs labels and the data has none (data.num_classes is null)",
        "choose labelled data such as data=mnist, put the images into one folder a class, or choose a model without "
        "labels such as model=dcgan",
    ),
    Rule(
        lambda config: penalizes_gradients(config) and discriminator_is(config, MIXING),
        "the penalty takes the discriminator's gradient by each image, and batch normalization in the discriminator "
        "mixes the images of a batch (arXiv 1704.00028, section 4)",
        "nearest that works: normalization=batch_in_generator, or normalization=layer",
    ),
    Rule(
        lambda config: (config.get("loss") or {}).get("_target_") in UNBOUNDED and not is_lipschitz(config),
        "the Wasserstein loss has no bound unless the critic is kept from becoming steep (arXiv 1701.07875, section 3)",
        "nearest that works: penalty=gradient_penalty normalization=batch_in_generator, penalty=weight_clip, or "
        "normalization=spectral",
    ),
)


def broken_rule(config: Config) -> Rule | None:
    """Return the first rule that the configuration breaks."""
    return next((rule for rule in RULES if rule.broken(config)), None)


def check_rules(config: Config) -> None:
    """Raise UserError for a combination that cannot work, with the reason and the nearest that works."""
    rule = broken_rule(config)
    if rule is not None:
        raise UserError(f"{rule.reason}; {rule.instead}")
