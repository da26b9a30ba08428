"""Which parts go together: rules as data, checked before anything is built."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganexp.errors import UserError

Config = Mapping[str, Any]

PER_IMAGE_GRADIENTS = {f"ganexp.penalties.{name}" for name in ("GradientPenalty", "R1", "R2", "Dragan")}
MIXING = {f"ganexp.layers.normalization.{name}" for name in ("batch", "batch_spectral")}
SPECTRAL = {f"ganexp.layers.normalization.{name}" for name in ("spectral", "batch_spectral")}
PLAIN = {"ganexp.layers.normalization.none"}
UNBOUNDED = {"ganexp.losses.Wasserstein"}
ONE_DOMAIN = {"ganexp.data.images.ImageData", "ganexp.data.gaussians.GaussianData"}
PAIRED = {"ganexp.data.translation.module.PairedData"}
UNPAIRED = {"ganexp.data.translation.module.UnpairedData"}
WITHIN_MAPS = {"ganexp.layers.normalization.instance"}
PLAYERS = ("Generator", "Discriminator")
OF_VECTORS = {f"ganexp.networks.{file}.{player}" for file in ("mlp", "dcgan_tutorial") for player in PLAYERS}
"""Networks with hidden layers whose outputs are no maps."""


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


def translates(config: Config) -> str | None:
    """Return "paired" or "unpaired" for a model that makes images from such images, None for one that draws them."""
    return (config.get("requires") or {}).get("inputs")


def data_is(config: Config, kinds: set[str]) -> bool:
    """Return whether the data are of these kinds."""
    return (config.get("data") or {}).get("_target_") in kinds


def normalizes_plain_networks(config: Config) -> bool:
    """Return whether a normalization is chosen for networks that are built without any."""
    chosen = set(targets(config.get("normalization")))
    return bool((config.get("requires") or {}).get("plain_networks")) and not chosen <= PLAIN


def normalizes_vectors_within_maps(config: Config) -> bool:
    """Return whether a player's network has hidden vectors, or maps of one pixel, and a normalization within maps."""
    for player, normalization in (config.get("normalization") or {}).items():
        outer = (config.get("model") or {}).get(player)
        size = (config.get("data") or {}).get("image_size")
        if normalization.get("_target_") in WITHIN_MAPS and isinstance(outer, Mapping):
            network = outer["network"] if isinstance(outer.get("network"), Mapping) else outer
            if network.get("_target_") in OF_VECTORS or starts_from_a_pixel(network, size):
                return True
    return False


def starts_from_a_pixel(network: Config, image_size: Any) -> bool:
    """Return whether the network doubles a map of 1x1, the last of its ``smallest`` that can become the image."""
    steps = {start: image_size // start for start in network.get("smallest", ()) if image_size % start == 0}
    fitting = [start for start, factor in steps.items() if factor >= 2 and factor.bit_count() == 1]
    return fitting[-1:] == [1]


RULES = (
    Rule(
        lacks_labels,
        "the model needs labels and the data has none (data.num_classes is null)",
        "choose labelled data such as data=mnist, put the images into one folder a class, or choose a model without "
        "labels such as model=dcgan",
    ),
    Rule(
        lambda config: translates(config) == "paired" and data_is(config, ONE_DOMAIN | UNPAIRED),
        "the model learns from pairs of an input and its target, and the data has none",
        "nearest that works: data=mosaic, which makes pairs of any images (data/source=…, data/degradation=…), "
        "data=paired_folder data.root=FOLDER, or, with two domains without pairs, model=cyclegan",
    ),
    Rule(
        lambda config: translates(config) is not None and data_is(config, ONE_DOMAIN),
        "the model translates between two domains of images, and the data has one",
        "nearest that works: data=mosaic_unpaired, which degrades half of any images (data/source=…, "
        "data/degradation=…), or data=unpaired_folder data.root=FOLDER",
    ),
    Rule(
        lambda config: translates(config) is None and data_is(config, PAIRED | UNPAIRED),
        "the data has images to translate from, and the model draws its images from noise",
        "nearest that works: model=pix2pix for pairs, model=cyclegan for two domains without, or data of one domain "
        "such as data=cifar10",
    ),
    Rule(
        normalizes_plain_networks,
        "the model's networks have no place for a normalization: their start is made for training without one "
        "(arXiv 2501.05441, section 3)",
        "leave out normalization=…, or choose a model with residual networks that take one, such as model=sngan_resnet",
    ),
    Rule(
        normalizes_vectors_within_maps,
        "instance normalization needs a feature map, and this model's networks have hidden layers without one, or with "
        "maps of a single pixel (arXiv 1607.08022, eq. 4)",
        "nearest that works: normalization=layer, or a convolutional model such as model=dcgan",
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
