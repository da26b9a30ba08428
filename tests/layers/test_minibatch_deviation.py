import pytest
import torch

from ganexp.layers.minibatch_deviation import MinibatchDeviation


@pytest.mark.parametrize("features", [1, 3])
def test_it_appends_the_mean_deviation_of_each_group(features):
    maps = torch.randn(8, 6, 4, 5, dtype=torch.float64)
    output = MinibatchDeviation(group=4, features=features)(maps)
    assert output.shape == (8, 6 + features, 4, 5)
    torch.testing.assert_close(output[:, :6], maps)
    for images in (slice(0, 4), slice(4, 8)):
        for feature, part in enumerate(maps[images].chunk(features, 1)):
            expected = (part.var(0, correction=0) + 1e-8).sqrt().mean()
            torch.testing.assert_close(output[images, 6 + feature], expected.expand(4, 4, 5))


def test_parts_of_a_batch_have_the_deviations_of_the_whole_batch():
    maps, layer = torch.randn(16, 3, 2, 2), MinibatchDeviation()
    torch.testing.assert_close(torch.cat([layer(part) for part in maps.split(8)]), layer(maps))


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_images_that_are_left_are_the_last_group(n):
    maps, layer = torch.randn(n, 6, 3, 3, dtype=torch.float64), MinibatchDeviation(group=4, features=2)
    expected = torch.cat([MinibatchDeviation(len(part), 2)(part) for part in maps.split(4)])
    torch.testing.assert_close(layer(maps), expected)


def test_it_is_exported_for_batches_of_any_size():
    layer = MinibatchDeviation()
    exported = torch.export.export(layer, (torch.randn(3, 2, 4, 4),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for n in (2, 4, 7, 8):
        maps = torch.randn(n, 2, 4, 4)
        torch.testing.assert_close(exported.module()(maps), layer(maps))


def test_equal_images_have_no_deviation_and_a_finite_second_derivative():
    maps = torch.ones(4, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    output = MinibatchDeviation()(maps)
    torch.testing.assert_close(output[:, 2], torch.full((4, 3, 3), 1e-4, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(output.square().sum(), maps, create_graph=True)
    gradient.square().sum().backward()
    assert maps.grad.isfinite().all()


def test_refuses_groups_below_1():
    with pytest.raises(ValueError, match="group must be a whole number of at least 1"):
        MinibatchDeviation(group=0)
