"""Names of curves for readers, from the names of their columns in metrics.csv."""

import re
from collections.abc import Collection

METRICS = {
    "fid": "FID",
    "kid": "KID",
    "cmmd": "CMMD",
    "is": "Inception score",
    "prc": "precision and recall",
    "density_coverage": "density and coverage",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "l1": "L1 distance",
    "cycle": "cycle's L1 distance",
}
"""Metrics of one scale each, so that all that is measured by one of them can share axes."""
OTHER_FEATURES = {"FID": "Fréchet distance", "KID": "kernel distance", "Inception score": "inception score"}
"""What a metric is called in features other than Inception's."""
FEATURES = {"classifier": "classifier's features", "dinov2": "DINOv2's features", "own": "own features"}
ABBREVIATIONS = {"kl": "KL", "l1": "L1", "nce": "NCE", "r1": "R1", "r2": "R2"}
OUTPUTS = {"real": "real images", "fake": "samples"}
OF_TWO_DOMAINS = {
    "real_a": "real images of a",
    "fake_a": "translations to a",
    "real": "real images of b",
    "fake": "translations to b",
}


def loss_name(column: str) -> str:
    """Return the name of a column such as loss/generator/adversarial."""
    words = column.partition("/")[2].replace("_", " ").replace("/", ": ")
    return " ".join(ABBREVIATIONS.get(word, word) for word in words.split())


def output_names(columns: Collection[str]) -> dict[str, str]:
    """Return the name of each column with a discriminator's outputs, such as discriminator/real_output.

    Where there are several discriminators, the names tell them apart: one for each of two domains, of which b's columns
    have no letter, or one for each level, of which the last one's have no number.
    """
    images = {column: column.partition("/")[2].removesuffix("_output") for column in columns}
    if "real_a" in images.values():
        return {column: OF_TWO_DOMAINS.get(name, name) for column, name in images.items()}
    has_levels = any(re.search(r"_\d+$", name) for name in images.values())
    return {column: _level_name(name, has_levels) for column, name in images.items()}


def _level_name(images: str, has_levels: bool) -> str:
    kind, _, level = images.partition("_")
    name = OUTPUTS.get(kind, kind)
    if not level:
        return f"{name}, last level" if has_levels else name
    return f"{name}, level {level}" if level.isdecimal() else f"{name} {level.replace('_', ' ')}"


def score_name(column: str) -> str:
    """Return the name of a column such as score/fid_classifier: what is measured, and of what."""
    return ", ".join(filter(None, measured_of(column)))


def measured_of(column: str) -> tuple[str, str]:
    """Return what a score measures, with its features in brackets unless they are Inception's, and of what.

    The latter is such as «input» or «recall», or empty. All of one measure have one scale.
    """
    name = column.partition("/")[2]
    metric = next((metric for metric in METRICS if name == metric or name.startswith(f"{metric}_")), None)
    if metric is None:
        return name.replace("_", " "), ""
    rest = name.removeprefix(metric).removeprefix("_")
    features = next((word for word in FEATURES if rest == word or rest.startswith(f"{word}_")), None)
    said = METRICS[metric]
    if features is None:
        return said, rest.replace("_", " ")
    further = rest.removeprefix(features).removeprefix("_").replace("_", " ")
    return f"{OTHER_FEATURES.get(said, said)} ({FEATURES[features]})", further
