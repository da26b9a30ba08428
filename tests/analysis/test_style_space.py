"""Styles as the noise of a subject, their mixing, pictures projected into them, and directions of what reads them."""

from functools import partial

import pytest
import torch
from torch import nn

from ganexp.analysis.latent_directions import factorization
from ganexp.analysis.latent_search.descent import annealed, noise_share, step_size
from ganexp.analysis.projected_noise import ProjectedNoise, projected_noise
from ganexp.analysis.projection import Projection
from ganexp.analysis.style_mixing import StyleMixing, images_of, swapped, thirds
from ganexp.analysis.style_space import StyleSpace, in_style_space
from ganexp.analysis.walk import Walk
from ganexp.drawing.pictures import as_image, save
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from ganexp.layers.modulation import ModulatedConv2d
from support.games import built, tiny_with
from support.subjects import Linear
from support.subjects import subject as subject_of_pixels


def subject_of(model):
    config = tiny_with(model, {})
    return build_subject(built(config), config, 0)


@pytest.fixture(scope="module")
def subject():
    return subject_of("stylegan2")


def test_the_subject_of_styles_has_the_same_samples(subject):
    styled = in_style_space(subject)
    assert styled.latents(3).shape == (3, 6)
    assert torch.allclose(styled.images(styled.latents(3)), subject.images(subject.latents(3)), atol=1e-6)


def test_styles_of_a_conditional_generator_have_their_labels():
    conditional = subject_of("stylegan2_conditional")
    styled = in_style_space(conditional)
    assert styled.num_classes is None
    samples = conditional.images(conditional.latents(12), conditional.labels(12))
    assert torch.allclose(styled.images(styled.latents(12)), samples, atol=1e-6)
    assert torch.allclose(styled.latents_of([11, 3]), styled.latents(12)[[11, 3]], atol=1e-6)
    same_noise = conditional.latents_of([0, 0])
    zero, one = conditional.styles.mapping(same_noise, torch.tensor([0, 1]))
    assert not torch.allclose(zero, one)


def test_truncated_styles_are_those_of_the_truncated_samples(subject):
    cut = in_style_space(subject.truncated(0.5))
    assert torch.allclose(cut.latents(3), 0.5 * in_style_space(subject).latents(3), atol=1e-6)


def test_a_subject_without_styles_stays_as_it_is_and_analyses_of_styles_say_so(tmp_path):
    config = tiny_with("dcgan", {})
    plain = build_subject(built(config), config, 0)
    assert in_style_space(plain) is plain
    for analysis in (Walk(space="styles"), StyleMixing()):
        assert "has no styles" in analysis.reason_against(plain)


def test_an_unknown_space_is_refused():
    for analysis in (Walk, Projection):
        with pytest.raises(UserError, match="space=w: choose one of noise, styles"):
            analysis(space="w")


class LinearSynthesis(nn.Module):
    """Images that are a linear function of the mean of all layers' styles, small enough that none is clipped."""

    def __init__(self):
        super().__init__()
        self.of_mean = Linear()

    def forward(self, styles):
        return self.of_mean(styles.mean(1))


def linear_subject():
    """Return a conditional subject whose styles are shifted by the class, and whose images are linear in them."""
    space = StyleSpace(lambda noise, label: noise + label[:, None], LinearSynthesis(), 2, 6)

    class Whole(nn.Module):
        def forward(self, noise, label):
            return space.synthesis(space.mapping(noise, label)[:, None])

    return subject_of_pixels(Whole(), num_classes=3, columns=3, styles=space)


def projected(of, picture, out, **settings):
    out.mkdir()
    projection = Projection(str(picture), candidates=64, features=0.0, space="styles", **settings)
    assert projection.reason_against(of) is None
    return projection(of, out)["a.png"]


def test_the_picture_of_a_style_is_projected_onto_that_style_from_the_mean_one_and_repeatably(tmp_path):
    of = linear_subject()
    styled = in_style_space(of)
    save(as_image(of.images(of.latents(5), of.labels(5))[4]), tmp_path / "a.png")
    figures = [projected(of, tmp_path / "a.png", tmp_path / out, steps=80, rate=0.3) for out in ("one", "again")]
    assert figures[0] == figures[1]
    assert figures[0]["projection"]["pixels"] < 1e-4 < figures[0]["mean_style"]["pixels"]
    path = str(tmp_path / "one" / "styles.json")
    found = projected_noise(path, styled).latents
    # Up to the rounding of the saved picture.
    assert torch.allclose(found[0], styled.latents_of([4])[0], atol=0.1)
    ((through, weights),) = Walk(space="styles", pictures=path, length=2)._anchors(styled)
    assert torch.equal(through[:1], found)
    assert weights is None


