"""One step of StyleGAN2 against the authors' code: loss terms and gradients, in float64 by formula."""

from functools import cache
from zlib import crc32

import pytest
import torch
from torch.nn.functional import softplus

from ganexp.config.build import build
from parity.calculations import composed, figures_of
from support.formula import figures, fill, formula_input, formula_labels
from support.stand_in_trainer import StandInTrainer

BATCH = 4
TINY = (
    "data=cifar10",
    "data.image_size=16",
    "model.latent=12",
    "model.generator.style=10",
    "model.generator.width=6",
    "model.generator.max_width=8",
    # Faster than the paper's, so that the mapping has a visible part in the figures.
    "model.generator.mapping_rate=1",
    "penalty.r1.weight=0.5",
)
UNCONDITIONAL = ("model=stylegan2",)
CONDITIONAL = (
    "model=stylegan2_conditional",
    "model.discriminator.mapping_layers=2",
    "model.discriminator.mapping_rate=1",
)
CROSSOVERS = {"generator": 2, "path length": 3, "discriminator": 1, "regularization": 6}
"""Of the six layers, those that have an image's first styles."""
FORMS = sorted(figures_of("stylegan2_step"))


class InFloat64:
    """The non-saturating loss, of which ganexp's own, in float32, has figures of its own (figures/losses.yaml)."""

    def discriminator(self, real, fake):
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, fake, real=None):
        return softplus(-fake).mean()


def formula_draw(purpose, n, sample):
    """Return numbers in [-1, 1) in the shape of what ``sample`` would draw for a purpose."""
    return formula_input(sample(n, torch.Generator()).shape, crc32(purpose.encode()) % 10_000)


def images():
    return formula_input((BATCH, 3, 16, 16), 7)


def game_of(generator, discriminator, *conditional):
    """Return a tiny game with weights of the formula, which draws its numbers by formula."""
    model = CONDITIONAL if conditional else UNCONDITIONAL
    forms = (f"model.generator.architecture={generator}", f"model.discriminator.architecture={discriminator}")
    torch.manual_seed(0)
    game = build(composed((*model, *TINY, *forms)).model)
    fill(game.generator)
    fill(game.discriminator)
    game.adversary.loss = InFloat64()
    game.double()._trainer = StandInTrainer(game)
    game.draw = formula_draw
    game.draw_crossover = lambda player: torch.tensor(CROSSOVERS[player])
    return game


@cache
def step(forms):
    """Return the terms and the sums of gradients, by parameter, of both steps of each player's first turn."""
    game = game_of(*forms.split("-"))
    results = {}
    for player in game.players():
        game.zero_grad()
        terms = {}
        for game._regularizes in (False, True):
            of_step = player.loss({"image": images(), "label": formula_labels(BATCH, 10)})
            torch.stack(list(of_step.values())).sum().backward()
            terms |= of_step
        gradients = {name: parameter.grad for name, parameter in player.network.named_parameters()}
        results[player.name] = {name: term.item() for name, term in terms.items()}, gradients
    return results, float(game.path_length.mean)


@pytest.mark.parametrize("forms", FORMS)
def test_the_terms_of_a_step_are_the_references(forms):
    results, mean = step(forms)
    expected = figures_of("stylegan2_step")[forms]
    assert mean == pytest.approx(expected["path_length_mean"], rel=1e-9)
    for player in ("generator", "discriminator"):
        assert results[player][0] == pytest.approx(expected[player]["terms"], rel=1e-9)


@pytest.mark.parametrize("forms", FORMS)
def test_the_gradients_of_a_step_are_the_references(forms):
    for player in ("generator", "discriminator"):
        gradients = step(forms)[0][player][1]
        expected = figures_of("stylegan2_step")[forms][player]
        norms = {name: float(gradient.norm()) for name, gradient in gradients.items()}
        assert norms == pytest.approx(expected["norms"], rel=1e-8, abs=1e-12)
        computed = figures(*gradients.values())
        assert computed["values"] == pytest.approx(expected["gradient"]["values"], rel=1e-8, abs=1e-12)
        assert [computed["mean"], computed["std"]] == pytest.approx(
            [expected["gradient"]["mean"], expected["gradient"]["std"]], rel=1e-8
        )
