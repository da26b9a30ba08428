"""Compatibility rules between the parts of a configuration, checked before anything is built."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganexp.data.labels.table import has_attributes
from ganexp.errors import UserError
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
WITHOUT_DISCRIMINATOR = {"ganexp.variants.vae.VAE"}
NO_AUGMENTATION = {"ganexp.augmentation.base.NoAugmentation"}
INSTANCE_NORMS = {"ganexp.layers.normalization.instance"}
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
PLAYERS = ("Generator", "Discriminator")
VECTOR_NETWORKS = {f"ganexp.networks.{file}.{player}" for file in ("mlp", "dcgan_tutorial") for player in PLAYERS}
"""Networks with hidden layers whose outputs are vectors, not feature maps."""


@dataclass(frozen=True)
class Rule:
    """A combination that cannot work: its condition, the reason, and the nearest combination that works."""

    broken: Callable[[Config], bool]
    reason: str
    instead: str


def targets(node: Any) -> Iterator[str]:
    """Yield the ``_target_`` of each direct part of a group."""
    for part in (node or {}).values():
        if isinstance(part, Mapping) and "_target_" in part:
            yield part["_target_"]


def penalizes_gradients(config: Config) -> bool:
    """Return whether a penalty uses the discriminator's gradient with respect to each image."""
    return penalizes(config, PER_IMAGE_GRADIENTS)


def penalizes(config: Config, penalties: set[str]) -> bool:
    """Return whether one of some penalties is chosen."""
    return not penalties.isdisjoint(targets(config.get("penalty")))


def discriminator_is(config: Config, targets: set[str]) -> bool:
    """Return whether the discriminator's normalization is one of the targets."""
    return ((config.get("normalization") or {}).get("discriminator") or {}).get("_target_") in targets


def inner_loss(config: Config) -> Any:
    """Return the ``_target_`` of the loss that the chosen one is made of, None where it is not made of another."""
    return ((config.get("loss") or {}).get("of") or {}).get("_target_")


def is_unbounded(config: Config) -> bool:
    """Return whether the loss, or the one that it is made of, is unbounded."""
    return not UNBOUNDED_LOSSES.isdisjoint({(config.get("loss") or {}).get("_target_"), inner_loss(config)})


def is_lipschitz(config: Config) -> bool:
    """Return whether a constraint, a penalty or a normalization bounds the discriminator's Lipschitz constant."""
    return bool(config.get("constraint")) or penalizes_gradients(config) or discriminator_is(config, SPECTRAL_NORMS)


def has_discriminator(config: Config) -> bool:
    """Return whether the model is not one of those without a discriminator."""
    return (config.get("model") or {}).get("_target_") not in WITHOUT_DISCRIMINATOR


def acts_on_missing_discriminator(config: Config) -> bool:
    """Return whether a penalty, a constraint or an augmentation is selected for a model without a discriminator."""
    if has_discriminator(config):
        return False
    augmentation = (config.get("augmentation") or {}).get("_target_")
    penalized = any(targets(config.get("penalty"))) or bool(config.get("constraint"))
    return penalized or (augmentation is not None and augmentation not in NO_AUGMENTATION)


def lacks_labels(config: Config) -> bool:
    """Return whether the model needs labels and the data has none."""
    return bool((config.get("requires") or {}).get("labels")) and not config["data"].get("num_classes")


def translates(config: Config) -> str | None:
    """Return "paired" or "unpaired" for a model that translates such images, None for one that draws from noise."""
    return (config.get("requires") or {}).get("inputs")


def data_is(config: Config, targets: set[str]) -> bool:
    """Return whether the data module is one of the targets."""
    return (config.get("data") or {}).get("_target_") in targets


def lacks_landmarks(config: Config) -> bool:
    """Return whether the model is driven by landmarks and the data has none."""
    source = (config.get("data") or {}).get("source") or {}
    return bool((config.get("requires") or {}).get("landmarks")) and not source.get("landmarks")


def has_other_input_channels(config: Config) -> bool:
    """Return whether the inputs of a translation have other channels than its targets."""
    data = config.get("data") or {}
    return data.get("input_channels") not in (None, data.get("channels"))


def normalizes_unnormalized_networks(config: Config) -> bool:
    """Return whether a normalization is selected for networks that are built without one."""
    chosen = set(targets(config.get("normalization")))
    return bool((config.get("requires") or {}).get("plain_networks")) and not chosen <= NO_NORM


