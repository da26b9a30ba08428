"""Augmentations: what they change, what they leave, and how the adaptive one adapts."""

import math

import pytest
import torch
from hydra import compose, initialize_config_dir

from ganexp.augmentation import NoAugmentation
from ganexp.augmentation import transformations as t
from ganexp.augmentation.adaptive import AdaptiveAugmentation
from ganexp.augmentation.differentiable import DiffAugment
from ganexp.augmentation.multipliers import Multipliers
from ganexp.augmentation.scheduled import ScheduledAugmentation
from ganexp.augmentation.wavelet import wavelet_resampled
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError

ALWAYS = torch.ones(())
EVERYTHING = {
    "diffaugment": DiffAugment(),
    "ada": AdaptiveAugmentation(p=0.8),
    "r3gan": ScheduledAugmentation(lambda progress: 0.8, Multipliers(contrast=0.5, cutout=1.0), wavelet_resampled),
}


def drawing(seed=0):
    return lambda n, sample: sample(n, torch.Generator().manual_seed(seed))


def pictures(n=16, channels=3, height=8, width=8, dtype=torch.float32):
    rng = torch.Generator().manual_seed(5)
    return torch.rand(n, channels, height, width, generator=rng, dtype=dtype) * 2 - 1


def copies(n, channels=3, size=8):
    return pictures(1, channels, size, size).expand(n, -1, -1, -1)


def numbers(n=1000, seed=0):
    return t.Numbers(n, torch.Generator().manual_seed(seed))


def distinct(images):
    return len({tuple(image.flatten().tolist()) for image in images})


def one(*values):
    return [torch.tensor([float(value)]) for value in values]


@pytest.mark.parametrize("size", [(8, 8), (5, 7)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_shapes_stay_and_a_draw_decides_everything(augmentation, channels, size):
    images = pictures(16, channels, *size)
    seen = augmentation(images, drawing())
    assert seen.shape == images.shape
    assert seen.isfinite().all()
    assert not torch.equal(seen, images)
    assert torch.equal(seen, augmentation(images, drawing()))
    assert not torch.equal(seen, augmentation(images, drawing(1)))
    assert torch.equal(images, pictures(16, channels, *size))


@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_equal_images_are_distorted_each_in_its_own_way(augmentation):
    assert distinct(augmentation(copies(32), drawing())) >= 31


@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_an_image_is_distorted_whatever_the_others_are(augmentation):
    images = pictures(8)
    others = torch.cat([images[:4], -images[4:]])
    torch.testing.assert_close(augmentation(images, drawing())[:4], augmentation(others, drawing())[:4])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_gradients_are_those_of_finite_differences(augmentation, channels):
    images = pictures(3, channels, 4, 4, torch.float64).requires_grad_()
    assert augmentation(images, drawing()).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: augmentation(x, drawing()), images)
    (gradient,) = torch.autograd.grad(augmentation(images, drawing()).sum(), images)
    assert gradient.abs().max() > 0.1


@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_second_derivatives_are_those_of_finite_differences(augmentation):
    images = pictures(2, 3, 4, 4, torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: augmentation(x, drawing()).pow(3), images)


@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_autocast_and_half_precision_change_nothing(augmentation):
    images = pictures().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        seen = augmentation(images, drawing())
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, augmentation(images.double(), drawing()).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["color", "translation", "cutout"])
def test_each_distortion_alone_returns_float32_for_half_precision(name):
    assert DiffAugment(policy=[name])(pictures().bfloat16(), drawing()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(4, 2, 1, 1), (4, 4, 8, 8), (4, 1, 1, 1)])
@pytest.mark.parametrize("augmentation", EVERYTHING.values(), ids=EVERYTHING)
def test_what_is_no_picture_is_refused(augmentation, shape):
    with pytest.raises(UserError, match="augmentation needs grey or RGB pictures"):
        augmentation(torch.zeros(shape), drawing())


