"""Labels reach the networks, whatever network it is."""

from functools import partial

import pytest
import torch
from torch import nn

from ganexp.layers import normalization as normalizations
from ganexp.networks import dcgan, dcgan_tutorial, mlp
from ganexp.networks.conditional import LabelledNoise, LabelledPlane, LabelledVector

NONE = normalizations.none()
GENERATORS = {
    "mlp": partial(mlp.Generator, channels=1, image_size=28, normalization=NONE, widths=(16,)),
    "dcgan": partial(dcgan.Generator, channels=1, image_size=28, normalization=NONE, width=4),
    "dcgan_tutorial": partial(dcgan_tutorial.Generator, channels=1, image_size=28, normalization=NONE),
}
DISCRIMINATORS = {
    "vector": lambda: LabelledVector(
        partial(mlp.Discriminator, channels=1, image_size=28, normalization=NONE, widths=(16,)), 10
    ),
    "plane": lambda: LabelledPlane(
        partial(dcgan.Discriminator, image_size=28, normalization=NONE, width=4, max_width=8), 1, 28, 10
    ),
    "plane_tutorial": lambda: LabelledPlane(
        partial(dcgan_tutorial.Discriminator, image_size=28, normalization=NONE), 1, 28, 10
    ),
}


def linears(module):
    layers = [m for m in module.modules() if isinstance(m, nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


@pytest.mark.parametrize("name", GENERATORS)
def test_the_label_changes_the_image_and_its_embedding_learns(name):
    generator = LabelledNoise(GENERATORS[name], latent=7, num_classes=10)
    noise = torch.randn(1, 7).expand(3, 7)
    images = generator(noise, torch.tensor([4, 4, 5]))
    assert images.shape == (3, 1, 28, 28)
    assert torch.allclose(images[0], images[1], atol=1e-6)
    assert not torch.allclose(images[0], images[2], atol=1e-6)
    images.square().sum().backward()
    moved = generator.embedding.weight.grad.abs().sum(1) > 0
    assert moved.nonzero().flatten().tolist() == [4, 5]


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_the_label_changes_the_logit_and_its_embedding_learns(name):
    discriminator = DISCRIMINATORS[name]()
    images = torch.randn(1, 1, 28, 28).expand(3, 1, 28, 28)
    logits = discriminator(images, torch.tensor([4, 4, 5]))
    assert logits.shape == (3,)
    assert torch.allclose(logits[0], logits[1], atol=1e-6)
    assert not torch.equal(logits[0], logits[2])
    logits.sum().backward()
    moved = discriminator.embedding.weight.grad.abs().sum(1) > 0
    assert moved.nonzero().flatten().tolist() == [4, 5]


def test_the_perceptrons_have_the_sizes_of_the_conditional_gan():
    mlp_generator = partial(mlp.Generator, channels=1, image_size=28, normalization=NONE)
    generator = LabelledNoise(mlp_generator, latent=100, num_classes=10)
    assert linears(generator) == [110, 256, 512, 1024, 784]
    mlp_discriminator = partial(
        mlp.Discriminator, channels=1, image_size=28, normalization=NONE, widths=(1024, 512, 256), dropout=0.3
    )
    discriminator = LabelledVector(mlp_discriminator, num_classes=10)
    assert linears(discriminator) == [794, 1024, 512, 256, 1]


def test_the_embeddings_size_can_be_chosen():
    generator = LabelledNoise(GENERATORS["mlp"], latent=7, num_classes=3, embedding=5)
    assert generator.embedding.weight.shape == (3, 5)
    assert linears(generator)[0] == 12
    assert DISCRIMINATORS["plane"]().embedding.weight.shape == (10, 28 * 28)


@pytest.mark.parametrize(
    ("argument", "value"), [("latent", 0), ("num_classes", 0), ("embedding", 0), ("num_classes", None)]
)
def test_sizes_below_one_are_refused_by_name(argument, value):
    with pytest.raises(ValueError, match=f"^{argument} must be"):
        LabelledNoise(GENERATORS["mlp"], **{"latent": 7, "num_classes": 3, argument: value})
