"""Perceptual distance between two images, LPIPS (arXiv 1801.03924)."""

from pathlib import Path

import torch
from torch import Tensor
from torchmetrics import Metric

from ganexp.errors import UserError
from ganexp.files.download import Remote, obtain

WEIGHTS = Remote(
    "alexnet-owt-7be5be79.pth",
    urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
    sha256="7be5be79",  # prefix, taken from the end of the file name as in torch.hub
)
SMALLEST = 32


class PerceptualDistance(Metric):
    """The mean LPIPS of images in [0, 1], (N, 1 or 3, H, W) of at least 32x32, by torchmetrics with AlexNet features.

    ``download`` fetches AlexNet's weights into the torch.hub cache. Raises UserError if they are unavailable, or for
    smaller images.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, download: bool = True) -> None:
        super().__init__()
        require_weights(download)
        # Imported here, because torchvision's models take a second to import.
        from torchmetrics.image import LearnedPerceptualImagePatchSimilarity

        self.distance = LearnedPerceptualImagePatchSimilarity("alex")
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, images: Tensor, others: Tensor) -> None:
        """Update with images (N, C, H, W) and the images they are compared with."""
        if min(images.shape[2:]) < SMALLEST:
            raise UserError(f"metric lpips needs images of at least {SMALLEST}x{SMALLEST}: leave it out")
        dtype = next(self.distance.net.parameters()).dtype
        rgb = ((2 * batch - 1).to(dtype).expand(-1, 3, -1, -1) for batch in (images, others))
        self.total = self.total + self.distance.net(*rgb).sum()
        self.count = self.count + len(images)

    def compute(self) -> Tensor:
        """Return the mean distance over all pairs."""
        return self.total / self.count


def require_weights(download: bool, without: str = "metric=[psnr,ssim,l1]") -> Path:
    """Return the path of AlexNet's weights, downloading them if needed.

    Raises UserError if they are unavailable; ``without`` is the argument that does without them.
    """
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        obtain("AlexNet's weights", [WEIGHTS], (folder, folder), WEIGHTS.is_complete_in, lambda *_: None, download)
    except UserError as error:
        raise UserError(f"{error} Or do without them: {without}.") from error
    return folder / WEIGHTS.name
