"""StyleGAN2 (arXiv 1912.04958): style mixing, noise inputs and path length regularization."""

from typing import Unpack, cast

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.layers.style_mapping import mixed
from ganexp.networks.stylegan2 import Generator
from ganexp.noise import normal
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.path_length import PathLength, path_lengths
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.style_sampler import StyleSampler


class StyleGAN2(GAN):
    """A GAN whose generator maps noise to styles, and styles and noise inputs to images.

    A share ``mixing`` of the images has the styles of two latents, one up to a random layer and the other from there
    on. ``path_length`` is a term of the generator's loss, None for none. Noise inputs are drawn for each image in
    training; samples have constant ones, or random ones with ``random_noise_inputs``.
    """

    def __init__(
        self,
        mixing: float = 0.9,
        path_length: PathLength | None = None,
        random_noise_inputs: bool = False,
        **gan: Unpack[GANSettings],
    ) -> None:
        super().__init__(**gan)
        self.mixing = mixing
        self.path_length = path_length
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

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss, among them the path length where it is due."""
        terms = super().generator_loss(batch)
        if self.path_length is None or not self.inputs.decide("path length is due", self.is_path_length_due):
            return terms
        return terms | {"path_length": self.path_length_term(self.path_length, len(batch["image"]))}

    def is_path_length_due(self) -> bool:
        """Return whether this turn of the generator has a path length."""
        every = 1 if self.path_length is None else self.path_length.every
        return self.batches_seen // self.critic_steps % every == 0

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
        drawn = self.draw(
            f"{player} crossover", n, lambda total, rng: torch.rand(total, 2, generator=rng, device=rng.device)
        )
        crossover = (drawn[:, 1] * (layers - 1)).long() + 1
        return mixed(styles, others, torch.where(drawn[:, 0] < self.mixing, crossover, layers), layers)

    def draw_noise_inputs(self, player: str, n: int) -> Tensor:
        """Draw fresh noise (n, pixels) of all layers for a player's turn."""
        pixels = self.styled.synthesis.pixels
        return self.draw(f"{player} noise inputs", n, lambda total, rng: normal((total, pixels), rng))
