"""Names of curves for readers, from the names of their columns in metrics.csv."""

METRICS = {
    "fid": "FID",
    "kid": "KID",
    "cmmd": "CMMD",
    "is": "Inception score",
    "prc": "precision and recall",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "l1": "L1 distance",
}
OTHER_FEATURES = {"FID": "Fréchet distance", "KID": "kernel distance", "Inception score": "inception score"}
"""What a metric is called in features other than Inception's."""
FEATURES = {"classifier": "classifier's features", "dinov2": "DINOv2's features", "own": "own features"}
OUTPUTS = {"real output": "real images", "fake output": "samples"}


def curve_name(column: str) -> str:
    """Return the name of a column such as loss/generator/adversarial or score/fid_classifier."""
    name = column.partition("/")[2]
    if column.startswith("score/"):
        return score_name(name)
    words = name.replace("_", " ").replace("/", ": ")
    return OUTPUTS.get(words, words)


def score_name(name: str) -> str:
    """Return the name of a score: that of the metric, with its features in brackets unless they are Inception's."""
    metric, _, rest = name.partition("_")
    if metric not in METRICS:
        return name.replace("_", " ")
    said = METRICS[metric]
    if not rest:
        return said
    features = next((word for word in FEATURES if rest == word or rest.startswith(f"{word}_")), None)
    if features is None:
        return f"{said} ({rest.replace('_', ' ')})"
    further = rest.removeprefix(features).strip("_").replace("_", " ")
    return f"{OTHER_FEATURES.get(said, said)}{f' {further}' if further else ''} ({FEATURES[features]})"
