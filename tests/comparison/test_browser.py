"""report.html in a real browser: what can be sorted, switched, read and moved really is."""

import re
from contextlib import contextmanager

import pytest

from ganexp.comparison.comparison import compare
from ganexp.comparison.finding import find_runs
from ganexp.comparison.page import render
from ganexp.records import summary
from support.browsing import browser
from support.synthetic import write_run, write_seeds

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")

pytestmark = pytest.mark.slow
EVIL = "<img src=x onerror=window.evil=1><script>window.evil=1<script>"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as context:
        yield context


@contextmanager
def opened_page(chromium, folder):
    """Yield the page of the runs in a folder; nothing goes wrong while it is used."""
    page = chromium.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    comparison = compare(find_runs([str(folder / "runs")]), None, "images", None)
    (folder / "report.html").write_text(render(comparison, comparison.remarks))
    page.goto((folder / "report.html").as_uri())
    yield page
    assert complaints == []
    page.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """The page of three experiments, of which one has a bad name."""
    runs = tmp_path / "runs"
    write_seeds(runs, [3.0, 4.0, 5.0], "hinge", pictures=4)
    write_seeds(runs, [12.0, 13.0, 15.0], "lsgan", pictures=4, speed=25.0)
    write_run(runs / EVIL.replace("/", ""), scores=(5.0, 6.0, 9.5), loss=EVIL, pictures=2, log=f"x doctor: {EVIL}\n")
    with opened_page(chromium, tmp_path) as page:
        yield page


def column(page, number):
    return page.locator(f"table.sortable tbody tr > :nth-child({number})").all_inner_texts()


def test_headings_sort_by_number_and_by_text_with_mouse_and_keyboard(opened):
    means = opened.get_by_role("button", name="mean ± std")
    heading = opened.get_by_role("columnheader", name="mean ± std")
    assert heading.get_attribute("aria-sort") is None
    means.click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(opened, 2) == ["4 ± 1", "9.5", "13.33 ± 1.5"]
    means.focus()
    opened.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(opened, 2) == ["13.33 ± 1.5", "9.5", "4 ± 1"]
    opened.get_by_role("button", name="loss", exact=True).click()
    assert heading.get_attribute("aria-sort") is None
    assert column(opened, 1)[1:] == ["hinge", "lsgan"]
    opened.get_by_role("button", name="from the best").click()
    assert column(opened, 5)[-2:] == ["", ""]


def test_curves_are_drawn_against_what_is_chosen_and_tell_their_values(opened):
    chart = opened.locator("#chart")
    paths = chart.locator("path")
    assert paths.count() == 7 + 3  # runs and means
    by_images = paths.nth(0).get_attribute("d"), paths.nth(5).get_attribute("d")
    opened.get_by_label("against").select_option("seconds")
    by_seconds = paths.nth(0).get_attribute("d"), paths.nth(5).get_attribute("d")
    assert by_seconds != by_images
    # At half the speed the other goes on for twice as long.
    ends = [
        float(re.findall(r"L([\d.]+) ", d)[-1]) for d in paths.evaluate_all("all => all.map(p => p.getAttribute('d'))")
    ]
    assert max(ends) - 70 == pytest.approx(2 * (min(ends) - 70), abs=1)
    opened.get_by_label("against").select_option("updates")
    assert "updates of G" in chart.text_content()
    box = chart.bounding_box()
    chart.hover(position={"x": box["width"] * 0.985, "y": box["height"] / 2})
    values = opened.locator("#values").inner_text()
    assert "updates of G: 15" in values
    assert "loss=hinge: 4 (mean of 3)" in values
    chart.focus()
    opened.keyboard.press("ArrowLeft")
    assert "updates of G: 14.7" in opened.locator("#values").inner_text()
    opened.get_by_label("Metric").select_option("loss/generator/adversarial")
    opened.get_by_label("logarithmic").check()
    assert paths.count() == 10
    opened.get_by_label("loss=hinge").uncheck()
    assert paths.count() == 6


