"""Runs with the same data settings that were trained on different images."""

from collections.abc import Iterator, Sequence

from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.settings import identity
from ganexp.records.data_version import kind_of, recorded_version

OF_TRAINING = ("batch_size", "seed", "flip", "dequantize", "balance", "jitter_until", "root", "labels")
"""Data settings that do not change the images, or only say where they are."""
SHOWN = 3


def differing_data(runs: Sequence[RunRecord]) -> Iterator[str]:
    """Yield a remark for runs whose data have the same settings and different checksums.

    Checksums of different kinds, and runs without one, cannot be compared.
    """
    sets: dict[tuple[object, ...], dict[str, list[str]]] = {}
    for run in runs:
        version = recorded_version(run.summary)
        if version is not None:
            versions = sets.setdefault((kind_of(version), *_settings(run)), {})
            versions.setdefault(version, []).append(str(run.folder))
    for versions in sets.values():
        if len(versions) > 1:
            parts = (f"{version} ({_listed(folders)})" for version, folders in versions.items())
            yield f"the same data settings, but different images: {', '.join(parts)}"


def _settings(run: RunRecord) -> list[tuple[str, str]]:
    left_out = {f"data.{name}" for name in OF_TRAINING}
    return sorted(
        (name, value)
        for name, value in identity(run.config).items()
        if name.startswith("data.") and name not in left_out
    )


def _listed(folders: Sequence[str]) -> str:
    more = f" and {len(folders) - SHOWN} more" if len(folders) > SHOWN else ""
    return ", ".join(folders[:SHOWN]) + more
