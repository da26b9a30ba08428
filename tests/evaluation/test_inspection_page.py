"""inspect.html: what is wrong with pictures, one file in which nothing but our own markup is markup."""

import re

import numpy as np
import pytest
from PIL import Image

from support.browsing import browser

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def folder(tmp_path):
    """Two classes of noise with a transparent picture, a copy, a broken file and fourteen that are too small."""
    rng = np.random.default_rng(0)
    for label in ("cat", EVIL):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / f"data/{label}/{number}.png")
    top = tmp_path / "data"
    (top / "cat" / f"{EVIL}.png").write_bytes(b"no picture")
    Image.open(top / "cat" / "0.png").save(top / "cat" / "copy.png")
    Image.new("RGBA", (16, 16), (200, 0, 0, 90)).save(top / "cat" / "clear.png")
    for number in range(14):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(top / EVIL / f"small{number:02d}.png")
    return top


@pytest.fixture
def page(ganexp, folder, here):
    ended = ganexp("data", "inspect", "data=image_folder", f"data.root={folder}", "data.image_size=16", "out=looked")
    assert ended.status == 0, ended.err
    assert "as a page: looked/inspect.html" in ended.out
    return here / "looked" / "inspect.html"


def article(text, what):
    return next(part for part in re.findall(r"<article.*?</article>", text, re.DOTALL) if f"<h3>{what}" in part)


def test_each_kind_has_up_to_a_dozen_thumbnails_and_duplicates_are_side_by_side(page):
    text = page.read_text()
    small = article(text, "smaller than data.image_size")
    assert (small.count("<img"), "and 2 more" in small) == (12, True)
    assert article(text, "transparent").count("<img") == 1
    pair = article(text, "exact duplicates")
    sources = re.findall(r'src="([^"]*)"', pair)
    assert len(sources) == 2
    assert sources[0] == sources[1]
    assert article(text, "cannot be read").count("<img") == 0
    assert re.findall(r'<span class="count">(\d+)</span>', text)[:2] == ["17", "5"]


def test_names_are_text_and_the_page_needs_nothing_from_elsewhere(page):
    text = page.read_text()
    assert EVIL not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<script" not in text
    assert all(link.startswith(("#", "data:image/webp")) for link in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text


@pytest.mark.slow
def test_the_page_fits_a_phone_without_a_complaint(page, tmp_path):
    with browser(tmp_path / "profile") as context:
        opened = context.new_page()
        complaints = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.set_viewport_size({"width": 360, "height": 700})
        opened.goto(page.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") == 360
        assert opened.locator("img").evaluate_all("all => all.every(image => image.naturalWidth > 0)")
        assert complaints == []
