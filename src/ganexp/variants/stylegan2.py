"""StyleGAN2 (arXiv 1912.04958): style mixing, noise inputs and path length regularization."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Unpack, cast

import torch
from torch import Tensor

from ganexp.distributed import collectives
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.layers.style_mapping import mixed
from ganexp.networks.stylegan2 import StyledGenerator
from ganexp.noise import normal
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.path_length import PathLength, path_lengths
from ganexp.variants.critic import Critic
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.samplers.styles import ConditionalStyleSampler, StyleSampler


class StyleGAN2Settings(GANSettings, total=False):
    """The arguments of `StyleGAN2` that its variants pass on."""

    mixing: float
    path_length: PathLength | None
    random_noise_inputs: bool
    separate_steps: bool


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
        self.sampler = StyleSampler(random_noise_inputs, **self.sampler_settings())

    @property
    def styled(self) -> StyledGenerator:
        """The generator, of which mapping and synthesis are called apart."""
        return cast(StyledGenerator, self.generator)

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return what the networks are given beside images and noise: nothing."""
        return ()

    def fakes(self, player: str, n: int, *condition: Tensor) -> Tensor:
        """Return ``n`` fakes of fresh noise for a player's turn."""
        styles = self.draw_styles(player, n, *condition)
        images: Tensor = self.styled.synthesis(styles, self.draw_noise_inputs(player, n))
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
        real, condition = batch["image"], self.condition(batch)
        critic = Critic(self.discriminator, *condition)
        regularizes = self.regularizes()
        with torch.no_grad():
            fake = self.fakes("regularization" if regularizes else "discriminator", len(real), *condition)
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
        count = max(len(batch["image"]) // path_length.shrink, 1)
        condition = (collectives.first_rows(given, count) for given in self.condition(batch))
        return terms | {"path_length": self.path_length_term(path_length, count, *condition)}

    def adversarial_terms(self, batch: Batch) -> Terms:
        """Return the generator's adversarial terms on fakes of fresh noise, and the regularizations of its weights."""
        real, condition = self.repeated(batch["image"]), [self.repeated(given) for given in self.condition(batch)]
        critic = Critic(self.discriminator, *condition)
        fake = self.fakes("generator", len(real), *condition)
        return self.adversary.generator(self, critic, real, fake) | self.regularization_terms()

    def is_path_length_due(self) -> bool:
        """Return whether this turn of the generator has a path length."""
        every = 1 if self.path_length is None else self.path_length.every
        return self.batches_seen // self.critic_steps % every == 0

    def has_lazy_path_length_due(self) -> bool:
        """Return whether a path length is computed in this turn that is not computed in every one."""
        return self.path_length is not None and self.path_length.every > 1 and self.is_path_length_due()

    def path_length_term(self, path_length: PathLength, count: int, *condition: Tensor) -> Tensor:
        """Return the term of the path length, on ``count`` fresh fakes, in float32 or better."""
        with torch.autocast(self.device.type, enabled=False):
            styles = self.draw_styles("path length", count, *condition)
            # Of a mapping that is frozen the styles do not.
            styles = styles if styles.requires_grad else styles.requires_grad_()
            images = self.styled.synthesis(styles, self.draw_noise_inputs("path length", count))
            noise = self.draw("path length pixels", count, lambda total, rng: normal((total, *images.shape[1:]), rng))
            lengths = path_lengths(promote_to_float32(images), styles, noise.to(images))
            term: Tensor = path_length(lengths, self.accumulate)
        return term

    def draw_styles(self, player: str, n: int, *condition: Tensor) -> Tensor:
        """Return the styles of each layer (n, layers, style) of fresh noise, and of two latents where they are mixed.

        The mean style follows those of the generator's turn.
        """
        generator = self.styled
        styles = generator.mapping(self.draw_noise(player, n), *condition)
        if player == "generator":
            generator.mapping.follow(styles, self.accumulate)
        layers = generator.synthesis.layers
        if self.mixing == 0:
            return generator.synthesis.of_all_layers(styles)
        others = generator.mapping(self.draw_noise(f"{player} mixing", n), *condition)
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


class ConditionalStyleGAN2(StyleGAN2):
    """A StyleGAN2 whose networks also take labels (N,) in [0, num_classes), as in StyleGAN2-ADA (arXiv 2006.06676).

    Fakes have the labels of the turn's real images, so that a class is as frequent among them as in the data; the
    authors' code draws labels of other real images. Both latents of an image whose styles are mixed have its label.
    """

    def __init__(self, num_classes: int, **styles: Unpack[StyleGAN2Settings]) -> None:
        super().__init__(**styles)
        self.num_classes = num_classes
        self.sampler: ConditionalStyleSampler = ConditionalStyleSampler(
            num_classes, self.sampler.random_noise_inputs, **self.sampler_settings()
        )
        self.columns = self.sampler.columns

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the labels (N,) of the real images."""
        return (batch["label"],)

    def critic(self, label: Tensor) -> Critic:
        """Return the critic of images with these labels (N,)."""
        return Critic(self.discriminator, label)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, every label in turn, and the critic that judges them."""
        return self.sampler.current(n, self.batches_seen), self.critic(self.sampler.current_labels(n))
