"""CUT: patches that are recognized."""

import copy
import math

import pytest
import torch
from torch.nn.functional import normalize

from ganexp.variants.cut import PatchProjection, patch_nce
from support.tiny import sgd
from support.translations import make, played, require_same_weights


def directions(*shape):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64), dim=-1)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_perfect_patches_that_have_nothing_in_common_have_the_least_loss(temperature):
    patches = torch.eye(5)[None].repeat(2, 1, 1)
    expected = math.log(1 + 4 * math.exp(-1 / temperature))
    assert patch_nce(patches, patches, temperature).item() == pytest.approx(expected, abs=1e-6)


def test_patches_that_are_all_alike_are_guessed():
    patches = torch.ones(2, 6, 1)
    assert patch_nce(patches, patches, 0.07).item() == pytest.approx(math.log(6), rel=1e-6)


def test_the_order_of_patches_and_of_images_means_nothing():
    queries, keys = directions(2, 3, 7, 4)
    order = torch.randperm(7)
    expected = patch_nce(queries, keys, 0.07)
    torch.testing.assert_close(patch_nce(queries[:, order], keys[:, order], 0.07), expected)
    torch.testing.assert_close(patch_nce(queries.flip(0), keys.flip(0), 0.07), expected)


def test_patches_of_other_images_are_no_rivals():
    queries, keys = directions(2, 3, 7, 4)
    alone = torch.stack([patch_nce(*pair, 0.07) for pair in zip(queries.split(1), keys.split(1), strict=True)])
    torch.testing.assert_close(patch_nce(queries, keys, 0.07), alone.mean())


def test_a_projection_takes_each_position_by_itself_to_a_unit_vector():
    maps = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)]
    places = [torch.tensor([0, 7, 15]), torch.tensor([2])]
    projection = PatchProjection([3, 5], features=6)
    found = projection(maps, places)
    assert [each.shape for each in found] == [(2, 3, 6), (2, 1, 6)]
    torch.testing.assert_close(found[0].norm(dim=2), torch.ones(2, 3))
    single = projection([maps[0][:1, :, 1:2, 3:4], maps[1][:1, :, 1:2, :1]], [torch.tensor([0])] * 2)
    torch.testing.assert_close(found[0][0, 1], single[0][0, 0])
    torch.testing.assert_close(found[1][0, 0], single[1][0, 0])


def test_the_same_positions_are_compared_in_all_parts_and_others_in_the_next_batch():
    module, maps = make("cut"), torch.zeros(3, 2, 8, 8)
    first = module.positions(0, maps)
    assert len(set(first.tolist())) == module.patches
    assert torch.equal(module.positions(0, maps), first)
    module.batches_seen = 1
    assert not torch.equal(module.positions(0, maps), first)
    assert len(module.positions(0, torch.zeros(3, 2, 2, 2))) == 4


def test_what_images_are_compared_with_gets_no_gradient():
    module = make("cut")
    images, made = (torch.randn(2, 1, 8, 8, requires_grad=True) for _ in range(2))
    module.contrastive_loss(images, made).backward()
    assert images.grad is None
    assert made.grad.abs().sum() > 0


def test_without_an_identity_weight_there_is_no_such_term():
    module = make("cut", identity=0.0)
    played(module)
    assert set(module.read_terms()) == {"generator/adversarial", "generator/nce", "discriminator/adversarial"}


@pytest.mark.parametrize("first", ["generator", "discriminator"])
def test_a_step_is_that_of_a_bare_loop(first):
    module = make("cut", first=first, adversarial=2.0, nce=0.5, identity=0.5)
    networks, judge = copy.deepcopy(module.generators), copy.deepcopy(module.discriminator)
    batch = played(module)
    module.batches_seen = 0
    a, b, generator = batch["input"], batch["image"], networks["a2b"]

    def contrast(images, made):
        keys, queries = (generator.features(each) for each in (images, made))
        places = [module.positions(number, maps) for number, maps in enumerate(keys)]
        pairs = zip(networks["projection"](queries, places), networks["projection"](keys, places), strict=True)
        return torch.stack([patch_nce(query, key.detach(), 0.07) for query, key in pairs]).mean()

    def discriminate():
        ((judge(b) - 1).square().mean() + judge(fake.detach()).square().mean()).div(2).backward()
        move_judge.step()

    move_networks, move_judge = sgd(networks.parameters()), sgd(judge.parameters())
    fake = generator(a)
    if first == "discriminator":
        discriminate()
    loss = (judge(fake) - 1).square().mean() + (contrast(a, fake) + contrast(b, generator(b))) / 2
    move_networks.zero_grad()
    loss.backward()
    move_networks.step()
    if first == "generator":
        move_judge.zero_grad()
        discriminate()
    require_same_weights(module.generators, networks)
    require_same_weights(module.discriminator, judge)


def test_a_projection_divides_by_the_norm_and_its_margin():
    maps, places = [torch.randn(2, 3, 4, 4, dtype=torch.float64)], [torch.arange(5)]
    exact = PatchProjection([3], features=6, init_=torch.nn.init.xavier_normal_).double()
    widened = PatchProjection([3], features=6, margin=0.1).double()
    widened.load_state_dict(exact.state_dict())
    vectors = exact.perceptrons[0](maps[0].flatten(2)[:, :, :5].transpose(1, 2))
    torch.testing.assert_close(widened(maps, places)[0], vectors / (vectors.norm(dim=2, keepdim=True) + 0.1))
    assert all((layer.bias == 0).all() for layer in (exact.perceptrons[0][0], exact.perceptrons[0][2]))
