"""StyleGAN2 (arXiv 1912.04958): style mixing, noise inputs and path length regularization."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Unpack, cast

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.layers.style_mapping import mixed
from ganexp.networks.stylegan2 import Generator
from ganexp.noise import normal
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.path_length import PathLength, path_lengths
from ganexp.variants.critic import Critic
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.samplers.styles import StyleSampler


class StyleGAN2(GAN):
    """A GAN whose generator maps noise to styles, and styles and noise inputs to images.

    In a share ``mixing`` of the turns images have the styles of two latents, one up to a random layer, the other from
    there on. ``path_length`` is a term of the generator's loss, None for none. Noise inputs are drawn for each image in
    training; samples have constant ones, or random ones with ``random_noise_inputs``.

    With ``separate_steps`` the lazy terms, which are not computed in every turn, have an optimizer step of their own
    after that of the others, as in the authors' code (NVlabs/stylegan2-ada-pytorch training/training_loop.py).
    """

    def __init__(
        self,
        mixing: float = 0.9,
        path_length: PathLength | None = None,
        random_noise_inputs: bool = False,
        separate_steps: bool = True,
        **gan: Unpack[GANSettings],
    ) -> None:
        super().__init__(**gan)
        self.mixing = mixing
        self.path_length = path_length
        self.separate_steps = separate_steps
        self.is_lazy_due: Mapping[str, Callable[[], bool]] = {
            "discriminator": partial(self.adversary.has_lazy_penalty_due, self),
            "generator": self.has_lazy_path_length_due,
        }
        self._regularizes = False
        self.sampler = StyleSampler(
            self.generator,
            self.average,
            self.noise,
            self.latent,
            self.seed,
            self.styled.synthesis.pixels,
            random_noise_inputs,
        )

    @property
    def styled(self) -> Generator:
        """The generator, of which mapping and synthesis are called apart."""
        return cast(Generator, self.generator)

    def fakes(self, player: str, n: int) -> Tensor:
        """Return ``n`` fakes of fresh noise for a player's turn."""
        images: Tensor = self.styled.synthesis(self.draw_styles(player, n), self.draw_noise_inputs(player, n))
        return images

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Take the step and, where they are due and have steps of their own, that of the lazy terms."""
        if not (self.separate_steps and self.is_lazy_due[player.name]()):
            return super().turn(player, optimizer, batch)
        super().turn(replace(player, average=None), optimizer, batch)
        self._regularizes = True
        try:
            super().turn(player, optimizer, batch)
        finally:
            self._regularizes = False

    def regularizes(self) -> bool:
        """Return whether the step is that of the lazy terms alone."""
        return self.inputs.decide("the step is of the lazy terms", lambda: self._regularizes)

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's step."""
        real, critic = batch["image"], Critic(self.discriminator)
        regularizes = self.regularizes()
        with torch.no_grad():
            fake = self.fakes("regularization" if regularizes else "discriminator", len(real))
        if regularizes:
            return self.adversary.lazy_penalties(self, critic, real, fake)
        return self.adversary.discriminator(self, critic, real, fake, lazy=not self.separate_steps)

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's step."""
        regularizes = self.regularizes()
        terms = {} if regularizes else self.adversarial_terms(batch)
        path_length = self.path_length
        if path_length is None or (self.separate_steps and path_length.every > 1) != regularizes:
            return terms
        if not self.inputs.decide("path length is due", self.is_path_length_due):
            return terms
        return terms | {"path_length": self.path_length_term(path_length, len(batch["image"]))}

    def adversarial_terms(self, batch: Batch) -> Terms:
        """Return the generator's adversarial terms on fakes of fresh noise, and the regularizations of its weights."""
        real = self.repeated(batch["image"])
        fake = self.fakes("generator", len(real))
        return self.adversary.generator(self, Critic(self.discriminator), real, fake) | self.regularization_terms()

    def is_path_length_due(self) -> bool:
        """Return whether this turn of the generator has a path length."""
        every = 1 if self.path_length is None else self.path_length.every
        return self.batches_seen // self.critic_steps % every == 0

    def has_lazy_path_length_due(self) -> bool:
        """Return whether a path length is computed in this turn that is not computed in every one."""
        return self.path_length is not None and self.path_length.every > 1 and self.is_path_length_due()

    def path_length_term(self, path_length: PathLength, n: int) -> Tensor:
        """Return the term of the path length, on fresh fakes for a batch of ``n``, in float32 or better."""
        count = max(n // path_length.shrink, 1)
        with torch.autocast(self.device.type, enabled=False):
            styles = self.draw_styles("path length", count)
            # Of a mapping that is frozen the styles do not.
            styles = styles if styles.requires_grad else styles.requires_grad_()
            images = self.styled.synthesis(styles, self.draw_noise_inputs("path length", count))
            noise = self.draw("path length pixels", count, lambda total, rng: normal((total, *images.shape[1:]), rng))
            lengths = path_lengths(promote_to_float32(images), styles, noise.to(images))
            term: Tensor = path_length(lengths)
        return term

    def draw_styles(self, player: str, n: int) -> Tensor:
        """Return the styles of each layer (n, layers, style) of fresh noise, and of two latents where they are mixed.

        The mean style follows those of the generator's turn.
        """
        generator = self.styled
        styles = generator.mapping(self.draw_noise(player, n))
        if player == "generator":
            generator.mapping.follow(styles)
        layers = generator.synthesis.layers
        if self.mixing == 0:
            return generator.synthesis.of_all_layers(styles)
        others = generator.mapping(self.draw_noise(f"{player} mixing", n))
        return mixed(styles, others, self.draw_crossover(player), layers)

    def draw_crossover(self, player: str) -> Tensor:
        """Draw the number () of layers that have an image's first styles: all of them, where none are mixed.

        It is the same for all images of the global batch, as for those of a device in the authors' code.
        """
        rng = self.inputs.generator(f"{player} crossover")
        is_mixed, place = torch.rand(2, generator=rng, device=rng.device).unbind()
        layers = self.styled.synthesis.layers
        return torch.where(is_mixed < self.mixing, (place * (layers - 1)).long() + 1, layers)

    def draw_noise_inputs(self, player: str, n: int) -> Tensor:
        """Draw fresh noise (n, pixels) of all layers for a player's turn."""
        pixels = self.styled.synthesis.pixels
        return self.draw(f"{player} noise inputs", n, lambda total, rng: normal((total, pixels), rng))
