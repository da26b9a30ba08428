"""Styles as the noise of a subject, their mixing, and the directions of the layers that read them."""

import pytest
import torch

from ganexp.analysis.latent_directions import factorization
from ganexp.analysis.style_mixing import StyleMixing, images_of, swapped, thirds
from ganexp.analysis.style_space import in_style_space
from ganexp.analysis.walk import Walk
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from ganexp.layers.modulation import ModulatedConv2d
from support.games import built, tiny_with


@pytest.fixture(scope="module")
def subject():
    config = tiny_with("stylegan2", {})
    return build_subject(built(config), config, 0)


def test_the_subject_of_styles_has_the_same_samples(subject):
    styled = in_style_space(subject)
    assert styled.latents(3).shape == (3, 6)
    assert torch.allclose(styled.images(styled.latents(3)), subject.images(subject.latents(3)), atol=1e-6)


def test_truncated_styles_are_those_of_the_truncated_samples(subject):
    cut = in_style_space(subject.truncated(0.5))
    assert torch.allclose(cut.latents(3), 0.5 * in_style_space(subject).latents(3), atol=1e-6)


def test_a_subject_without_styles_stays_as_it_is_and_analyses_of_styles_say_so(tmp_path):
    config = tiny_with("dcgan", {})
    plain = build_subject(built(config), config, 0)
    assert in_style_space(plain) is plain
    for analysis in (Walk(space="styles"), StyleMixing()):
        assert "has no styles" in analysis.reason_against(plain)


def test_an_unknown_space_and_pictures_in_styles_are_refused():
    with pytest.raises(UserError, match="space=w: choose one of noise, styles"):
        Walk(space="w")
    with pytest.raises(UserError, match="pictures are projected into the noise"):
        Walk(space="styles", pictures="noise.json")


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