def test_no_augmentation_returns_the_images_themselves_and_draws_nothing():
    images = pictures(channels=2)
    assert NoAugmentation()(images, None) is images
    NoAugmentation().observe(torch.zeros(4), 4)


@pytest.mark.parametrize("option", ["none", "diffaugment", "ada", "r3gan"])
def test_every_option_can_be_built(option):
    with initialize_config_dir(str(composition.conf_dir()), version_base="1.3"):
        built = build(compose(f"augmentation/{option}").augmentation)
    assert type(built) in (NoAugmentation, DiffAugment, AdaptiveAugmentation, ScheduledAugmentation)
    assert built(pictures(), drawing()).shape == pictures().shape


def test_an_unknown_distortion_is_refused():
    with pytest.raises(UserError, match="no colour among color, translation, cutout"):
        DiffAugment(policy=["colour"])


def test_color_changes_brightness_saturation_and_contrast_by_the_papers_ranges():
    images = copies(4000)
    seen = DiffAugment(policy=["color"])(images, drawing())
    shift = seen.mean((1, 2, 3)) - images.mean((1, 2, 3))
    assert (shift.amin().item(), shift.amax().item()) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert shift.mean().item() == pytest.approx(0, abs=0.02)
    grey, before = seen.mean(1, keepdim=True), images.mean(1, keepdim=True)
    contrast = grey.std((1, 2, 3)) / before.std((1, 2, 3))
    assert (contrast.amin().item(), contrast.amax().item()) == pytest.approx((0.5, 1.5), abs=0.01)
    saturation = (seen - grey).std((1, 2, 3)) / (images - before).std((1, 2, 3)) / contrast
    assert (saturation.amin().item(), saturation.amax().item()) == pytest.approx((0, 2), abs=0.01)
    assert saturation.mean().item() == pytest.approx(1, abs=0.05)


def test_translation_moves_by_every_whole_number_up_to_an_eighth_equally_often():
    size, most = 16, 2
    images = torch.zeros(20_000, 1, size, size)
    images[:, :, 8, 8] = 1
    seen = DiffAugment(policy=["translation"])(images, drawing()).mean(0)[0]
    expected = torch.zeros(size, size)
    expected[8 - most : 9 + most, 8 - most : 9 + most] = 1 / (2 * most + 1) ** 2
    assert (seen - expected).abs().max() < 0.01


def test_translation_is_followed_by_zeros():
    size, most = 16, 2
    seen = DiffAugment(policy=["translation"])(torch.ones(5000, 1, size, size), drawing())
    assert set(seen.unique().tolist()) == {0.0, 1.0}
    kept = 1 - sum(abs(shift) for shift in range(-most, most + 1)) / (2 * most + 1) / size
    assert seen.mean().item() == pytest.approx(kept**2, abs=0.005)


@pytest.mark.parametrize("size", [8, 9])
def test_cutout_clears_one_rectangle_of_half_of_each_side_or_what_of_it_lies_inside(size):
    seen = DiffAugment(policy=["cutout"])(torch.ones(2000, 1, size, size), drawing())[:, 0]
    cleared = seen == 0
    rows, columns = cleared.any(2).sum(1), cleared.any(1).sum(1)
    assert torch.equal(cleared.sum((1, 2)), rows * columns)
    length = math.floor(size / 2 + 0.5)
    assert rows.max() == columns.max() == length
    assert rows.min() == columns.min() == math.ceil(length / 2)
    assert cleared.any(0).all()


def test_the_policys_order_is_the_order_of_the_distortions():
    seen = DiffAugment(policy=["cutout", "color"])(torch.ones(64, 1, 8, 8), drawing())
    assert (seen != 0).all()
    assert (DiffAugment(policy=["color", "cutout"])(torch.ones(64, 1, 8, 8), drawing()) == 0).flatten(1).any(1).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_adaptive_augmentation_at_p_0_is_the_identity_exactly(channels):
    images = pictures(64, channels, 7, 9)
    assert torch.equal(AdaptiveAugmentation()(images, drawing()), images)


