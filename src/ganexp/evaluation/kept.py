"""Settings of its own data that a model keeps when it is scored on other data."""

from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from ganexp.config.conditions import translates
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.runs.run import Run
from ganexp.runs.value_range import value_range_of

KEPT = ("image_size", "channels", "value_range")


def with_kept(config: DictConfig, run: Run, overrides: Iterable[str]) -> DictConfig:
    """Return the configuration with its data in the size, channels and range of the run's images.

    A translator, which takes images of any size, may be given another size by hand. Raises UserError for any other
    value by hand that differs, as samples would be compared with images of another shape or scale.
    """
    given = {override.lstrip("+~").partition("=")[0] for override in overrides}
    settings = config.copy()
    OmegaConf.set_struct(settings, False)
    for name in KEPT:
        if name not in settings.data or name not in run.config.data:
            continue
        own = value_of(run, name)
        if own is None:
            # Pictures of 8 bits can be compared with any values that a range given by hand brings to their scale.
            continue
        if f"data.{name}" not in given:
            settings.data[name] = own
        elif not (name == "image_size" and translates(run.config)) and not same(name, settings.data[name], own):
            raise UserError(
                f"data.{name}={settings.data[name]}: the images of run={run.folder} have {own}, and are scored as they "
                "are; leave it out"
            )
    return settings


def value_of(run: Run, name: str) -> Any:
    """Return a setting of the run's data, for the range of values the one that training stated or measured."""
    if name == "value_range":
        measured = value_range_of(run)
        return None if measured is None else list(measured)
    return run.config.data[name]


def same(name: str, given: Any, own: Any) -> bool:
    """Return whether two values of a setting are the same, as the sizes 16 and [16, 16] are."""
    if name == "image_size":
        return ImageSize.of(given) == ImageSize.of(own)
    return bool((list(given) if isinstance(given, ListConfig) else given) == own)
