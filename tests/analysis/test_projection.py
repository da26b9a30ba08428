"""Projection: a sample is its own projection, no result is worse than its start, and other analyses start from it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.analysis.arithmetic import Arithmetic
from ganexp.analysis.latent_directions import LatentDirections
from ganexp.analysis.latent_search.descent import descended
from ganexp.analysis.latent_search.distances import feature_distance, lpips_distance, pixel_distance
from ganexp.analysis.projected_noise import ProjectedNoise, projected_noise
from ganexp.analysis.projection import Projection, side_by_side
from ganexp.analysis.walk import Walk
from ganexp.errors import UserError
from ganexp.files.download import Remote
from ganexp.metrics import perceptual
from support.subjects import SIDE, rng, subject


@pytest.fixture
def photographs(tmp_path):
    """A folder of two pictures: one that the generator can draw, and noise that it cannot."""
    folder = tmp_path / "it's, [mine]"
    folder.mkdir()
    drawn = subject().samples(2000)[1234, 0].numpy()
    Image.fromarray(drawn).save(folder / "a.png")
    other = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
    Image.fromarray(other).save(folder / "b.png")
    return folder


def project(folder, out, of=None, **settings):
    of = of or subject()
    analysis = Projection(str(folder), **{"starts": 2, "candidates": 64, "steps": 150, **settings})
    assert analysis.reason_against(of) is None
    out.mkdir(exist_ok=True)
    return analysis(of, out)


def test_a_sample_is_projected_onto_its_own_noise(photographs, tmp_path):
    figures = project(photographs, tmp_path / "out", features=0.0)
    noise = json.loads((tmp_path / "out" / "noise.json").read_text())
    assert noise["pictures"] == ["a.png", "b.png"] == list(figures)
    assert figures["a.png"]["projection"]["pixels"] < 1e-4 < figures["a.png"]["nearest_sample"]["pixels"]
    # Up to the rounding of the saved picture.
    assert torch.allclose(torch.tensor(noise["latents"][0]), subject().latents_of([1234])[0], atol=0.1)
    assert (tmp_path / "out" / "projection.png").stat().st_size > 0


def test_no_result_is_worse_than_its_start(photographs, tmp_path):
    figures = project(photographs, tmp_path / "out", steps=3, rate=50.0)
    for picture in figures.values():
        before, after = (sum(picture[kind].values()) for kind in ("nearest_sample", "projection"))
        assert after <= before + 1e-6


def test_descent_reaches_the_minimum_of_a_parabola_and_stays_within_reach():
    target = torch.tensor([[0.5, 3.0]])
    noise, distances = descended(lambda z: z, lambda z: (z - target).square().sum(1), torch.zeros(2, 2), 400, 0.1, 1.0)
    torch.testing.assert_close(noise, torch.tensor([[0.5, 1.0]] * 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(distances, torch.full((2,), 4.0), atol=1e-2, rtol=0)


def test_distances_in_closed_form():
    image = torch.zeros(1, 1, 2, 2)
    other = torch.full((1, 1, 2, 2), 0.5)
    assert float(pixel_distance(image, other)) == 0.25
    assert float(feature_distance(lambda x: x.flatten(1) + 1)(other, image)) == pytest.approx(4 * 0.25 / 4)


def test_the_picture_shows_threes_side_by_side():
    images = [torch.full((1, 64, 64), -1.0)] * 12
    captions = [f"{text} {number}" for number in range(4) for text in ("picture", "nearest", "result")]
    sheet = np.asarray(side_by_side(images, captions))
    assert sheet.shape[1] == 7 * 66
    assert (sheet[:64, 3 * 66 : 4 * 66] == 255).all()
    assert (sheet[:64, 4 * 66 : 4 * 66 + 64] == 0).all()


def test_without_alexnets_weights_lpips_names_the_way_without(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(perceptual, "WEIGHTS", Remote("alexnet.pth", urls=("http://127.0.0.1:9/alexnet.pth",)))
    with pytest.raises(UserError, match=r"AlexNet's weights.* Or do without them: lpips=0\.") as refused:
        lpips_distance(torch.device("cpu"))
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_lpips_with_weights_from_a_file_leads_a_projection(tmp_path, monkeypatch):
    from torchvision.models import alexnet

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    # The name by which torchvision finds the file, without the checksum of the real one.
    name = perceptual.WEIGHTS.name
    monkeypatch.setattr(perceptual, "WEIGHTS", Remote(name))
    (tmp_path / "checkpoints").mkdir()
    torch.manual_seed(0)
    torch.save(alexnet().state_dict(), tmp_path / "checkpoints" / name)
    image, other = torch.rand(2, 1, 1, 32, 32) * 2 - 1
    distance = lpips_distance(torch.device("cpu"))
    assert float(distance(image, image)) == 0 < float(distance(other, image))

    def generate(noise):
        return noise.view(-1, 1, 32, 32).tanh()

    starts = torch.zeros(1, 1024)
    noise, least = descended(generate, lambda images: distance(images, image), starts, 5, 0.1, 3.0)
    assert float(least) < float(distance(generate(starts), image))
    assert float(least) == pytest.approx(float(distance(generate(noise), image)), rel=1e-4)


def test_other_analyses_start_from_the_pictures(tmp_path):
    of = subject()
    latents = torch.randn(9, 6, generator=rng(3))
    path = tmp_path / "noise.json"
    ProjectedNoise([f"{n}.png" for n in range(9)], latents, None).save(path)
    ((through, _),) = Walk(pictures=str(path))._anchors(of)
    assert torch.allclose(through, latents)
    ((chosen, _),) = Walk(pictures=str(path), anchors=[4, 2])._anchors(of)
    assert torch.allclose(chosen, latents[[4, 2]])
    rows, _ = LatentDirections(samples=3, pictures=str(path))._rows(of, of.latents(64))
    assert torch.allclose(rows, latents[:3])
    concepts = {"plus": [[0, 1, 2], [3, 4, 5]], "minus": [[6, 7, 8]]}
    arithmetic = Arithmetic(**concepts, pictures=str(path))
    exemplars, _ = arithmetic._exemplars(of, None, arithmetic.minus[0], 0)
    assert torch.allclose(exemplars, latents[6:])


def test_a_single_picture_leads_to_samples(tmp_path):
    path = tmp_path / "noise.json"
    ProjectedNoise(["a.png"], torch.zeros(1, 6), None).save(path)
    ((through, _),) = Walk(pictures=str(path), length=3)._anchors(subject())
    assert torch.equal(through, torch.cat([torch.zeros(1, 6), subject().latents_of([0, 1])]))


@pytest.mark.parametrize(("content", "complaint"), [
    ("{", "is not a noise.json written by"),
    ("[]", "is not a noise.json written by"),
    ('{"pictures": ["a"], "latents": [[1, 2]], "labels": null}', "has noise of 2 values, and this generator takes 6"),
    ('{"pictures": ["a"], "latents": [[1e999]], "labels": null}', "is not a noise.json"),
    ('{"pictures": ["a", "b"], "latents": [[1]], "labels": null}', "is not a noise.json"),
    ('{"pictures": ["a"], "latents": [[0,0,0,0,0,0]], "labels": [1]}', "its labels are not this generator's"),
])  # fmt: skip
def test_a_file_of_something_else_is_one_line(tmp_path, content, complaint):
    path = tmp_path / "noise.json"
    path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        projected_noise(str(path), subject())


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"starts": 0}, "starts=0: it must be 1 or more"),
    ({"rate": 0.0}, r"rate=0\.0: it must be a finite number above 0"),
    ({"pixels": -1.0}, r"pixels=-1\.0: it must be a finite number, 0 or more"),
    ({"pixels": 0.0, "features": 0.0}, "there is no distance left"),
])  # fmt: skip
def test_mistakes_are_one_line(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        Projection("somewhere", **settings)


def test_without_pictures_it_does_not_apply():
    assert Projection().reason_against(subject()) == "it needs pictures to project: images=FOLDER"
    assert "at least 32x32" in Projection("x", lpips=1.0).reason_against(subject())


@pytest.mark.slow
def test_the_command_takes_folders_of_any_name_and_keeps_the_classes(ganexp, here, run):
    folder = here / "it's, [mine]"
    assert ganexp("sample", f"run={run}", "n=3", f"out={folder}").status == 0
    (folder / "grid.png").unlink()
    settings = ["candidates=20", "starts=2", "steps=3", "features=0"]
    outcome = ganexp("analyze", f"run={run}", "analysis=projection", f"images={folder}", *settings)
    assert outcome.status == 0, outcome.err
    figures = json.loads((run / "analysis" / "projection" / "figures.json").read_text())["figures"]
    # The samples 0 to 2 are among the candidates, with these classes.
    assert [picture["label"] for picture in figures.values()] == [0, 1, 2]
    assert all(picture["projection"]["pixels"] < 1e-4 for picture in figures.values())
    complaint = ganexp("analyze", f"run={run}", "analysis=projection").complaint
    assert complaint == "analysis=projection: it needs pictures to project: images=FOLDER"
    assert ganexp("analyze", f"run={run}", "analysis=projection", "images=nowhere").complaint == (
        "images=nowhere: does not exist"
    )