def test_each_image_is_distorted_with_a_probability_that_grows_with_p():
    shares = []
    for p in (0.05, 0.3, 1.0):
        images = copies(2000)
        seen = AdaptiveAugmentation(p=p)(images, drawing())
        shares.append((seen != images).flatten(1).any(1).float().mean().item())
    # Mirroring and quarter turns include the identity; zoom, shift and four of the colours do not.
    assert 1 - (1 - 0.05) ** 9 < shares[0] < 1 - (1 - 0.05) ** 12
    assert shares[0] < shares[1] < shares[2] == 1


def test_adaptive_augmentation_draws_once():
    asked = []

    def draw(n, sample):
        asked.append(n)
        return sample(n, torch.Generator().manual_seed(0))

    AdaptiveAugmentation(p=1.0)(pictures(5), draw)
    DiffAugment()(pictures(5), draw)
    assert asked == [5, 5]


def geometric(matrix, images, resample=t.resampled):
    return resample(images, matrix.expand(len(images), 3, 3))


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (6, 9)])
def test_the_wavelets_filters_reconstruct_what_is_shifted_by_whole_pixels(size):
    images = pictures(4, 3, *size, torch.float64)
    right = geometric(t.translation(*one(-2, 0)).double(), images, wavelet_resampled)
    torch.testing.assert_close(right[..., 2:], images[..., :-2], rtol=0, atol=1e-10)
    # Reflected about the middle of the pixel at the edge.
    torch.testing.assert_close(right[..., :2], images[..., 1:3].flip(3), rtol=0, atol=1e-10)
    up = geometric(t.translation(*one(0, 1)).double(), images, wavelet_resampled)
    torch.testing.assert_close(up[..., :-1, :], images[..., 1:, :], rtol=0, atol=1e-10)
    assert torch.equal(geometric(torch.eye(3), images, wavelet_resampled), images)


def test_the_wavelets_filters_keep_a_wave_that_bilinear_sampling_flattens():
    wave = (torch.arange(32, dtype=torch.float64) * 2).cos().expand(1, 1, 32, 32)
    half_a_pixel = t.translation(*one(0.5, 0)).double()
    middle = (..., slice(8, 24))
    expected = ((torch.arange(32, dtype=torch.float64) + 0.5) * 2).cos().expand(1, 1, 32, 32)[middle]
    errors = [
        (geometric(half_a_pixel, wave, resample)[middle] - expected).abs().max().item()
        for resample in (wavelet_resampled, t.resampled)
    ]
    assert errors[0] < errors[1] / 4


def test_multipliers_scale_the_probability_of_each_transformation():
    p, size = torch.tensor(0.6), 20_000
    only = dict.fromkeys(vars(Multipliers()), 0.0)
    for name in only:
        # A mirror, a quarter turn and a flip of luma are the identity in one, one of four and one of two cases.
        changes = {"xflip": 0.5, "rotate90": 0.75, "lumaflip": 0.5}.get(name, 1.0)
        multipliers = Multipliers(**only | {name: 0.5})
        drawn = [
            t.random_geometry(numbers(size), p, 64, 64, multipliers) != torch.eye(3),
            t.random_colours(numbers(size, 1), p, multipliers) != torch.eye(4),
            t.random_cutouts(numbers(size, 2), p, multipliers)[:, 2:] > 0,
        ]
        changed = torch.cat([different.flatten(1) for different in drawn], dim=1).any(1).float().mean().item()
        assert changed == pytest.approx(0.3 * changes, abs=0.015), name


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_multiplier_beyond_0_and_1_is_refused(value):
    with pytest.raises(UserError, match=r"^augmentation\.multipliers\.hue=.*in \[0, 1\]"):
        Multipliers(hue=value)


