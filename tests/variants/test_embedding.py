"""GANs conditioned by embeddings: their losses in closed form, and what each player minimizes."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from ganexp.config.build import build
from ganexp.config.matrix import model_parts, verdict
from ganexp.variants.embedding_losses import Contrastive, DataToData
from support.formula import formula_input
from support.games import batch_of, tiny_with
from support.stand_in_trainer import StandInTrainer

LABEL = torch.tensor([0, 1, 2, 0, 1, 0])


def embedded():
    return formula_input((6, 4)), formula_input((3, 4), 1)[LABEL]


def cosine(one, other):
    return float(normalize(one, dim=0) @ normalize(other, dim=0))


def test_the_contrastive_loss_is_that_of_the_authors_code():
    """POSTECH-CVLab/PyTorch-StudioGAN@947b35e9 src/utils/losses.py ConditionalContrastiveLoss, run on these inputs."""
    assert Contrastive(0.5)(*embedded(), LABEL).item() == pytest.approx(1.041126042116305, rel=1e-6)


def test_the_data_to_data_cross_entropy_is_its_equation():
    embeddings, proxies = embedded()
    terms = []
    for i in range(6):
        attraction = math.exp(min(cosine(embeddings[i], proxies[i]) - 0.9, 0) / 0.5)
        others = [j for j in range(6) if LABEL[j] != LABEL[i]]
        repulsion = sum(math.exp(max(cosine(embeddings[i], embeddings[j]) - 0.1, 0) / 0.5) for j in others)
        terms.append(-math.log(attraction / (attraction + repulsion)))
    value = DataToData(temperature=0.5, margin=0.9)(embeddings, proxies, LABEL)
    assert value.item() == pytest.approx(sum(terms) / 6, rel=1e-6)


def test_easy_images_have_no_gradient_in_the_data_to_data_cross_entropy():
    """Images on their proxies, and opposite to those of the other class, are beyond both margins."""
    embeddings = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-3.0, 0.0]], requires_grad=True)
    proxies = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    DataToData()(embeddings, proxies, torch.tensor([0, 0, 1, 1])).backward()
    assert embeddings.grad.abs().max() < 1e-6


@pytest.mark.parametrize("loss", [Contrastive(), DataToData()])
def test_the_order_of_the_batch_and_the_length_of_embeddings_have_no_effect(loss):
    embeddings, proxies = embedded()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    expected = loss(embeddings, proxies, LABEL)
    torch.testing.assert_close(loss(3 * embeddings[order], 2 * proxies[order], LABEL[order]), expected)


@pytest.mark.parametrize("loss", [Contrastive(), DataToData()])
def test_an_image_alone_has_nothing_to_be_compared_with(loss):
    embeddings, proxies = embedded()
    assert loss(embeddings[:1], proxies[:1], LABEL[:1]) == 0


@pytest.mark.parametrize("loss", [Contrastive, DataToData])
def test_a_temperature_that_is_not_above_0_is_refused(loss):
    with pytest.raises(ValueError, match="temperature=0"):
        loss(temperature=0.0)


def test_embeddings_of_real_images_are_the_discriminators_and_of_fakes_the_generators():
    config = tiny_with("reacgan", {"model.conditioning_weight": 0.5})
    torch.manual_seed(0)
    game = build(config.model)
    game._trainer = StandInTrainer(game)
    batch = batch_of(config)
    game.discriminator.eval()
    terms = game.discriminator_loss(batch)
    _, embeddings = game.discriminator(batch["image"])
    expected = DataToData()(embeddings, game.discriminator.proxies(batch["label"]), batch["label"]) / 2
    torch.testing.assert_close(terms["conditioning"], expected)
    assert game.generator_loss(batch)["conditioning"] > 0


def test_logits_do_not_depend_on_labels():
    game = build(tiny_with("contragan", {}).model).eval()
    images = torch.rand(2, 1, 32, 32) * 2 - 1
    one, other = (game.critic(torch.tensor([k, k]))(images) for k in (0, 5))
    assert torch.equal(one, other)


def test_attributes_are_refused_with_models_that_take_them(tmp_path):
    file = tmp_path / "attributes.csv"
    file.write_text("file,Smiling,Male\na.png,1,-1\nb.png,-1,1\n")
    model = model_parts("reacgan")
    rule = verdict(model, {"data": model["data"] | {"labels": str(file)}})
    assert "the model takes one class" in rule.reason
