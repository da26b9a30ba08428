"""Feature ablation: without a planted map the object is gone, without random maps it is not."""

import json

import pytest
import torch
from torch import nn

from ganexp.analysis.boxes import box_detector, inside_boxes, read_boxes
from ganexp.analysis.dropped_maps import MarkedSamples, ablate, plot_ablation, without_maps
from ganexp.analysis.object_maps import maps_before, object_maps, output_convolution, strokes
from ganexp.errors import UserError

PLANTED, CHANNELS, SIZE = 5, 8, 8


class Planted(nn.Module):
    """Noise (N, 8) to images: each map is a bright square of one quarter; map 5 alone draws the upper left one."""

    def __init__(self):
        super().__init__()
        places = torch.zeros(CHANNELS, SIZE, SIZE)
        for number in range(CHANNELS):
            row, column = divmod(1 + number % 3, 2)
            places[number, 4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 1
        places[PLANTED] = 0
        places[PLANTED, 0:3, 0:3] = 1
        self.register_buffer("places", places)
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.last = nn.Conv2d(CHANNELS, 1, 1, bias=False)
        self.last.weight.data.fill_(1 / 3)

    def forward(self, noise):
        return self.last((noise > 0).float()[:, :, None, None] * self.places) * 2 - 1


@pytest.fixture(scope="module")
def planted():
    generator = Planted()
    noise = torch.randn(60, CHANNELS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        generate = lambda: generator(noise).detach()  # noqa: E731
        images = generate()
        convolution = output_convolution(generator, generate)
        maps = maps_before(convolution, generate)
    present = noise[:, PLANTED] > 0
    inside = torch.zeros(60, SIZE, SIZE, dtype=torch.bool)
    inside[present, 0:3, 0:3] = True
    detect = lambda shown: shown[:, 0, 0, 0] > -0.9  # noqa: E731
    classify = lambda shown: (shown[:, 0, 4:, 4:].amax((1, 2)) > -0.9).long()  # noqa: E731
    return generator, generate, convolution, maps, MarkedSamples(images, inside, ~inside, present, detect, classify)


def test_the_planted_map_is_selected(planted):
    generator, _, convolution, maps, samples = planted
    assert convolution is generator.last
    assert maps.shape == (60, CHANNELS, SIZE, SIZE)
    selected = object_maps(maps, samples.inside, samples.outside)
    assert selected.maps.tolist()[0] == PLANTED
    assert selected.weights[PLANTED] > 10 * selected.weights[torch.arange(CHANNELS) != PLANTED].max()
    assert selected.accuracy == 1


def test_dropping_it_removes_the_object_and_nothing_else(planted):
    _, generate, convolution, maps, samples = planted
    selected = object_maps(maps, samples.inside, samples.outside)
    ablation = ablate(generate, convolution, CHANNELS, selected.maps, samples, counts=1, draws=20)
    last = ablation.targeted[0]
    assert (last.detected, last.others_kept) == (0, 1)
    random = torch.tensor([effect.detected for effect in ablation.random[0]])
    assert random.mean() > last.detected + 3 * random.std() / 20**0.5
    figure = plot_ablation(ablation)
    assert len(figure.axes) == 3


def test_a_dropped_map_is_zero_and_the_hook_is_removed(planted):
    _, generate, convolution, _, samples = planted
    with without_maps(convolution, torch.tensor([PLANTED])):
        without = generate()
    assert (without[:, :, 0:3, 0:3] == -1).all()
    assert torch.equal(without[:, :, 3:, 3:], samples.images[:, :, 3:, 3:])
    assert torch.equal(generate(), samples.images)


def test_boxes_give_the_same_map_and_a_detector(planted, tmp_path):
    _, generate, convolution, maps, samples = planted
    numbers = samples.present.nonzero().flatten().tolist()
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({str(number): [[0, 0, 3, 3]] for number in numbers}))
    boxes = read_boxes(path, 60, SIZE, SIZE)
    inside = inside_boxes(boxes, range(60), SIZE, SIZE)
    assert torch.equal(inside, samples.inside)
    detect = box_detector(samples.images, boxes)
    assert detect(samples.images)[samples.present].double().mean() > 0.9
    with without_maps(convolution, object_maps(maps[numbers], inside[numbers], ~inside[numbers]).maps[:1]):
        assert detect(generate()).double().mean() < 0.1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "boxes by sample are expected"),
        ("{}", "boxes by sample are expected"),
        ('{"60": [[0, 0, 1, 1]]}', "'60' is not one of 0 to 59"),
        ('{"a": []}', "'a' is not one of"),
        ('{"1": 5}', "boxes by sample are expected"),
        ('{"1": [[0, 0, 1]]}', "not a box of four integers"),
        ('{"1": [[0, 0, 1.5, 2]]}', "not a box of four integers"),
        ('{"1": [[0, 0, 9, 2]]}', "not inside the image of 8x8"),
        ('{"1": [[3, 0, 3, 2]]}', "not inside the image of 8x8"),
        ('{"1": [[-1, 0, 3, 2]]}', "not inside the image of 8x8"),
    ],
)
def test_bad_boxes_are_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "boxes.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as refusal:
        read_boxes(path, 60, SIZE, SIZE)
    assert "\n" not in str(refusal.value)


def test_missing_boxes_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_boxes(tmp_path / "none.json", 60, SIZE, SIZE)


def test_positions_inside_and_outside_are_needed(planted):
    _, _, _, maps, samples = planted
    with pytest.raises(ValueError, match="at least one of each is needed"):
        object_maps(maps, torch.zeros_like(samples.inside), samples.outside)


def test_strokes_stand_out_from_the_background():
    images = torch.full((1, 1, 6, 6), -1.0)
    images[0, 0, 2:4, 1] = 1.0
    assert strokes(images).nonzero().tolist() == [[0, 2, 1], [0, 3, 1]]


def test_a_generator_without_convolutions_is_refused():
    network = nn.Linear(3, 4)
    with pytest.raises(ValueError, match="no convolutions"):
        output_convolution(network, lambda: network(torch.zeros(1, 3)))
