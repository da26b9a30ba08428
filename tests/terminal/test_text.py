"""Text for the terminal."""

import pytest

from ganexp.config import matrix
from ganexp.terminal.text import wrapped

TEXT = "  wgan_gp              Wasserstein GAN with gradient-penalty: no batch norm in the critic (arXiv 1704.00028)."


@pytest.mark.parametrize("width", [50, 60, 80])
def test_a_line_is_broken_between_words_and_indented(width):
    first, *others = wrapped(TEXT, width, 23).split("\n")
    assert max(map(len, [first, *others])) <= width
    assert all(line[:23] == " " * 23 and line[23] != " " for line in others)
    assert " ".join([first, *(line.strip() for line in others)]) == TEXT


def test_a_line_that_fits_is_left_as_it_is():
    assert wrapped(TEXT, 200, 23) == TEXT


@pytest.mark.parametrize("width", [30, 40, 1_000])
def test_a_table_of_the_matrix_is_split_between_columns(monkeypatch, width):
    monkeypatch.setattr(matrix, "output_width", lambda: width)
    columns = ["batch", "batch_in_generator", "spectral"]
    shown = matrix.as_table("model", columns, {"gan": [None] * 3, "dcgan": [None] * 3})
    assert max(map(len, shown.splitlines())) <= width
    headings = [word for line in shown.splitlines() if line.startswith("model") for word in line.split()[1:]]
    assert headings == columns
    assert shown.count("+") == 6
