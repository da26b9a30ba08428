"""The contact sheet: every sample in its position, with its number."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.analysis.contact_sheet import ContactSheet
from ganexp.drawing.contact_sheet import STRIP, contact_sheet
from ganexp.drawing.pictures import quantized
from ganexp.errors import UserError
from support.subjects import subject


def test_every_sample_is_in_its_position(tmp_path):
    analyzed = subject()
    assert ContactSheet(n=7, first=60, columns=3)(analyzed, tmp_path) == {"first": 60, "last": 66}
    sheet = np.asarray(Image.open(tmp_path / "contact_sheet.png"))
    assert sheet.shape == (3 * (48 + STRIP), 3 * 50, 3)
    samples = quantized(analyzed.images(analyzed.latents(67)))[60:, 0]
    for position, sample in enumerate(samples):
        top, left = position // 3 * (48 + STRIP), position % 3 * 50
        tile = sheet[top : top + 48, left : left + 48]
        assert np.array_equal(tile[::12, ::12, 0], sample.numpy())
        assert sheet[top + 48 : top + 48 + STRIP, left : left + 48].min() < 128  # its number


def test_captions_differ_in_the_picture():
    one, other = (np.asarray(contact_sheet(torch.zeros(1, 1, 8, 8), [text], 1)) for text in ("17", "71"))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "n=0: it must be 1 or more"),
        ({"columns": 0}, "columns=0"),
        ({"first": -1}, "first=-1"),
        ({"first": 999_999, "n": 2}, "first=999999: samples have the numbers 0 to 999,999"),
    ],
)
def test_a_wrong_option_is_named(settings, message):
    with pytest.raises(UserError) as caught:
        ContactSheet(**settings)
    assert message in str(caught.value)
