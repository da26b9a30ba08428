"""Weights of the standard Inception network, which nearly all published scores use."""

from ganexp.files.download import Remote

WEIGHTS = Remote(
    "weights-inception-2015-12-05-6726825d.pth",
    urls=(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
    sha256="6726825d",  # prefix, taken from the end of the file name as in torch.hub
)
