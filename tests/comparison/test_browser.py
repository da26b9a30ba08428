"""report.html in a real browser: what can be sorted, switched, read and moved really is."""

import re

import pytest

from ganexp.comparison.comparison import compare
from ganexp.comparison.finding import find_runs
from ganexp.comparison.page import render
from support.browsing import browser
from support.synthetic import write_run, write_seeds

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")

pytestmark = pytest.mark.slow
EVIL = "<img src=x onerror=window.evil=1><script>window.evil=1<script>"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def opened(chromium, tmp_path):
    """The page of three experiments, of which one has a bad name; nothing goes wrong while it is used."""
    runs = tmp_path / "runs"
    write_seeds(runs, [3.0, 4.0, 5.0], "hinge", pictures=4)
    write_seeds(runs, [12.0, 13.0, 15.0], "lsgan", pictures=4, speed=25.0)
    write_run(runs / EVIL.replace("/", ""), scores=(5.0, 6.0, 9.5), loss=EVIL, pictures=2, log=f"x doctor: {EVIL}\n")
    page = chromium.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    comparison = compare(find_runs([str(runs)]), None, "images", None)
    (tmp_path / "report.html").write_text(render(comparison, comparison.remarks))
    page.goto((tmp_path / "report.html").as_uri())
    yield page
    assert complaints == []
    page.close()


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
