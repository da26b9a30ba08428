"""Normalizations of hidden vectors, or of feature maps of a single pixel, of which they can make nothing."""

from collections.abc import Mapping
from typing import Any

from ganexp.config.conditions import BATCH_NORMS, Config
from ganexp.image_size import ImageSize

INSTANCE_NORMS = {"ganexp.layers.normalization.instance"}
PLAYERS = ("Generator", "Discriminator")
VECTOR_NETWORKS = {f"ganexp.networks.{file}.{player}" for file in ("mlp", "dcgan_tutorial") for player in PLAYERS}
"""Networks with hidden layers whose outputs are vectors, not feature maps."""


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
    size: int = (config.get("data") or {}).get("batch_size", 0)
    accumulate: int = (config.get("model") or {}).get("accumulate", 1)
    return size // (processes(config) * accumulate)


def processes(config: Config) -> int:
    """Return the number of processes that train, 1 where the number of devices is not known yet."""
    trainer = config.get("trainer") or {}
    devices: Any = trainer.get("devices")
    nodes: int = trainer.get("num_nodes", 1)
    return max(devices, 1) * nodes if isinstance(devices, int) else 1


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
