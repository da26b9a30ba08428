"""The demo: what it draws is what sample and translate write, and a browser can play with it."""

import socket
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from cli.test_translation_runs import MODELS, TINY
from ganexp.analysis.subject import Subject
from ganexp.config import composition
from ganexp.data.depth.value_range import ValueRange
from ganexp.demo.conditions import condition
from ganexp.demo.draw import MANY, MOVES, SLIDERS, Samples, Translations, enlarged, require_number
from ganexp.drawing.pictures import as_image, grid
from ganexp.errors import UserError
from ganexp.noise import normal
from ganexp.runs.model import load_model
from ganexp.runs.run import saved_run
from support.browsing import browser, page_at, save, serving
from support.games import built, tiny_model

needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="pip install 'ganexp[demo]'")


def loaded(folder):
    composition.register_resolvers()
    run = saved_run(folder)
    return load_model(run), run.config


@pytest.fixture(scope="module")
def labelled(finished):
    return loaded(finished)


@pytest.fixture(scope="module")
def plain(unlabelled):
    return loaded(unlabelled)


def same(one, other):
    return np.array_equal(np.asarray(one), np.asarray(other))


def test_a_sample_is_that_of_the_sample_command_and_at_the_end_of_the_way_is_the_other(plain):
    model, config = plain
    samples, written = Samples.of(model, config), model.sample(4, 0)
    still = [0.0] * len(samples.directions)
    for share, number in ((0.0, 3), (1.0, 1)):
        picture, _ = samples.draw(3, 1, share, None, None, still)
        assert same(picture, enlarged(as_image(written[number])))


def test_a_class_is_drawn_where_it_is_chosen_and_a_sample_keeps_its_own_else(labelled):
    model, config = labelled
    samples = Samples.of(model, config)
    still = [0.0] * len(samples.directions)
    noise = samples.subject.latents_of([2])
    for label, drawn in ((None, 2), (7, 7)):
        picture, _ = samples.draw(2, 5, 0.0, label, None, still)
        assert same(picture, enlarged(as_image(samples.subject.images(noise, torch.tensor([drawn]))[0])))


def test_directions_move_a_sample_by_standard_deviations_of_the_noise(plain):
    model, config = plain
    samples = Samples.of(model, config)
    steps = [0.0] * len(samples.directions)
    steps[1] = 2.0
    moved = samples.subject.latents_of([0]) + 2.0 * samples.spread * samples.directions[1]
    picture, _ = samples.draw(0, 1, 0.0, None, None, steps)
    assert same(picture, enlarged(as_image(samples.subject.images(moved)[0])))


def test_a_grid_has_the_samples_from_a_number_on(plain, labelled):
    model, config = plain
    samples = Samples.of(model, config)
    assert same(samples.many(3, None, None), grid(model.sample(3 + MANY, 0)[3:], 8))
    assert same(samples.many(10**6 - 1, None, None), samples.many(10**6 - MANY, None, None))
    conditional = Samples.of(*labelled)
    noise = conditional.subject.latents_of(range(MANY))
    expected = conditional.subject.images(noise, torch.full((MANY,), 7))
    assert same(conditional.many(0, 7, None), grid(expected, 8))


class Shows(torch.nn.Module):
    """A generator whose images are their attributes."""

    def forward(self, noise, label):
        return label.float()[:, :, None, None].expand(-1, -1, 8, 8) * 2 - 1


