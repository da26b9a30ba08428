"""Input gradients: a critic's gradients with respect to images, their norms and their precision."""

from collections.abc import Callable

import torch
from torch import Tensor


def input_gradient(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the gradient (N, C, H, W) of each image's summed logits with respect to the image, itself differentiable.

    It is computed in float32 or better, outside of autocast.
    """
    with torch.autocast(images.device.type, enabled=False):
        images = promote_to_float32(images.detach()).requires_grad_()
        return gradient_of_logits(critic(images), images)


def gradient_of_logits(logits: Tensor, images: Tensor) -> Tensor:
    """Return the gradient (N, C, H, W) of each image's summed logits (N, …), itself differentiable.

    ``images`` (N, C, H, W) required gradients when the logits were computed from them. Every operation has the
    precision that it had in the forward pass.
    """
    with torch.autocast(images.device.type, enabled=False):
        # An image's logits depend on that image only, so summing over the batch mixes nothing.
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Return the dtype to which autocast converts on a device, None where it is off."""
    kind = device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None


def norm_per_image(gradient: Tensor) -> Tensor:
    """Return the Euclidean norm (N,) of each image's gradient (N, …)."""
    # The root has no derivative at 0, which is the gradient of a critic whose units are all inactive.
    return (squared_norm_per_image(gradient) + 1e-12).sqrt()


def squared_norm_per_image(gradient: Tensor) -> Tensor:
    """Return the squared Euclidean norm (N,) of each image's gradient (N, …)."""
    return gradient.square().flatten(1).sum(1)


def promote_to_float32(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or unchanged if its dtype is more precise."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
