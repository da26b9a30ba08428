"""Sources of arrays and tensors: the same pixels as pictures, and one line for other shapes and types."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import Decoder
from ganexp.data.images import ImageData
from ganexp.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]


@pytest.mark.parametrize(
    ("item", "pixels"),
    [
        (PIXELS, PIXELS),
        (GREY, GREY),
        (GREY[..., None], GREY),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), PIXELS),
        (torch.from_numpy(GREY)[None], GREY),
        (GREY.astype(np.uint16) * 257, GREY.astype(np.uint16) * 257),
    ],
)
def test_arrays_and_tensors_are_pictures(item, pixels):
    assert np.array_equal(np.asarray(as_picture(item)), pixels)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (PIXELS[..., :0], r"array of uint8 and shape \(6, 8, 0\): give \(H, W\) or \(H, W, C\)"),
        (torch.zeros(2, 8, 6, 3, dtype=torch.uint8), r"tensor of torch\.uint8 and shape \(2, 8, 6, 3\).*\(C, H, W\)"),
        (PIXELS.astype(complex), r"array of complex128 and shape \(6, 8, 3\): give whole or floating-point numbers"),
        (np.zeros(5, dtype=np.uint8), r"shape \(5,\)"),
    ],
)
def test_other_shapes_and_types_are_refused_by_shape(item, words):
    with pytest.raises(UserError, match=words):
        as_picture(item)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (PIXELS[..., :2], r"it has 2 channels, and data\.channels=3: data\.channels=2"),
        (torch.zeros(8, 6, 3, dtype=torch.uint8), r"it has 8 channels, and data\.channels=3"),
        (torch.zeros(3, 6, 8), r"float32 values have no fixed range: give uint8, 0 to 255, or .*data\.value_range="),
    ],
)
def test_arrays_of_other_channels_or_without_a_range_are_refused_when_decoded(item, words):
    with pytest.raises(UserError, match=words):
        Decoder(4, 3)(as_picture(item))


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_source_may_return_tensors(in_memory):
    tensor, picture = torch.from_numpy(PIXELS).permute(2, 0, 1), Image.fromarray(PIXELS)
    images = []
    for item in (tensor, picture):
        data = ImageData(lambda item=item: [(item, 0)], "own", 4, 3, None, 1, 0, in_memory=in_memory)
        data.setup()
        images.append(data.dataset[0]["image"])
    assert torch.equal(*images)
