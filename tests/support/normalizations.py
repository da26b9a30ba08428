"""Every normalization, by name."""

from ganexp.layers import normalization as normalizations

FACTORIES = {
    "none": normalizations.none,
    "batch": normalizations.batch,
    "instance": normalizations.instance,
    "layer": normalizations.layer,
    "group": lambda: normalizations.group(2),
    "spectral": normalizations.spectral,
    "batch_spectral": normalizations.batch_spectral,
}