def lacks_squares(config: Config) -> bool:
    """Return whether the model needs square images and the data has rectangles."""
    needs = bool((config.get("requires") or {}).get("square"))
    size = (config.get("data") or {}).get("image_size")
    return needs and size is not None and not ImageSize.of(size).is_square


def normalizes_single_pixels(config: Config) -> bool:
    """Return whether instance normalization is applied to a network with hidden vectors or 1x1 feature maps."""
    return any(has_single_pixels(config, player) for player in normalized_by(config, INSTANCE_NORMS))


def normalizes_single_values(config: Config) -> bool:
    """Return whether batch normalization is applied to hidden vectors or 1x1 feature maps of a single image."""
    multiplier = (config.get("model") or {}).get("generator_batch_multiplier", 1)
    images = {"discriminator": images_per_part(config), "generator": images_per_part(config) * multiplier}
    return any(
        images.get(player) == 1 and has_single_pixels(config, player) for player in normalized_by(config, BATCH_NORMS)
    )


def images_per_part(config: Config) -> int:
    """Return the number of real images that a network is given at once on each device."""
    trainer, model = config.get("trainer") or {}, config.get("model") or {}
    devices, nodes = trainer.get("devices"), trainer.get("num_nodes", 1)
    processes = max(devices, 1) * nodes if isinstance(devices, int) else 1
    size: int = (config.get("data") or {}).get("batch_size", 0)
    accumulate: int = model.get("accumulate", 1)
    return size // (processes * accumulate)


def normalized_by(config: Config, targets: set[str]) -> list[str]:
    """Return the players whose networks have one of some normalizations."""
    chosen = config.get("normalization") or {}
    return [player for player, normalization in chosen.items() if (normalization or {}).get("_target_") in targets]


def has_single_pixels(config: Config, player: str) -> bool:
    """Return whether a player's network has hidden vectors or 1x1 feature maps."""
    outer = (config.get("model") or {}).get(player)
    if not isinstance(outer, Mapping):
        return False
    network = outer["network"] if isinstance(outer.get("network"), Mapping) else outer
    size = (config.get("data") or {}).get("image_size")
    return (
        network.get("_target_") in VECTOR_NETWORKS
        or bool(network.get("normalize_first"))
        or starts_from_a_pixel(network, size)
    )