def test_a_cutout_clears_the_pixels_within_a_quarter_of_the_sides_from_its_centre():
    seen = t.with_cutouts(torch.ones(3, 2, 8, 12), torch.tensor([[0.5, 0.5, 0.5], [0.0, 1.0, 0.5], [0.5, 0.5, 0.0]]))
    expected = torch.ones(3, 2, 8, 12)
    expected[0, :, 2:6, 3:9] = 0
    expected[1, :, 6:, :3] = 0
    assert torch.equal(seen, expected)


def test_cutouts_are_centred_anywhere():
    rectangles = t.random_cutouts(numbers(20_000), torch.tensor(0.3), Multipliers(cutout=1.0))
    assert rectangles[:, :2].amin() >= 0
    assert rectangles[:, :2].amax() <= 1
    assert rectangles[:, :2].mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.01)
    assert set(rectangles[:, 2].tolist()) == {0.0, 0.5}
    assert (rectangles[:, 2] > 0).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_without_cutout_the_same_numbers_are_drawn_as_before_it_existed():
    augmentation, with_cutout = (AdaptiveAugmentation(p=0.7, multipliers=Multipliers(cutout=c)) for c in (0.0, 1.0))
    images = pictures(64)
    seen, cut = augmentation(images, drawing()), with_cutout(images, drawing())
    assert ((cut == seen) | (cut == 0)).all()
    assert not torch.equal(cut, seen)


def test_the_probability_follows_its_schedule():
    augmentation = ScheduledAugmentation(lambda progress: 0.3 * progress)
    assert augmentation.p.item() == 0
    for given in (0.6, torch.tensor(0.6, dtype=torch.float64)):
        augmentation.follow(lambda name, value, given=given: value(given))
        assert torch.equal(augmentation.p, torch.tensor(0.18))
    assert "p" in augmentation.state_dict()


@pytest.mark.parametrize("ends", [(-0.1, 0.5), (0.0, 1.1)])
def test_a_schedule_that_leaves_0_and_1_is_refused(ends):
    with pytest.raises(UserError, match=r"^augmentation\.schedule: p=.* is not a probability"):
        ScheduledAugmentation(lambda progress: ends[0] + progress * (ends[1] - ends[0]))


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (6, 9)])
def test_mirroring_and_whole_shifts_move_pixels_and_nothing_else(size):
    images = pictures(4, 3, *size)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(geometric(t.scaling(*one(-1, 1)), images), images.flip(3), **close)
    right = geometric(t.translation(*one(-2, 0)), images)
    torch.testing.assert_close(right[..., 2:], images[..., :-2], **close)
    torch.testing.assert_close(right[..., :2], images[..., :2].flip(3), **close)
    down = geometric(t.translation(*one(0, -1)), images)
    torch.testing.assert_close(down[..., 1:, :], images[..., :-1, :], **close)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("size", [7, 8])
def test_quarter_turns_move_pixels_and_nothing_else(turns, size):
    images = pictures(4, 3, size, size)
    turned = geometric(t.rotation(torch.tensor([turns * math.pi / 2])), images)
    torch.testing.assert_close(turned, images.rot90(turns, (2, 3)), rtol=0, atol=1e-5)


def test_turning_an_oblong_picture_keeps_distances():
    images = torch.zeros(1, 1, 9, 21)
    images[..., 4, 13] = 1  # three pixels to the right of the centre
    turned = geometric(t.rotation(torch.tensor([math.pi / 2])), images)[0, 0]
    assert turned[1, 10].item() == pytest.approx(1, abs=1e-5)


def test_zooming_in_shows_the_middle_larger():
    images = torch.linspace(-1, 1, 16).expand(1, 1, 16, 16).contiguous()
    torch.testing.assert_close(
        geometric(t.scaling(*one(0.5, 0.5)), images)[..., 1:-1, 1:-1], images[..., 1:-1, 1:-1] / 2, rtol=0, atol=1e-5
    )