def test_chosen_attributes_are_those_of_all_samples_and_else_of_training_images():
    sets = torch.tensor([[1, 0, 0], [0, 1, 1]], dtype=torch.int8)
    samples = Samples(Subject(Shows(), normal, 4, 3, attributes=sets, columns=2))
    for label, drawn in ((None, sets.repeat(MANY // 2, 1)), ([0, 1, 0], torch.tensor([[0, 1, 0]]).repeat(MANY, 1))):
        assert same(samples.many(0, label, None), grid(Shows()(None, drawn), 8))


@needs_gradio
@pytest.mark.slow
def test_there_is_a_checkbox_for_each_attribute():
    import gradio

    subject = Subject(Shows(), normal, 4, 2, attributes=torch.zeros(1, 2, dtype=torch.int8))
    with gradio.Blocks():
        given = condition(gradio, subject, ["Smiling", "Male"])
    own, boxes = given.controls
    assert (own.value, boxes.choices) == (True, [("Smiling", "0"), ("Male", "1")])
    assert given.label(True, ["1"]) is None
    assert given.label(False, ["1"]) == [0, 1]


def test_a_row_for_each_direction_has_the_sample_in_its_middle(plain):
    model, config = plain
    samples = Samples.of(model, config)
    shifts = torch.linspace(-3, 3, MOVES)[:, None] * samples.spread
    moved = samples.subject.latents_of([2]) + shifts * samples.directions[0]
    drawn = np.asarray(samples.along_directions(2, None, None, 3.0))
    row = np.asarray(grid(samples.subject.images(moved), MOVES))
    assert same(drawn[: len(row)], row)
    assert same(grid(samples.subject.images(moved)[3:4], 1), grid(model.sample(3, 0)[2:], 1))


def test_truncated_noise_is_that_of_the_sample_command_where_noise_has_tails(plain, unlabelled):
    model, config = plain
    assert not Samples.of(model, config).can_be_truncated
    config = config.copy()
    config.model.noise = {"_target_": "ganexp.noise.normal", "_partial_": True}
    run = replace(saved_run(unlabelled), config=config)
    samples = Samples.of(load_model(run), config)
    assert samples.can_be_truncated
    picture, _ = samples.draw(3, 3, 0.0, None, 0.5, [0.0] * len(samples.directions))
    cut = load_model(run, truncation=0.5)
    assert same(picture, enlarged(as_image(cut.sample(4, 0)[3])))


def test_a_category_is_drawn_where_it_is_chosen():
    game = built(tiny_model("infogan")).eval()
    samples = Samples.of(game, tiny_model("infogan"))
    assert same(samples.many(0, 3, None), grid(game.sample_categories(MANY, 0, [3]), 8))


def test_where_noise_is_mapped_to_styles_samples_stay_and_styles_are_moved():
    game = built(tiny_model("stylegan2")).eval()
    samples = Samples.of(game, tiny_model("stylegan2"))
    assert samples.can_be_truncated
    assert len(samples.directions) == min(SLIDERS, game.generator.synthesis.style)
    assert same(samples.many(0, None, None), grid(game.sample(MANY, 0), 8))


@pytest.mark.parametrize("number", [None, -1, 1.5, 1_000_000])
def test_what_is_no_samples_number_is_named(number):
    with pytest.raises(UserError, match="sample numbers are integers from 0 to 999,999"):
        require_number(number)


@pytest.fixture(scope="module")
def translator_run(tmp_path_factory):
    from ganexp.cli import main

    folder = tmp_path_factory.mktemp("translator") / "run"
    assert main.main([*MODELS["pix2pix"], *TINY, "metric=none", f"run_dir={folder}"]) == 0
    return folder


def test_a_translation_is_that_of_the_translate_command(translator_run, ganexp, here):
    translations = Translations.of(*loaded(translator_run))
    Image.effect_noise((21, 13), 80).save("a.png")
    seen, made = translations.draw(Path("a.png"), "a2b")
    assert ganexp("translate", f"run={translator_run}", "input=a.png", "out=out").status == 0
    assert same(made, Image.open("out/a.png"))
    assert same(seen.convert("L"), Image.open("a.png"))


def test_files_that_are_no_pictures_or_too_large_are_refused_by_name(translator_run, here):
    translations = Translations.of(*loaded(translator_run))
    Path("a.txt").write_text("words")
    Path("empty.png").touch()
    for name in ("a.txt", "empty.png"):
        with pytest.raises(UserError, match=f"{name}: empty or not an image"):
            translations.draw(Path(name), "a2b")
    Image.new("1", (5000, 4000)).save("large.png")
    with pytest.raises(UserError, match=r"large.png: 5,000 x 4,000 pixels are too many for this page"):
        translations.draw(Path("large.png"), "a2b")


def test_mistakes_are_told_in_one_line(ganexp, unlabelled, monkeypatch):
    assert "not a run's folder" in ganexp("demo", "run=nothing").complaint
    assert "choose last or best" in ganexp("demo", f"run={unlabelled}", "checkpoint=first").complaint
    monkeypatch.setitem(sys.modules, "gradio", None)
    ended = ganexp("demo", f"run={unlabelled}")
    assert ended.status == 2
    assert ended.complaint == "demo needs a package: pip install 'ganexp[demo]'"


@needs_gradio
@pytest.mark.slow
def test_a_port_that_is_taken_is_named(ganexp, unlabelled):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = ganexp("demo", f"run={unlabelled}", f"port={port}")
    assert (ended.status, ended.complaint) == (2, f"port={port}: cannot be used; choose another, or leave it out")


def picture_of(page, name):
    """Wait for a picture, and return what is shown."""
    shown = page.locator(f"#{name} img")
    shown.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=shown.element_handle())
    return shown.get_attribute("src")


def changed(page, name, before):
    """Wait until another picture is shown, and return it."""
    page.wait_for_function(
        "([name, old]) => { const i = document.querySelector(`#${name} img`); return i && i.src != old && i.complete }",
        arg=[name, before],
    )
    return picture_of(page, name)


@needs_gradio
@pytest.mark.slow
def test_a_browser_plays_with_samples(finished, tmp_path):
    with (
        browser(tmp_path / "profile") as context,
        serving("demo", f"run={finished}") as address,
        page_at(context, address) as page,
    ):
        shown = picture_of(page, "picture")
        picture_of(page, "interpolation")
        page.get_by_label("number input for position between the samples").fill("0.5")
        shown = changed(page, "picture", shown)
        page.get_by_label("number input for direction 1").fill("3")
        shown = changed(page, "picture", shown)
        page.get_by_label("class").click()
        page.get_by_role("option", name="7").click()
        shown = changed(page, "picture", shown)
        page.get_by_role("button", name="Random").click()
        changed(page, "picture", shown)
        picture_of(page, "directions")
        picture_of(page, "several")
        save(page, "demo_samples.png")
        page.get_by_label("sample", exact=True).fill("-4")
        page.get_by_text("-4: sample numbers are integers").wait_for()


@needs_gradio
@pytest.mark.slow
def test_a_browser_translates_pictures_and_is_told_what_is_none(translator_run, tmp_path):
    Image.effect_noise((40, 32), 80).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("words")
    (tmp_path / "c.png").write_bytes(bytes(21 * 1024 * 1024))
    with (
        browser(tmp_path / "profile") as context,
        serving("demo", f"run={translator_run}") as address,
        page_at(context, address) as page,
    ):
        upload = page.locator("#upload input[type=file]")
        upload.set_input_files(tmp_path / "a.png")
        picture_of(page, "picture")
        picture_of(page, "translation")
        page.locator("#both img").first.wait_for()
        save(page, "demo_translation.png")
        for name, told in (("b.png", "b.png: empty or not an image"), ("c.png", "maximum")):
            page.reload()
            upload.set_input_files(tmp_path / name)
            page.get_by_text(told).first.wait_for()
            save(page, f"demo_{name}.png")


@needs_gradio
@pytest.mark.slow
def test_a_server_refuses_foreign_pages_and_large_uploads_and_keeps_nothing(unlabelled, tmp_path, monkeypatch):
    httpx = pytest.importorskip("httpx")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving("demo", f"run={unlabelled}", "hosts=gpu.example.org") as address:
        assert httpx.get(address).status_code == 200
        assert httpx.get(address, headers={"host": "gpu.example.org"}).status_code == 200
        assert httpx.get(address, headers={"host": "evil.example"}).status_code == 403
        upload = f"{address}gradio_api/upload"
        statuses = [
            httpx.post(upload, files={"files": ("a.png", bytes(size))}, headers=headers).status_code
            for size, headers in [(9, {}), (9, {"origin": "http://evil.example"}), (25_000_000, {})]
        ]
        assert statuses == [200, 403, 413]
        assert list(tmp_path.rglob("a.png"))
    assert not list(tmp_path.glob("ganexp-demo-*"))


class Inverts(torch.nn.Module):
    """A translator to the negative."""

    multiple, directions = 1, ("a2b",)

    def translate(self, images, direction):
        return -images


def test_deep_images_are_shown_windowed_and_written_in_the_units_of_the_data(tmp_path):
    config = OmegaConf.create({"data": {"channels": 1}})
    ranges = {"a2b": (ValueRange(0, 1000), ValueRange(0, 4000))}
    translations = Translations.of(Inverts(), config, ranges)
    assert translations.windows("a2b") == "picture: 0 is black, 1000 is white; translation: 0 is black, 4000 is white"
    Image.fromarray(np.array([[0, 250, 1000]], np.uint16)).save(tmp_path / "scan.png")
    seen, made = translations.draw(tmp_path / "scan.png", "a2b", tmp_path / "out")
    assert np.asarray(seen).tolist() == [[0, 64, 255]]
    assert np.asarray(made).tolist() == [[255, 191, 0]]
    assert np.asarray(Image.open(tmp_path / "out" / "translation.png")).tolist() == [[4000, 3000, 0]]