def test_the_slider_moves_all_grids_through_training(opened):
    slider = opened.get_by_role("slider", name="Training")
    grids = opened.locator("#grids img")
    assert grids.count() == 3
    last = grids.evaluate_all("all => all.map(i => i.src)")
    assert slider.get_attribute("aria-valuetext") == "300 images"
    slider.focus()
    opened.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 images"
    first = grids.evaluate_all("all => all.map(i => i.src)")
    assert all(one != other for one, other in zip(first, last, strict=True))
    assert all(grids.evaluate_all("all => all.map(i => i.naturalWidth > 0)"))
    assert "after 0 images" in grids.nth(0).get_attribute("alt")


def test_names_and_logs_run_nothing(opened):
    assert EVIL in opened.locator("#grids").inner_text()
    assert opened.evaluate("window.evil") is None


def write_grid(folder):
    """Write runs of two losses, two widths and two rates; the score grows with each, and one width was refused."""
    for i, loss in enumerate(("hinge", "lsgan")):
        for width in (8, 16):
            for rate in (0.1, 0.2):
                write_run(
                    folder / f"{loss}_{width}_{rate}",
                    scores=(50.0, 40.0, 10.0 * i + width + 10 * rate),
                    loss=loss,
                    network={"width": width},
                    rate=rate,
                )
    refused = folder / "refused"
    refused.mkdir()
    overrides = ["loss=hinge", "network.width=32", "rate=0.1"]
    summary.update(refused, status="refused", reason=f"too wide {EVIL}", overrides=overrides)


@pytest.fixture
def grid(chromium, tmp_path):
    """The page of a sweep over three settings."""
    write_grid(tmp_path / "runs")
    with opened_page(chromium, tmp_path) as page:
        yield page


def cells(page):
    return page.locator("#maps tbody td").all_inner_texts()


def test_small_multiples_are_heat_maps_of_two_settings_per_value_of_a_third(grid):
    maps = grid.locator("#maps .map")
    assert maps.locator("caption").all_inner_texts() == ["rate=0.1", "rate=0.2"]
    assert [text.split("\n")[0] for text in cells(grid)[:3]] == ["9", "17", "refused (a)"]
    assert grid.locator("#map-reasons li").all_inner_texts() == [f"refused: too wide {EVIL}"]
    assert cells(grid)[-1] == "not run"
    grid.get_by_label("One map per").select_option("")
    assert maps.count() == 1
    assert cells(grid)[0] == "9.5 ± 0.71\n2 experiments"
    grid.get_by_label("Rows").select_option("network.width")
    assert grid.get_by_label("Columns").input_value() == "loss"
    assert cells(grid)[1] == "19.5 ± 0.71\n2 experiments"


def test_a_cell_opens_its_runs(grid):
    runs = grid.locator("#runs details", has_text="loss=lsgan, network.width=16, rate=0.2")
    assert runs.get_attribute("open") is None
    grid.locator("#maps").get_by_role("link", name="28").click()
    assert runs.get_attribute("open") is not None
    assert grid.locator("#experiment-0[open]").count() == 1


