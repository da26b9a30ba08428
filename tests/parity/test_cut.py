"""What CUT contrasts against its authors' code: feature maps, projected patches and the loss of the patches.

The figures are those of taesungp/contrastive-unpaired-translation@b3ac297708dfb6f7589d04662277e53c0d579c27
(models/networks.py with --nce_layers 0,4,8,12,16, models/patchnce.py), run in float64 with the weights and inputs of
`support.formula`.
"""

from functools import cache

import pytest
import torch

from config.test_configs import compose
from ganexp.config.build import build
from ganexp.variants.cut import patch_nce
from support.formula import figures, fill, formula_input

PATCHES = 16
SHAPES = [(3, 262), (16, 256), (32, 128), (32, 64), (32, 64)]
FEATURES = [
    (-0.00016675999496633623, 0.5759818342798566),
    (0.09020438260618868, 0.9980900247185812),
    (0.22506569638158072, 0.6391709656070945),
    (0.39727500982218955, 1.0377161164605087),
    (0.39727500982218905, 2.2439844788433216),
]
PROJECTED = [
    (-0.0012515561690978104, 0.17677226114489317),
    (0.010337271827999626, 0.17647418934457823),
    (-0.026833431355679983, 0.17472826103364095),
    (0.024025942920037513, 0.1751363850627186),
    (0.014922312702946802, 0.17614574720665194),
]
LOSSES = [6.126812314337595, 5.736131442741906, 3.9026055543275957, 4.821235741539295, 4.610244162729199]


@cache
def contrasted():
    """Return feature maps and projected patches of two images and of their translations."""
    narrow = ["model.generator.width=8", "model.discriminator.width=8", "model.projection.features=32"]
    game = build(compose("model=cut", "data=horse2zebra", *narrow).model)
    generator, projection = fill(game.generators["a2b"]).eval(), fill(game.generators["projection"])
    images = formula_input((2, 3, 256, 256))
    with torch.no_grad():
        maps = generator.features(images)
        positions = [torch.arange(PATCHES) * (each.shape[2] * each.shape[3] // PATCHES) for each in maps]
        queries = projection(generator.features(generator(images)), positions)
        return maps, projection(maps, positions), queries


@pytest.mark.parametrize("number", range(5))
def test_the_features_are_those_of_the_authors_layers(number):
    maps = contrasted()[0][number]
    channels, side = SHAPES[number]
    assert maps.shape == (2, channels, side, side)
    assert (figures(maps)["mean"], figures(maps)["std"]) == pytest.approx(FEATURES[number], rel=0, abs=1e-10)


@pytest.mark.parametrize("number", range(5))
def test_the_projected_patches_and_their_loss_are_those_of_the_authors(number):
    _, keys, queries = contrasted()
    computed = figures(keys[number])
    assert (computed["mean"], computed["std"]) == pytest.approx(PROJECTED[number], rel=0, abs=1e-10)
    # The authors leave a weight of exp(-10 / 0.07) to a patch's own place among its negatives.
    loss = patch_nce(queries[number], keys[number], temperature=0.07)
    assert loss.item() == pytest.approx(LOSSES[number], abs=1e-6)