def test_random_geometry_inverts_itself_in_distribution():
    """Every step is as likely as its inverse, and so is the logarithm of the area as its negative."""
    matrices = t.random_geometry(numbers(20_000), ALWAYS, 8, 8)
    area = matrices[:, :2, :2].det().abs().log()
    assert area.mean().item() == pytest.approx(0, abs=0.01)
    assert area.std().item() == pytest.approx(2 * 0.2 * math.log(2), rel=0.02)
    assert (matrices[:, :2, :2].det() < 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(matrices[:, 2], torch.tensor([0.0, 0.0, 1.0]).expand(20_000, 3))


def test_an_image_is_turned_with_probability_p():
    """Two turns, each with probability 1 - sqrt(1 - p), leave 1 - p of the images straight (appendix B)."""
    p = torch.tensor(0.3)
    matrices = t.random_geometry(numbers(20_000), p, 8, 8)
    straight = ((matrices[:, 0, 1] == 0) & (matrices[:, 1, 0] == 0)) | (matrices[:, :2, :2].abs().amin((1, 2)) < 1e-5)
    assert straight.float().mean().item() == pytest.approx(0.7, abs=0.01)
    # Half of the quarter turns are by 90 or 270 degrees.
    upright = matrices[:, 0, 0].abs() < 1e-5
    assert upright.float().mean().item() == pytest.approx(0.3 / 2 * 0.7, abs=0.01)


def test_an_image_is_shifted_by_whole_pixels_and_by_parts_of_them():
    matrices = t.random_geometry(numbers(20_000), torch.tensor(0.3), 8, 8)
    # One pixel at most to either side: a quarter of the whole shifts are none.
    resting = (matrices[:, :2, 2] == 0).all(1)
    assert resting.float().mean().item() == pytest.approx((1 - 0.3 * 3 / 4) * 0.7, abs=0.01)


def coloured(matrix, colour):
    return t.recoloured(torch.tensor(colour).view(1, -1, 1, 1), matrix).flatten().tolist()


def test_colours_change_as_the_paper_says():
    colour = [0.5, -0.25, 0.2]
    mean = sum(colour) / 3
    assert coloured(t.brightness(*one(0.1)), colour) == pytest.approx([0.6, -0.15, 0.3])
    assert coloured(t.contrast(*one(2)), colour) == pytest.approx([1.0, -0.5, 0.4])
    assert coloured(t.saturation(*one(0)), colour) == pytest.approx([mean] * 3)
    assert coloured(t.luma(*one(-1)), colour) == pytest.approx([value - 2 * mean for value in colour])
    third = coloured(t.hue(torch.tensor([2 * math.pi / 3])), colour)
    assert third == pytest.approx([0.2, 0.5, -0.25], abs=1e-6)


def test_hue_and_saturation_leave_grey_pictures_alone():
    for matrix in (t.hue(*one(1)), t.saturation(*one(3))):
        assert coloured(matrix, [0.4]) == pytest.approx([0.4])
        assert coloured(matrix, [0.4, 0.4, 0.4]) == pytest.approx([0.4] * 3)
    assert coloured(t.luma(*one(-1)), [0.4]) == pytest.approx([-0.4])
    assert coloured(t.brightness(*one(0.1)), [0.4]) == pytest.approx([0.5])


def test_hue_keeps_the_length_and_the_grey_part_of_a_colour():
    turns = t.hue(numbers(50).uniform(math.pi))[:, :3, :3]
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).expand(50, 3, 3), rtol=0, atol=1e-6)
    torch.testing.assert_close(turns.sum(2), torch.ones(50, 3), rtol=0, atol=1e-6)