def test_brushes_choose_the_curves_and_a_link_restores_the_view(grid, chromium, tmp_path):
    parallel = grid.locator("#parallel")
    parallel.locator("[data-axis=loss] .tick", has_text="lsgan").click()
    assert grid.locator("#parallel-count").inner_text() == "4 of 8 experiments pass the brushes"
    assert grid.locator("#curves-count").inner_text() == "4 of 8 experiments shown"
    area = parallel.locator("[data-axis=score] .brush-area").bounding_box()
    grid.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] - 3)
    grid.mouse.down()
    grid.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] * 0.4, steps=4)
    grid.mouse.up()
    assert grid.locator("#parallel-count").inner_text() == "2 of 8 experiments pass the brushes"
    grid.get_by_label("against").select_option("seconds")
    grid.get_by_role("button", name="mean ± std").click()
    grid.get_by_label("One map per").select_option("")
    view, counted = grid.url, grid.locator("#curves-count").inner_text()
    assert "#view?" in view
    again = chromium.new_page()
    again.goto(view)
    assert again.locator("#parallel-count").inner_text() == "2 of 8 experiments pass the brushes"
    assert again.locator("#curves-count").inner_text() == counted == "2 of 8 experiments shown"
    assert again.get_by_label("against").input_value() == "seconds"
    assert again.locator("#maps .map").count() == 1
    assert again.get_by_role("columnheader", name="mean ± std").get_attribute("aria-sort") == "ascending"
    again.get_by_role("button", name="Clear brushes").click()
    assert again.locator("#curves-count").inner_text() == "8 of 8 experiments shown"
    again.close()


@pytest.mark.parametrize("view", ["sort=[9,9]&brush=[1]&shown=3", "brush={&shown=[&metric=none&time=x", "brush=null"])
def test_a_link_with_an_impossible_view_shows_the_page_as_it_is(grid, view):
    grid.goto(f"{grid.url.split('#')[0]}#view?{view}")
    grid.reload()
    assert grid.locator("#parallel-count").inner_text() == "8 of 8 experiments"
    assert grid.locator("#curves-count").inner_text() == "8 of 8 experiments shown"


def test_nothing_is_wider_than_a_phone(grid):
    grid.set_viewport_size({"width": 390, "height": 800})
    assert grid.evaluate("document.documentElement.scrollWidth") == 390
    ranked = grid.locator(".wide:has(.sortable)")
    assert ranked.evaluate("all => all.scrollWidth <= all.clientWidth")
    cells = ranked.locator("tbody tr:first-child td")
    names = cells.evaluate_all("all => all.map(cell => cell.dataset.column)")
    assert names == ranked.locator("thead button").all_inner_texts()[1:]


def test_a_curve_of_one_point_is_a_dot(chromium, tmp_path):
    write_run(tmp_path / "runs" / "one", scores=(5.0,))
    with opened_page(chromium, tmp_path) as page:
        lines = page.locator("#chart path").evaluate_all(
            "all => all.map(line => [line.getAttribute('d').endsWith('h0'), line.getAttribute('stroke-linecap')])"
        )
    assert lines
    assert all(line == [True, "round"] for line in lines)


def test_of_many_experiments_the_best_eight_are_drawn(chromium, tmp_path):
    for width in range(12):
        write_run(tmp_path / "runs" / str(width), scores=(50.0, 10.0 + width), network={"width": width})
    with opened_page(chromium, tmp_path) as page:
        shown = page.locator("#legend input:checked")
        assert shown.count() == page.evaluate("new Set(lines.map(line => line.experiment)).size") == 8
        assert page.locator("#legend label").nth(0).inner_text().strip() == "network.width=0"
        page.get_by_role("button", name="All", exact=True).click()
        assert shown.count() == 12


def test_text_stands_out_in_light_and_dark(opened):
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        page = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector in ("body", ".notes", "caption", "nav a", "#chart text", "thead button", ".differs"):
            ink, paper = opened.evaluate(
                """selector => {
                    const found = document.querySelector(selector), style = getComputedStyle(found);
                    return [found.tagName === "text" ? style.fill : style.color, style.backgroundColor];
                }""",
                selector,
            )
            assert contrast(ink, page if paper == "rgba(0, 0, 0, 0)" else paper) >= 4.5, (scheme, selector)
        colours = opened.locator("#chart path").evaluate_all("all => all.map(p => p.getAttribute('stroke'))")
        for colour in {*colours, *opened.evaluate("COLOURS")}:
            rgb = "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))
            assert contrast(rgb, page) >= 3, (scheme, colour)


def contrast(one, other):
    """Return the ratio of luminances as WCAG 2 defines it."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
