"""Protocols of scores: how a score was computed, and whether two scores are comparable."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ganexp import __version__

Protocol = dict[str, Any]

REPORTED_ONLY = (
    "versions",
    "numerics",
    "fakes.seed",
    "fakes.average",
    "fakes.training_images",
    "fakes.data",
    "fakes.noise_inputs",
    "reference.flip",
)
"""Reported settings that do not make scores incomparable.

Scores are averaged over seeds, versions agree up to rounding, and all scores are computed with the same numerical
settings, except those from before the settings were recorded. Training images, the version of the data, the decay of
a moving average and the noise inputs of a generator with styles are what scores are compared over, and reference images
have never been mirrored.
"""


def versions() -> dict[str, str | None]:
    """Return the versions of the packages that compute scores, None for a package that is not installed."""
    packages = ("torch", "torchvision", "torchmetrics", "torch-fidelity", "numpy", "pillow")
    installed = {name: installed_version(name) for name in packages}
    return {"python": platform.python_version(), "ganexp": __version__, **installed}


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return the settings that make two protocols incomparable, as «setting: value in a against value in b»."""
    first, second = dict(settings(a)), dict(settings(b))
    return [
        f"{name}: {first.get(name, 'none')} against {second.get(name, 'none')}"
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    ]


def weights_label(protocol: Mapping[str, Any]) -> str:
    """Return which weights drew the samples of a score, such as «EMA 0.999» or «live», empty where nothing drew them.

    «live» is a generator as training left it; scores of runs before 0.2 do not record the decay.
    """
    fakes = protocol.get("fakes")
    if not isinstance(fakes, Mapping):
        return ""
    labels = {"generator": "live", "moving average": str(fakes.get("average", "EMA"))}
    return labels.get(str(fakes.get("weights")), "")


def settings(protocol: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) of every setting that matters for a comparison."""
    for key, value in protocol.items():
        name = f"{prefix}{key}"
        if name in REPORTED_ONLY:
            continue
        if isinstance(value, Mapping):
            yield from settings(value, f"{name}.")
        else:
            yield name, value
