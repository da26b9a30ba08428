"""Pictures from the arrays and tensors that a source may return."""

from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ganexp.data.depth.planes import Planes, require_real
from ganexp.errors import UserError

PICTURE_CHANNELS = (1, 3, 4)


def as_picture(item: Any) -> Any:
    """Return an array or a tensor as a PIL image, or as `Planes` where PIL has no mode; anything else unchanged.

    Arrays are (H, W) or (H, W, C), tensors (H, W) or (C, H, W), of whole or floating-point numbers. uint8 with 1, 3 or
    4 channels and uint16 with one become PIL images.
    Raises UserError for other shapes and types.
    """
    if isinstance(item, Tensor):
        values = item.detach().cpu().numpy()
        values, kind = (values.transpose(1, 2, 0) if values.ndim == 3 else values), "tensor"
    elif isinstance(item, np.ndarray):
        values, kind = item, "array"
    else:
        return item
    shape = f"{kind} of {item.dtype} and shape {tuple(item.shape)}"
    if values.ndim not in (2, 3) or 0 in values.shape:
        expected = "(H, W) or (C, H, W)" if kind == "tensor" else "(H, W) or (H, W, C)"
        raise UserError(f"{shape}: give {expected}")
    require_real(values, shape)
    planes = values[..., None] if values.ndim == 2 else values
    channels = planes.shape[2]
    if values.dtype == np.uint8 and channels in PICTURE_CHANNELS:
        return Image.fromarray(np.ascontiguousarray(planes[..., 0] if channels == 1 else planes))
    if values.dtype == np.uint16 and channels == 1:
        return Image.fromarray(np.ascontiguousarray(planes[..., 0]))
    return Planes(planes)
