"""VGG-16 features, in which improved precision and recall are defined (arXiv 1904.06991, 1409.1556)."""

import torch
from torch import Tensor, nn

from ganexp.files.download import Remote, checksum_of_file
from ganexp.files.weights import load_network, weights_file
from ganexp.metrics.extractor import Description, Extractor, require_grey_or_rgb
from ganexp.metrics.reference import RealImages

WEIGHTS = Remote(
    "vgg16-397923af.pth",
    urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
    sha256="397923af",  # prefix, taken from the end of the file name as in torch.hub
)
REMEDY = "Or set extractor.vgg16.weights=FILE, or use other features: metric=[prc_inception]."
SIDE = 224
STAGES = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))
"""The channels of the convolutions between two poolings, in multiples of the first one's."""
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class VGG16(nn.Module):
    """Images (N, 3, 224, 224) to the activations (N, hidden) of the second fully connected layer, after its ReLU.

    Parameters have torchvision's names, also those of the last layer, which is not used. ``width`` is the number of
    channels of the first convolution.
    """

    def __init__(self, width: int = 64, hidden: int = 4096, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in STAGES:
            for multiple in stage:
                layers += [nn.Conv2d(channels, multiple * width, 3, padding=1), nn.ReLU()]
                channels = multiple * width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the activations (N, hidden)."""
        output: Tensor = self.classifier[:5](self.features(images).flatten(1))
        return output


class VGGFeatures(Extractor):
    """Features (N, 4096) of grey or RGB images, uint8 (N, C, H, W) of any size, in float32."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, description: Description, channels_last: bool = False) -> None:
        super().__init__(network, description, channels_last)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1) * 255)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, 4096)."""
        resized = resize_like_tensorflow1(images.float(), SIDE).expand(-1, 3, -1, -1)
        pixels = (resized - self.mean) / self.std
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        return {"features": self.network(pixels)}


def resize_like_tensorflow1(images: Tensor, side: int) -> Tensor:
    """Return images (N, C, H, W) resized bilinearly to (N, C, side, side) with output pixel i at i·H/side.

    There is neither antialiasing nor a shift by half a pixel, as in TensorFlow 1.
    """
    return _stretched(_stretched(images, side, -1), side, -2)


def _stretched(images: Tensor, side: int, dim: int) -> Tensor:
    size = images.shape[dim]
    places = torch.arange(side, device=images.device, dtype=images.dtype) * (size / side)
    below = places.floor().long().clamp(max=size - 1)
    above = (below + 1).clamp(max=size - 1)
    weights = (places - below).view(-1, *[1] * (-dim - 1))
    return images.index_select(dim, below).lerp(images.index_select(dim, above), weights)


def vgg16(
    images: RealImages,
    device: torch.device,
    weights: str | None = None,
    download: bool = True,
    channels_last: bool = False,
) -> VGGFeatures:
    """Return the extractor on a device, for images with the channels of the real ones.

    ``weights`` is a file; None uses torchvision's weights for ImageNet, a local copy if there is one, else a download
    of 528 MB. ``channels_last`` stores images as (N, H, W, C).

    Raises UserError if the images are neither grey nor RGB, or the weights file is missing or damaged, belongs to
    another network or contains code.
    """
    channels = images.shape[0]
    require_grey_or_rgb("vgg16", channels, instead="prc_classifier")
    path = weights_file(weights, "VGG-16's weights", WEIGHTS, download, REMEDY)
    network = load_network(VGG16, path, WEIGHTS)
    description: Description = {
        "network": "VGG-16 of torchvision",
        "weights": checksum_of_file(path)[:16],
        "layer": "fc2 after ReLU",
        "resize": f"as TensorFlow 1, bilinear, {SIDE}x{SIDE}",
        "pixels": "(x / 255 - mean) / std of ImageNet",
        "channels": "grey, repeated to three" if channels == 1 else "RGB",
    }
    return VGGFeatures(network, description, channels_last).to(device)
