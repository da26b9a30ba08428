import math

import pytest
import torch

from ganexp.data.gaussians import GaussianData, Mixture, custom, grid, ring
from ganexp.errors import UserError

uneven = custom([[0.5, 0.0], [-0.4, 0.3]], std=0.1, weights=[1, 3])


def test_a_weight_of_zero_is_a_mode_that_is_not_there():
    two = custom([[0.0, 0.0], [0.5, 0.5]], std=0.1, weights=[1, 0])
    points, modes = two.sample(1_000, torch.Generator().manual_seed(0))
    assert modes.max() == 0
    assert points.mean(0).abs().max() < 0.02


def test_samples_follow_weights_centres_and_std():
    points, modes = uneven.sample(20_000, torch.Generator().manual_seed(0))
    assert points.dtype == torch.float32
    assert modes.double().mean().item() == pytest.approx(0.75, abs=0.02)
    for mode, centre in enumerate(uneven.centres):
        own = points[modes == mode].double() - centre
        assert own.mean(0).abs().max() < 0.01
        assert own.std(0).tolist() == pytest.approx([0.1, 0.1], rel=0.05)


def test_shapes_of_ring_and_grid():
    assert ring(modes=5, radius=0.6).centres.norm(dim=1).tolist() == pytest.approx([0.6] * 5)
    assert grid(side=3, extent=0.5).centres.shape == (9, 2)
    assert sorted(set(grid(side=3, extent=0.5).centres.flatten().tolist())) == pytest.approx([-0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ring(modes=0), "data.mixture.modes=0"),
        (lambda: ring(radius=0.99), "must lie in \\[-1, 1\\]"),
        (lambda: grid(side=1), "data.mixture.side=1"),
        (lambda: custom([[0, 0]], std=0), "std must be above 0"),
        (lambda: custom([[0, 0]], std=math.nan), "std must be above 0"),
        (lambda: custom([], std=0.1), "list of centres"),
        (lambda: custom([[0, 0, 0]], std=0.1), "two coordinates"),
        (lambda: custom([[0, 0]], std=0.1, weights=[1, 2]), "a mixture of 1 modes needs as many weights"),
        (lambda: custom([[0, 0]], std=0.1, weights=[-1]), "none negative"),
    ],
)
def test_impossible_mixtures_are_refused(build, words):
    with pytest.raises(UserError, match=words):
        build()


def gaussians(**kwargs):
    module = GaussianData(ring(), "gaussians", **{"batch_size": 64, "seed": 0, "points": 1000, **kwargs})
    module.prepare_data()
    module.setup("fit")
    return module


def test_points_are_served_as_images_with_their_mode():
    module = gaussians(num_classes=8)
    batch = next(iter(module.train_dataloader()))
    assert batch["image"].shape == (64, 2, 1, 1)
    assert batch["image"].dtype == torch.float32
    distances = torch.cdist(batch["image"].flatten(1).double(), ring().centres)
    assert torch.equal(distances.argmin(1), batch["label"])
    assert (module.num_images, module.images_per_epoch) == (1000, 960)


def test_points_depend_on_the_seed_alone():
    one, again, other = (gaussians(seed=seed).dataset.images for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert next(iter(gaussians().train_dataloader())).keys() == {"image"}


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"num_classes": 5}, "has 8 modes: data.num_classes=8"),
        ({"image_size": 2}, "data.image_size=1 and data.channels=2"),
        ({"points": 0}, "data.points=0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(kwargs, words):
    with pytest.raises(UserError, match=words):
        gaussians(**kwargs)


def test_mixture_weights_are_scaled_to_one():
    assert Mixture([[0, 0], [0.1, 0]], 0.1, [2, 6]).weights.tolist() == [0.25, 0.75]
