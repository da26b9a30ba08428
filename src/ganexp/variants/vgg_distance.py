"""Perceptual distance in VGG-16's features, as a term of a generator's loss (arXiv 1603.08155, eq. 2)."""

import torch
from torch import Tensor, nn

from ganexp.errors import UserError
from ganexp.files.weights import load_network, weights_file
from ganexp.metrics.vgg16 import MEAN, STD, VGG16, WEIGHTS

ACTIVATIONS = (1, 6, 11, 18, 25)
"""The layers of VGG-16 after the first activation of each stage."""
LAYER_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
REMEDY = "Or set model.perceptual.weights=FILE, or do without: model.perceptual=null."


class Features(nn.Module):
    """Images (N, 1 or 3, H, W) in [-1, 1] to the first activations (N, C, h, w) of VGG-16's five stages, in float32."""

    mean: Tensor
    std: Tensor

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers[: ACTIVATIONS[-1] + 1].float().eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the activations, the largest first."""
        maps = (images.float().expand(-1, 3, -1, -1) + 1) / 2
        maps, activated = (maps - self.mean) / self.std, []
        for number, layer in enumerate(self.layers):
            # Pictures below 32 pixels have maps of one pixel, which are not halved.
            maps = layer(maps) if not isinstance(layer, nn.MaxPool2d) or min(maps.shape[2:]) > 1 else maps
            if number in ACTIVATIONS:
                activated.append(maps)
        return activated


class VGGDistance:
    """``weight`` times the mean absolute difference of features of grey or RGB images (N, C, H, W) in [-1, 1].

    Of the first activations of VGG-16's five stages, with the weights of saic-violet/bilayer-model
    (scripts/train_base_model_8gpus.sh). ``weights`` is a file; None uses torchvision's for ImageNet, a local copy or a
    download of 528 MB. They are read at the first call, so that a trained model does not need them, and are no part of
    the model: neither in its checkpoint nor on its device before that.

    Raises UserError in the first call if the weights are missing, damaged or of another network.
    """

    def __init__(self, weight: float = 10.0, weights: str | None = None, download: bool = True) -> None:
        self.weight = weight
        self.weights = weights
        self.download = download
        self._features: Features | None = None

    def __call__(self, images: Tensor, others: Tensor) -> Tensor:
        """Return the distance, a scalar whose gradient is that of the first images alone."""
        with torch.autocast(images.device.type, enabled=False):
            with torch.no_grad():
                wanted = self.features(others)
            made = self.features(images)
            distances = [
                share * (one - other).abs().mean()
                for share, one, other in zip(LAYER_WEIGHTS, made, wanted, strict=True)
            ]
            return self.weight * torch.stack(distances).sum()

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the activations (N, C, h, w) of the five stages."""
        if self._features is None:
            self._features = Features(self._loaded())
        if self._features.mean.device != images.device:
            self._features = self._features.to(images.device)
        activated: list[Tensor] = self._features(images)
        return activated

    def _loaded(self) -> nn.Sequential:
        path = weights_file(self.weights, "VGG-16's weights", WEIGHTS, self.download, REMEDY)
        if not path.is_file():
            raise UserError(f"model.perceptual.weights={path}: is not a file")
        return load_network(VGG16, path, WEIGHTS).features
