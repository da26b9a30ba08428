"""Conditions of rules on a configuration: its parts by ``_target_``, and the requirements of its model."""

from collections.abc import Iterator, Mapping
from typing import Any

from ganexp.data.labels.table import has_attributes
from ganexp.image_size import ImageSize

Config = Mapping[str, Any]

PER_IMAGE_GRADIENTS = {
    f"ganexp.penalties.{name}"
    for name in ("gradient_penalty.GradientPenalty", "zero_centred.R1", "zero_centred.R2", "dragan.Dragan")
}
BATCH_NORMS = {f"ganexp.layers.normalization.{name}" for name in ("batch", "batch_spectral")}
SPECTRAL_NORMS = {f"ganexp.layers.normalization.{name}" for name in ("spectral", "batch_spectral")}
NO_NORM = {"ganexp.layers.normalization.none"}
UNBOUNDED_LOSSES = {"ganexp.losses.Wasserstein"}
PAIRWISE_LOSSES = {"ganexp.losses.Relativistic"}
ONE_DOMAIN = {"ganexp.data.images.ImageData", "ganexp.data.gaussians.GaussianData"}
POINTS = {"ganexp.data.gaussians.GaussianData"}
PAIRED = {"ganexp.data.translation.module.PairedData"}
UNPAIRED = {"ganexp.data.translation.module.UnpairedData"}
WITHOUT_DISCRIMINATOR = {"ganexp.variants.vae.VAE", "ganexp.variants.regression.Regression"}
NO_AUGMENTATION = {"ganexp.augmentation.base.NoAugmentation"}
OF_PICTURES = {
    f"ganexp.augmentation.{name}"
    for name in ("adaptive.AdaptiveAugmentation", "differentiable.DiffAugment", "scheduled.ScheduledAugmentation")
}
"""Augmentations that move and recolour pictures."""
FAKES_AS_REAL = {"ganexp.augmentation.pseudo.AdaptivePseudoAugmentation"}
TOP_K = {"ganexp.losses.TopK"}
PAIRS_WITH_LATENTS = {"ganexp.variants.bigan.BiGAN"}
"""Models whose discriminator judges an image together with its latent."""
HALF_PRECISIONS = {"bf16-mixed", "16-mixed", "bf16-true", "16-true", "16", "bf16"}
TRANSFORMING = {"ganexp.penalties.consistency.BalancedConsistency"}
"""Penalties that flip and shift images."""
OF_NOISE = {"ganexp.penalties.consistency.LatentConsistency"}
"""Penalties that perturb the generator's noise."""
MORE_THAN_NOISE = {
    f"ganexp.variants.{name}"
    for name in (
        *("lapgan.LAPGAN", "lapgan.ConditionalLAPGAN", "vaegan.VAEGAN", "bigan.BiGAN"),
        *("stylegan2.StyleGAN2", "stylegan2.ConditionalStyleGAN2"),
    )
}


def targets(node: Any) -> Iterator[str]:
    """Yield the ``_target_`` of each direct part of a group."""
    for part in (node or {}).values():
        if isinstance(part, Mapping) and "_target_" in part:
            yield part["_target_"]


def resolved(value: Any) -> Any:
    """Return a value, None for a reference ``${…}``: in the table of all combinations there are no files to read."""
    return None if isinstance(value, str) and "${" in value else value


def penalizes_gradients(config: Config) -> bool:
    """Return whether a penalty uses the discriminator's gradient with respect to each image."""
    return penalizes(config, PER_IMAGE_GRADIENTS)


def penalizes(config: Config, penalties: set[str]) -> bool:
    """Return whether one of some penalties is chosen."""
    return not penalties.isdisjoint(targets(config.get("penalty")))


def discriminator_is(config: Config, targets: set[str]) -> bool:
    """Return whether the discriminator's normalization is one of the targets."""
    return ((config.get("normalization") or {}).get("discriminator") or {}).get("_target_") in targets


def part_is(config: Config, group: str, targets: set[str]) -> bool:
    """Return whether the part of a group, such as the model, the data or the loss, is one of the targets."""
    return (config.get(group) or {}).get("_target_") in targets


def is_half_precision(config: Config) -> bool:
    """Return whether networks compute with 16 bits."""
    return str((config.get("trainer") or {}).get("precision")) in HALF_PRECISIONS


def inner_loss(config: Config) -> Any:
    """Return the ``_target_`` of the loss that the chosen one is made of, None where it is not made of another."""
    return ((config.get("loss") or {}).get("of") or {}).get("_target_")


def is_unbounded(config: Config) -> bool:
    """Return whether the loss, or the one that it is made of, is unbounded."""
    return part_is(config, "loss", UNBOUNDED_LOSSES) or inner_loss(config) in UNBOUNDED_LOSSES


def is_lipschitz(config: Config) -> bool:
    """Return whether a constraint, a penalty or a normalization bounds the discriminator's Lipschitz constant."""
    return bool(config.get("constraint")) or penalizes_gradients(config) or discriminator_is(config, SPECTRAL_NORMS)


def has_identity_loss(config: Config) -> bool:
    """Return whether the model's loss has an identity term."""
    return bool((config.get("model") or {}).get("identity"))


def has_discriminator(config: Config) -> bool:
    """Return whether the model is not one of those without a discriminator."""
    return not part_is(config, "model", WITHOUT_DISCRIMINATOR)


def acts_on_missing_discriminator(config: Config) -> bool:
    """Return whether a penalty, a constraint or an augmentation is selected for a model without a discriminator."""
    if has_discriminator(config):
        return False
    penalized = any(targets(config.get("penalty"))) or bool(config.get("constraint"))
    return penalized or (bool(config.get("augmentation")) and not part_is(config, "augmentation", NO_AUGMENTATION))


def lacks_labels(config: Config) -> bool:
    """Return whether the model needs labels and the data has none."""
    return bool((config.get("requires") or {}).get("labels")) and not config["data"].get("num_classes")


def translates(config: Config) -> str | None:
    """Return "paired" or "unpaired" for a model that translates such images, None for one that draws from noise."""
    return (config.get("requires") or {}).get("inputs")


def lacks_landmarks(config: Config) -> bool:
    """Return whether the model is driven by landmarks and the data has none."""
    source = (config.get("data") or {}).get("source") or {}
    return bool((config.get("requires") or {}).get("landmarks")) and not source.get("landmarks")


def has_other_input_channels(config: Config) -> bool:
    """Return whether the inputs of a translation have other channels than its targets."""
    data = config.get("data") or {}
    channels, inputs = resolved(data.get("channels")), resolved(data.get("input_channels"))
    return None not in (channels, inputs) and inputs != channels


def normalizes_unnormalized_networks(config: Config) -> bool:
    """Return whether a normalization is selected for networks that are built without one."""
    chosen = set(targets(config.get("normalization")))
    return bool((config.get("requires") or {}).get("plain_networks")) and not chosen <= NO_NORM


def lacks_squares(config: Config) -> bool:
    """Return whether the model needs square images and the data has rectangles."""
    needs = bool((config.get("requires") or {}).get("square"))
    size = resolved((config.get("data") or {}).get("image_size"))
    return needs and size is not None and not ImageSize.of(size).is_square


def lacks_attributes(config: Config) -> bool:
    """Return whether the data have attributes and the model takes the label of one class."""
    needs_labels = bool((config.get("requires") or {}).get("labels"))
    data = config.get("data") or {}
    takes_one = needs_labels and not (config.get("model") or {}).get("attributes")
    return takes_one and (bool(resolved(data.get("attributes"))) or has_attributes(data.get("labels")))
