"""Grids of the codes of a generator's noise."""

from PIL import Image
from torch import nn

from ganexp.analysis.codes import CodeGrids
from ganexp.analysis.subject import Subject
from ganexp.noise import Codes, normal


class Planted(nn.Module):
    """Images of one grey, by the third of four categories; the second of two continuous codes changes nothing."""

    def forward(self, noise):
        grey = noise[:, 2] * 0.5 + noise[:, 4] * 0.25
        return grey[:, None, None, None].expand(-1, 1, 8, 8)


def test_a_code_that_changes_images_is_told_from_one_that_does_not(tmp_path):
    subject = Subject(Planted(), normal, 8, codes=Codes(4, 2))
    figures = CodeGrids(samples=3, steps=5)(subject, tmp_path)
    assert figures["change_by_continuous"] == [0.5, 0.0]
    assert figures["change_by_the_rest"] == 0.0
    assert 0 < figures["change_by_category"] < 2
    sizes = {path.name: Image.open(path).size for path in tmp_path.iterdir()}
    side = 9 * 8  # an image and its line, enlarged
    assert sizes["categories.png"] == (4 * side + 8, 3 * side + 8)
    assert sizes["continuous_1.png"] == sizes["continuous_2.png"] == (5 * side + 8, 3 * side + 8)


def test_noise_without_codes_has_no_such_grids():
    assert "no codes" in CodeGrids().reason_against(Subject(Planted(), normal, 8))
