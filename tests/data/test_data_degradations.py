import numpy as np
import pytest
import torch
from PIL import Image

from ganexp.data.translation.degradations import Downscale, Edges, Gray, Hole, Mosaic, Nothing
from ganexp.errors import UserError

ALL = [Nothing(), Mosaic(), Mosaic(3, [0.1, 0.2, 0.9, 0.7]), Gray(), Edges(), Hole(), Downscale(2)]


def images(number=4, channels=3, height=12, width=12, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (number, channels, height, width), dtype=np.uint8))


@pytest.mark.parametrize("degradation", ALL, ids=str)
def test_each_image_is_degraded_on_its_own_and_left_as_it_was(degradation):
    given = images()
    before = given.clone()
    degraded = degradation(given)
    assert torch.equal(given, before)
    assert (degraded.shape, degraded.dtype) == (given.shape, torch.uint8)
    for index in range(len(given)):
        assert torch.equal(degradation(given[index : index + 1])[0], degraded[index])


@pytest.mark.parametrize("degradation", ALL, ids=str)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_flat_images_keep_their_value_but_have_no_edges(degradation, value):
    flat = torch.full((1, 3, 12, 12), value, dtype=torch.uint8)
    if isinstance(degradation, Edges):
        assert degradation(flat).max() == 0
    elif not isinstance(degradation, Hole):
        assert torch.equal(degradation(flat), flat)


def test_a_mosaic_has_the_mean_of_each_block():
    given = images(height=12, width=8)
    means = given.double().unflatten(-1, (2, 4)).unflatten(-3, (3, 4)).mean((-3, -1))
    made = Mosaic(4)(given)
    assert (made[..., ::4, ::4].double() - means).abs().max() <= 0.5
    assert torch.equal(made[..., ::4, ::4].repeat_interleave(4, -1).repeat_interleave(4, -2), made)
    assert torch.equal(Mosaic(4)(made), made)


def test_blocks_at_the_edge_are_the_mean_of_what_is_there():
    given = images(height=5, width=7)
    made = Mosaic(4)(given)
    assert (made[..., 4, 4].double() - given[..., 4:, 4:].double().mean((-2, -1))).abs().max() <= 0.5
    assert (made[..., 4, 4:] == made[..., 4, 4:5]).all()


def test_a_box_limits_mosaic_and_hole():
    given = images(height=8, width=8)
    box = [0.25, 0.5, 0.75, 1.0]
    for degradation in (Mosaic(2, box), Hole(box, value=9)):
        changed = degradation(given)
        inside = torch.zeros(8, 8, dtype=torch.bool)
        inside[4:, 2:6] = True
        assert torch.equal(changed[..., ~inside], given[..., ~inside])
        assert not torch.equal(changed[..., inside], given[..., inside])
    assert (changed[..., inside] == 9).all()


def test_gray_is_pillows_brightness():
    given = images(1)
    brightness = np.asarray(Image.fromarray(given[0].permute(1, 2, 0).numpy()).convert("L")).astype(int)
    made = Gray()(given)[0].int()
    assert np.abs(made.numpy() - brightness).max() <= 1
    assert (made == made[:1]).all()
    with pytest.raises(UserError, match=r"no colour to lose; data\.channels=3"):
        Gray()(images(channels=1))


def test_edges_are_steps():
    step = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    step[..., 3:] = 255
    expected = torch.zeros(6, dtype=torch.uint8)
    expected[2:4] = 255
    for given in (step, 255 - step):
        assert torch.equal(Edges()(given)[0, 0], expected.expand(6, 6))
        assert torch.equal(Edges()(given.mT)[0, 0], expected.expand(6, 6).T)


def test_downscaling_loses_detail_only():
    ramp = torch.arange(0, 64, 2, dtype=torch.uint8).expand(1, 3, 32, 32).contiguous()
    inside = (slice(None), slice(None), slice(None), slice(8, -8))
    assert (Downscale(2)(ramp)[inside].int() - ramp[inside].int()).abs().max() <= 1
    checkers = ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 255).to(torch.uint8).expand(1, 3, 32, 32)
    assert (Downscale(4)(checkers)[..., 8:-8, 8:-8].int() - 127).abs().max() <= 8


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mosaic(1), r"data\.degradation\.block=1"),
        (lambda: Mosaic(4, [0, 0, 1]), r"box=\[0, 0, 1\]: give \[left,top,right,bottom\]"),
        (lambda: Mosaic(4, [0.5, 0, 0.5, 1]), "box"),
        (lambda: Mosaic(4, [0, 0, 2, 1]), "box"),
        (lambda: Hole([0, 0, 1, 1]), "leaves nothing to see"),
        (lambda: Hole(value=256), r"value=256"),
        (lambda: Downscale(1), r"factor=1"),
        (lambda: Downscale(13)(images()), r"factor=13 leaves nothing of images of 12x12"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()
