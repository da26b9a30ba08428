"""Weights of the standard Inception network, in whose features nearly all published scores are computed."""

from ganexp.files.download import Remote

WEIGHTS = Remote(
    "weights-inception-2015-12-05-6726825d.pth",
    urls=(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
    sha256="6726825d",  # the end of the name is the beginning of the sum, as torch.hub has it
)