@pytest.mark.slow
def test_a_picture_is_nearer_in_styles_than_in_noise(subject, tmp_path):
    # Between the styles of two samples, where no noise leads.
    styled = in_style_space(subject)
    between = styled.latents(2).mean(0, keepdim=True)
    save(as_image(styled.images(between)[0]), tmp_path / "a.png")
    in_styles = projected(subject, tmp_path / "a.png", tmp_path / "styles", steps=300, rate=0.1)
    (tmp_path / "noise").mkdir()
    in_noise = Projection(str(tmp_path / "a.png"), starts=1, candidates=64, features=0.0, steps=300)
    noise = in_noise(subject, tmp_path / "noise")["a.png"]
    assert in_styles["projection"]["pixels"] < noise["projection"]["pixels"]
    assert in_styles["projection"]["pixels"] < in_styles["mean_style"]["pixels"] / 2


def test_styles_and_noise_of_pictures_are_not_taken_for_each_other(subject, tmp_path):
    styled = in_style_space(subject)
    for number, (own, other) in enumerate([(subject, styled), (styled, subject)]):
        path = tmp_path / f"{number}.json"
        ProjectedNoise(["a.png"], torch.zeros(1, own.latent), None, own.latents_are).save(path)
        assert len(projected_noise(str(path), own).latents) == 1
        with pytest.raises(UserError, match=f"has no {other.latents_are}; .* space={other.latents_are}"):
            projected_noise(str(path), other)


def test_a_search_in_styles_begins_and_ends_with_small_steps_and_ends_without_noise():
    assert [step_size(done) for done in (0.0, 0.025, 0.5, 0.875)] == pytest.approx([0, 0.5, 1, 0.5])
    assert [noise_share(done) for done in (0.0, 0.375, 0.75, 1.0)] == pytest.approx([0.05, 0.0125, 0, 0])


def test_a_search_in_styles_reaches_the_minimum_of_a_parabola_and_ends_no_farther_than_it_starts():
    target, start = torch.tensor([[0.5, -2.0]]), torch.zeros(1, 2)
    search = partial(annealed, lambda style: style, lambda style: (style - target).square().sum(1), start)
    found = search(steps=100, rate=0.3, spread=1.0, random=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, target, atol=1e-2, rtol=0)
    wild = search(steps=3, rate=1e3, spread=1.0, random=torch.Generator().manual_seed(0))
    assert torch.equal(wild, start)


def test_images_with_all_styles_swapped_are_the_others_and_with_none_their_own(subject):
    space = subject.styles
    own, others = (subject.styles.mapping(part)[:, None].repeat(1, 4, 1) for part in subject.latents(5).split([2, 3]))
    whole = images_of(space, swapped(own, others, range(4)).flatten(0, 1)).unflatten(0, (2, 3))
    assert torch.allclose(whole, images_of(space, others).expand(2, -1, -1, -1, -1), atol=1e-6)
    none = images_of(space, swapped(own, others, []).flatten(0, 1)).unflatten(0, (2, 3))
    assert torch.allclose(none, images_of(space, own)[:, None].expand(-1, 3, -1, -1, -1), atol=1e-6)


def test_thirds_are_all_layers_in_order():
    for layers in (4, 8, 14):
        parts = thirds(layers)
        assert [layer for part in parts for layer in part] == list(range(layers))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_directions_of_styles_are_the_eigenvectors_of_all_layers_that_read_them(subject):
    styled = in_style_space(subject)
    factors = factorization(styled.reader, styled.latent)
    layers = [part.affine for part in styled.reader.modules() if isinstance(part, ModulatedConv2d)]
    rows = torch.cat([layer.weight for layer in layers]).double()
    expected = torch.linalg.eigvalsh(rows.T @ rows).flip(0).float()
    assert len(factors.layers) == len(layers)
    assert torch.allclose(factors.eigenvalues, expected.detach(), rtol=1e-3)
