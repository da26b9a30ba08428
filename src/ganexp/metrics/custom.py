"""Custom feature extractors: networks supplied by the user."""

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.errors import UserError
from ganexp.files.download import checksum_of_file
from ganexp.files.weights import checksum_of
from ganexp.metrics.extractor import Extractor, qualified_name
from ganexp.metrics.reference import RealImages


class CustomExtractor(Extractor):
    """The user's network, applied to float32 images (N, C, H, W) in [-1, 1], or to unscaled points.

    It returns features (N, ...), which are flattened, or a dictionary with "features" and, if it classifies,
    "logits" (N, K).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(
            network,
            {
                "network": qualified_name(type(network)),
                "code": _checksum_of_code(network),
                "weights": checksum_of(network.state_dict())[:16],
                "pixels": "-1 to 1",
            },
        )

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return the network's outputs by name.

        Raises UserError if they are not floating-point tensors with one row per image.
        """
        returned = self.network(images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images)
        outputs = returned if isinstance(returned, dict) else {"features": returned}
        if "features" not in outputs:
            raise self._error(f'returned {", ".join(map(str, outputs)) or "nothing"}, without "features"')
        return {
            name: self._rows(name, outputs[name], len(images)) for name in ("features", "logits") if name in outputs
        }

    def _rows(self, name: str, output: Any, count: int) -> Tensor:
        if not isinstance(output, Tensor) or not output.is_floating_point():
            kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
            raise self._error(f"returned {name} of type {kind}, not a tensor of floats")
        if output.ndim < 2 or len(output) != count:
            raise self._error(f"returned {name} of shape {tuple(output.shape)} for {count} images, not ({count}, ...)")
        return output.flatten(1)

    def _error(self, problem: str) -> UserError:
        return UserError(f"extractor.own.network: {self.description['network']} {problem}.")


def custom(images: RealImages, device: torch.device, network: nn.Module | None) -> CustomExtractor:
    """Return the extractor on a device; the real images are not used.

    Raises UserError if ``network`` is not a module.
    """
    if not isinstance(network, nn.Module):
        raise UserError(
            f"extractor.own.network={network} is not a torch module: set +extractor.own.network._target_=my.Network."
        )
    return CustomExtractor(network.to(device))


def _checksum_of_code(network: nn.Module) -> str:
    # The code may change the features while the weights stay the same: features of an older version must not be reused.
    try:
        return checksum_of_file(Path(inspect.getfile(type(network))))[:16]
    except (TypeError, OSError):  # defined interactively
        return "unknown"
