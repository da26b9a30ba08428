"""Tables as files that other programs read."""

import csv
import io
import re

import pytest

from ganexp.comparison.comparison import compare
from ganexp.comparison.documents import as_csv, as_latex, as_markdown, latex, markdown_cell, safe_cell
from ganexp.comparison.finding import find_runs
from support.synthetic import write_run, write_seeds


@pytest.fixture
def comparison(tmp_path):
    write_seeds(tmp_path, [3.0, 4.0, 5.0], "hinge")
    write_seeds(tmp_path, [7.0, 8.5, 9.0], "lsgan")
    return compare(find_runs([str(tmp_path)]), None, "images", None)


def test_csv_holds_all_numbers_in_full(comparison):
    hinge, lsgan = csv.DictReader(io.StringIO(as_csv(comparison.ranked.rankings)))
    assert (hinge["loss"], lsgan["loss"]) == ("hinge", "lsgan")
    assert [float(value) for value in lsgan["values"].split()] == [7.0, 8.5, 9.0]
    assert float(lsgan["mean"]) == pytest.approx(24.5 / 3, rel=1e-15)
    assert float(lsgan["from_best"]) == pytest.approx(12.5 / 3)
    assert float(lsgan["bootstrap_low"]) <= float(lsgan["from_best"]) <= float(lsgan["bootstrap_high"])
    assert (lsgan["verdict"], hinge["verdict"], hinge["from_best"]) == ("worse", "best mean", "")
    assert float(hinge["budget_images"]) == 300
    assert (float(hinge["images_per_second"]), float(hinge["peak_memory_bytes"])) == (50, 5e8)


def test_markdown_has_as_many_cells_in_each_row(comparison):
    text = as_markdown(comparison.tables, ["a | b"])
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "| hinge | 4 ± 1 | 3 | 3 |" in text
    assert "- a \\| b" in text


def test_latex_has_as_many_cells_in_each_row_and_no_character_with_a_meaning(comparison):
    text = as_latex(comparison.tables)
    for body in re.findall(r"\\toprule\n(.*?)\\bottomrule", text, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    assert r"4 $\pm$ 1" in text
    assert r"peak memory, MB" in text


def test_names_cannot_break_a_document():
    name = "<b>|=1_2&3%\n\\x"
    assert markdown_cell(name) == "&lt;b&gt;\\|=1_2&amp;3% \\x"
    assert latex(name) == r"<b>|=1\_2\&3\% \textbackslash{}x"
    assert safe_cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert safe_cell("\t@SUM(1)") == "'\t@SUM(1)"
    assert safe_cell("-1.5e-3") == "-1.5e-3"
    assert safe_cell(-1.5) == -1.5


def test_without_scores_the_documents_are_empty_but_there(tmp_path):
    write_run(tmp_path / "a", scores=())
    comparison = compare(find_runs([str(tmp_path)]), None, "images", None)
    assert as_csv(comparison.ranked.rankings) == as_latex(comparison.tables) == ""
    assert "no scores" in as_markdown([], [why for _, why in comparison.ranked.left_out])


def test_published_scores_stand_beside_where_the_protocol_allows_it(tmp_path):
    protocol = {
        "metric": "fid",
        "features": {"network": "InceptionV3", "weights": "6726825d" + 8 * "0"},
        "reference": {"data": "cifar10", "split": "train", "image_size": 32, "images": 50_000},
        "fakes": {"samples": 50_000},
        "settings": {},
    }
    few = {**protocol, "fakes": {"samples": 5_000}}
    for name, made in {"as_published": protocol, "with_fewer_fakes": few}.items():
        write_run(tmp_path / name, name="fid", protocol=made)
        comparison = compare(find_runs([str(tmp_path / name)]), None, "images", None)
        notes = " ".join(comparison.tables[0].notes)
        assert ("published: DCGAN 48.29 (StudioGAN); the protocols agree" in notes) == (made is protocol)
        assert ("fakes.samples: 5000 against 50000" in notes) == (made is few)
