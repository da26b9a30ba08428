"""``ganexp demo run=DIR out=walk.html``: walks through the noise in one file, which runs its own script alone."""

import base64
import hashlib
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from demo.test_demo import loaded
from ganexp.demo.draw import STEPS as EXAMPLES
from ganexp.demo.draw import Samples
from ganexp.demo.walk import COLUMNS, STEPS, STOPS, WALKS, walk_pictures
from ganexp.drawing.pictures import grid
from support.browsing import browser

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install 'ganexp[report]'")


@pytest.fixture(scope="module")
def samples(unlabelled):
    return Samples.of(*loaded(unlabelled))


@pytest.fixture
def page(ganexp, here, unlabelled):
    outcome = ganexp("demo", f"run={unlabelled}", "out=walk.html")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(f"walk.html: {WALKS} walks through {STOPS} samples each, {STOPS * STEPS} pictures")
    return here / "walk.html"


def side_by_side(images):
    return np.asarray(grid(images, COLUMNS))


def test_each_walk_passes_its_samples_and_is_back_at_its_first(samples):
    pictures = walk_pictures(samples)
    assert len(pictures) == STOPS * STEPS
    for stop in (0, STOPS - 1):
        numbers = [walk * STOPS + stop for walk in range(WALKS)]
        expected = side_by_side(samples.subject.images(samples.subject.latents_of(numbers)))
        # The page enlarges pictures itself.
        times = expected.shape[0] // pictures[0].height
        drawn = pictures[stop * STEPS].resize(expected.shape[1::-1], Image.Resampling.NEAREST)
        assert times > 0
        assert np.array_equal(np.asarray(drawn), expected)
    steps = [
        np.abs(np.subtract(a, b, dtype=float)).mean()
        for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)
    ]
    # No step, the last one back to the first included, is a jump.
    assert max(steps) < 4 * np.median(steps)


def test_a_walk_keeps_the_class_of_its_first_sample(finished):
    samples = Samples.of(*loaded(finished))
    numbers = [walk * STOPS + 1 for walk in range(WALKS)]
    first = samples.subject.labels_of([walk * STOPS for walk in range(WALKS)])
    expected = side_by_side(samples.subject.images(samples.subject.latents_of(numbers), first))
    drawn = walk_pictures(samples)[STEPS].resize(expected.shape[1::-1], Image.Resampling.NEAREST)
    assert np.array_equal(np.asarray(drawn), expected)


def test_the_page_needs_nothing_from_elsewhere_and_runs_only_its_own_script(page, unlabelled):
    text = page.read_text()
    written = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert all(link.startswith("data:") for link in re.findall(r'(?:src|href)="([^"]*)"', written))
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    # It is for others, whom the folders of this machine do not concern.
    assert str(page.parent) not in text
    assert str(unlabelled.parent) not in text
    assert "<h1>Walks through the noise of dcgan_small on digits</h1>" in text
    frames = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["frames"]
    first = Image.open(io.BytesIO(base64.b64decode(frames[0].partition(",")[2])))
    assert len(frames) == STOPS * STEPS
    assert len(set(frames)) > STOPS
    assert first.format == "WEBP"


def test_truncation_examples_have_a_row_for_each_threshold(samples):
    images = samples.subject.images(samples.subject.latents_of(range(3, 3 + EXAMPLES)))
    expected = grid(torch.cat([images, images]), EXAMPLES)
    assert np.array_equal(np.asarray(samples.truncations(3, None, [None, None])), np.asarray(expected))


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["out=walk.gif"], "out=walk.gif: the page is a file that ends in .html"),
    (["out=kept.html"], "out=kept.html: exists already; choose another name"),
])  # fmt: skip
def test_mistakes_are_one_line(ganexp, here, unlabelled, arguments, complaint):
    (here / "kept.html").write_text("mine")
    assert ganexp("demo", f"run={unlabelled}", *arguments).complaint.startswith(complaint)
    assert [path.name for path in here.iterdir()] == ["kept.html"]


@pytest.mark.slow
def test_a_browser_plays_the_walk_and_moves_along_it(page, tmp_path):
    with browser(tmp_path / "profile") as context:
        tab = context.new_page()
        complaints = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(page.as_uri())
        picture, where = tab.locator("#picture"), tab.locator("#where")
        assert where.inner_text() == f"sample 1 of {STOPS}"
        tab.locator("#position").focus()
        tab.keyboard.press("ArrowRight")
        assert where.inner_text() == "between samples 1 and 2"
        assert picture.get_attribute("src") == tab.evaluate("data.frames[1]")
        tab.keyboard.press("End")
        assert where.inner_text() == f"between samples {STOPS} and 1"
        tab.get_by_role("button", name="Play").click()
        tab.locator("#where", has_text="sample 1 of").or_(tab.locator("#where", has_text="samples 1 and 2")).wait_for()
        tab.get_by_role("button", name="Pause").click()
        assert complaints == []
