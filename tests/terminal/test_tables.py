"""Tables in the terminal: no word is broken, whatever the width."""

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console

from ganexp.terminal.tables import fitting_widths, table_of_words

HEADINGS = ["model.generator.width", "mean ± std", "95 % interval", "seeds", "verdict"]
ROWS = [
    ["32,64,128", "0.1234 ± 0.01", "+0.02 to +0.07 (n=3)", "3", "not distinguishable"],
    ["8", "0.2", "", "1", "worse"],
]


def printed(width, **settings):
    console = Console(width=width, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table_of_words(console, "fid (lower is better)", HEADINGS, ROWS, **settings))
    return capture.get()


@pytest.mark.parametrize("width", range(25, 140, 7))
@pytest.mark.parametrize("settings", [{}, {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "text_columns": 1}])
def test_every_word_is_whole_and_no_line_is_too_wide(width, settings):
    shown = printed(width, **settings)
    words = shown.split()
    for text in [*HEADINGS, *(cell for row in ROWS for cell in row)]:
        assert set(text.split()) <= set(words), shown
    assert max(map(len, shown.splitlines())) <= width


def test_a_narrow_console_has_a_list_for_each_row():
    lines = [line.rstrip() for line in printed(60).splitlines()]
    assert lines[2] == "  model.generator.width  32,64,128"
    assert lines[8] == "  model.generator.width  8"
    assert not any("95 %" in line for line in lines[8:])


def test_a_column_may_stay_unbroken():
    assert "not distinguishable" in printed(80, unbroken=("verdict",))


def test_the_widest_columns_are_narrowed_first_and_none_below_its_least():
    assert fitting_widths([10, 4, 3], [2, 2, 2], 12) == [5, 4, 3]
    assert fitting_widths([10, 10], [9, 2], 15) == [9, 6]
    assert fitting_widths([10, 10], [9, 7], 15) is None
    assert fitting_widths([1, 2], [1, 2], 50) == [1, 2]