def test_colours_are_changed_in_the_papers_order():
    """Contrast acts after brightness, so that it scales what brightness added."""
    matrices = t.random_colours(numbers(20_000), ALWAYS)
    # Along grey: brightness, then contrast, then luma's sign.
    factor, shift = matrices[:, :3, :3].sum((1, 2)) / 3, matrices[:, :3, 3].mean(1)
    assert (shift / factor).std().item() == pytest.approx(0.2, rel=0.02)
    assert factor.abs().log().std().item() == pytest.approx(0.5 * math.log(2), rel=0.02)
    assert (factor < 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    # Across grey: contrast, then hue's turn, then saturation.
    across = matrices[:, :3, :3] @ torch.tensor([1.0, -1.0, 0.0]) / math.sqrt(2)
    assert (across.norm(dim=1) / factor.abs()).log().std().item() == pytest.approx(math.log(2), rel=0.02)
    assert across.sum(1).abs().max() < 1e-4
    assert (across / across.norm(dim=1, keepdim=True)).mean(0).abs().max() < 0.02


def observed(augmentation, logits, batches, images=64):
    for _ in range(batches):
        augmentation.observe(torch.tensor(logits), images)
    return augmentation.p.item()


def test_p_rises_from_0_to_1_in_images_to_full_images_where_the_discriminator_is_right_on_reals():
    augmentation = AdaptiveAugmentation(images_to_full=10_240)
    assert observed(augmentation, [2.0, 1.0, 3.0], 80) == pytest.approx(0.5)
    assert observed(augmentation, [2.0, 1.0, 3.0], 80) == pytest.approx(1.0)
    assert observed(augmentation, [2.0, 1.0, 3.0], 8) == 1.0


def test_p_falls_to_0_where_it_is_not():
    augmentation = AdaptiveAugmentation(p=0.5, images_to_full=10_240)
    assert observed(augmentation, [2.0, -1.0, 3.0, -1.0], 40) == pytest.approx(0.25)
    assert observed(augmentation, [-0.1], 80) == 0.0


def test_p_rests_at_the_target_and_moves_at_every_fourth_batch_only():
    augmentation = AdaptiveAugmentation(p=0.5, target=0.5)
    assert observed(augmentation, [1.0, 1.0, 1.0, -1.0], 8) == 0.5
    assert observed(augmentation, [1.0], 3) == 0.5
    assert observed(augmentation, [1.0], 1) == pytest.approx(0.5 + 4 * 64 / 500_000, abs=1e-6)


def test_a_batch_in_parts_moves_p_as_the_whole_does():
    whole, parts = (AdaptiveAugmentation(p=0.5, images_to_full=1000) for _ in range(2))
    for logits in ([1.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]) * 2:
        whole.observe(torch.tensor(logits), 10)
        for logit in logits:
            parts.observe(torch.tensor([logit]), 5, parts=2)
    assert parts.p.item() == pytest.approx(whole.p.item())
    assert parts.p != 0.5


def test_the_sign_is_of_four_batches_together():
    augmentation = AdaptiveAugmentation(p=0.5, images_to_full=1000)
    for logit in (1.0, 1.0, 1.0, -1.0):
        augmentation.observe(torch.tensor([logit]), 10)
    assert augmentation.p.item() == pytest.approx(0.5 - 0.04)  # their mean, 0.5, lies below 0.6


def test_p_and_what_was_observed_since_it_moved_are_in_the_state():
    straight, stopped = AdaptiveAugmentation(), AdaptiveAugmentation()
    observed(straight, [1.0], 10)
    observed(stopped, [1.0], 6)
    resumed = AdaptiveAugmentation()
    resumed.load_state_dict(stopped.state_dict())
    observed(resumed, [1.0], 4)
    assert resumed.p > 0
    assert all(torch.equal(resumed.state_dict()[name], value) for name, value in straight.state_dict().items())


@pytest.mark.parametrize(
    ("setting", "value"), [("p", 1.1), ("p", -0.1), ("target", 2.0), ("images_to_full", 0), ("p", float("nan"))]
)
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(UserError, match=f"augmentation.{setting}="):
        AdaptiveAugmentation(**{setting: value})