def starts_from_a_pixel(network: Config, image_size: Any) -> bool:
    """Return whether a network starts at 1x1, the last of its ``smallest`` that doubles to the image size.

    The first map of a rectangle has more than one pixel.
    """
    size = ImageSize.of(image_size)
    if not size.is_square:
        return False
    steps = {start: size.height // start for start in network.get("smallest", ()) if size.height % start == 0}
    fitting = [start for start, factor in steps.items() if factor >= 2 and factor.bit_count() == 1]
    return fitting[-1:] == [1]


def lacks_attributes(config: Config) -> bool:
    """Return whether the data have attributes and the model takes the label of one class."""
    needs_labels = bool((config.get("requires") or {}).get("labels"))
    data = config.get("data") or {}
    takes_one = needs_labels and not (config.get("model") or {}).get("attributes")
    return takes_one and (bool(data.get("attributes")) or has_attributes(data.get("labels")))


RULES = (
    Rule(
        lambda config: inner_loss(config) in PAIRWISE_LOSSES,
        "the loss compares each fake image with a real one, and top-k training leaves fakes out (arXiv 2002.06224)",
        "nearest that works: loss=top_k loss@loss.of=hinge, or loss=relativistic",
    ),
    Rule(
        lacks_attributes,
        "the data have several attributes for each image, and the model takes one class",
        "nearest that works: model=cdcgan, model=sngan_projection or another model with attributes, or labels with one "
        "class for each image",
    ),
    Rule(
        lacks_labels,
        "the model needs labels and the data has none (data.num_classes is null)",
        "choose labelled data such as data=mnist, put the images into one folder per class, or choose a model without "
        "labels such as model=dcgan",
    ),
    Rule(
        lambda config: translates(config) == "paired" and data_is(config, ONE_DOMAIN | UNPAIRED),
        "the model learns from pairs of an input and its target, and the data has none",
        "nearest that works: data=mosaic, which makes pairs from any images (data/source=…, data/degradation=…), "
        "data=paired_folder data.root=FOLDER, or model=cyclegan for two unpaired domains",
    ),
    Rule(
        lambda config: translates(config) is not None and data_is(config, ONE_DOMAIN),
        "the model translates between two domains of images, and the data has one",
        "nearest that works: data=mosaic_unpaired, which degrades half of any images (data/source=…, "
        "data/degradation=…), or data=unpaired_folder data.root=FOLDER",
    ),
    Rule(
        lambda config: translates(config) is None and data_is(config, PAIRED | UNPAIRED),
        "the data has images to translate, and the model draws its images from noise",
        "nearest that works: model=pix2pix for pairs, model=cyclegan for two unpaired domains, or data of one domain "
        "such as data=cifar10",
    ),
    Rule(
        lambda config: bool(config["model"].get("identity")) and has_other_input_channels(config),
        "the identity loss translates an image into its own domain, and data.input_channels differs from data.channels",
        "set model.identity=0",
    ),
    Rule(
        acts_on_missing_discriminator,
        "the model has no discriminator, on whose gradients, weights and images penalties, constraints and "
        "augmentations act",
        "leave out penalty=… and augmentation=…, or choose model=vaegan",
    ),
    Rule(
        lacks_squares,
        "the model rotates images by 90 degrees (arXiv 1811.11212), and a rectangle then has another shape",
        "set data.image_size to one number, such as data.image_size=64, or choose model=dcgan",
    ),
    Rule(
        normalizes_unnormalized_networks,
        "the model's networks have no normalization layers: their initialization is made for training without "
        "(arXiv 2501.05441, section 3; 1710.10196, section 4)",
        "leave out normalization=…, or choose a residual model with normalization, such as model=sngan_resnet",
    ),
    Rule(
        normalizes_single_pixels,
        "instance normalization needs feature maps, and this model's networks have hidden layers without them, or with "
        "maps of a single pixel (arXiv 1607.08022, eq. 4)",
        "nearest that works: normalization=layer, or a convolutional model such as model=dcgan",
    ),
    Rule(
        normalizes_single_values,
        "batch normalization needs two images at once or more where this model's networks have hidden vectors or maps "
        "of a single pixel (arXiv 1502.03167, section 3)",
        "nearest that works: a larger data.batch_size, a smaller model.accumulate, or normalization=layer",
    ),
    Rule(
        lambda config: penalizes_gradients(config) and discriminator_is(config, BATCH_NORMS),
        "the penalty needs the discriminator's gradient for each image alone, and batch normalization in the "
        "discriminator mixes the images of a batch (arXiv 1704.00028, section 4)",
        "nearest that works: normalization=batch_in_generator, or normalization=layer",
    ),
    Rule(
        lambda config: penalizes(config, TRANSFORMING) and data_is(config, POINTS),
        "the penalty flips and shifts images, and the data are points in the plane",
        "nearest that works: penalty=zcr or penalty=lecam, or data of images such as data=digits",
    ),
    Rule(
        lambda config: penalizes(config, TRANSFORMING) and translates(config) == "paired",
        "the penalty flips and shifts images, and the discriminator judges each beside an input that stays as it is",
        "nearest that works: penalty=lecam or penalty=r1, augmentation=ada, which transforms both alike, or a model "
        "that draws from noise such as model=dcgan",
    ),
    Rule(
        lambda config: penalizes(config, OF_NOISE) and config["model"].get("_target_") in MORE_THAN_NOISE,
        "the penalty makes the fakes again from perturbed noise (arXiv 2002.04724, algorithm 2), and this model's come "
        "from more than one noise, or from encoded images",
        "nearest that works: penalty=bcr or penalty=lecam, or a model such as model=dcgan",
    ),
    Rule(
        lambda config: penalizes(config, OF_NOISE) and translates(config) is not None,
        "the penalty perturbs the generator's noise (arXiv 2002.04724, algorithm 2), and the model translates images",
        "nearest that works: penalty=lecam or penalty=r1, or a model that draws from noise such as model=dcgan",
    ),
    Rule(
        lambda config: is_unbounded(config) and has_discriminator(config) and not is_lipschitz(config),
        "the Wasserstein loss is unbounded unless the critic is Lipschitz (arXiv 1701.07875, section 3)",
        "nearest that works: penalty=gradient_penalty normalization=batch_in_generator, penalty=weight_clip, or "
        "normalization=spectral",
    ),
    Rule(
        lacks_landmarks,
        "the model drives a picture by landmarks, and the data has none",
        "nearest that works: data=puppets, drawn heads with known landmarks, data=head_clips data.root=FOLDER, or "
        "model=pix2pix for pairs without landmarks",
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
