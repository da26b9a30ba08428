"""Subjects of analyses: a trained model and its run's data."""

import copy
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from ganexp.analysis.discriminators import Opponent
from ganexp.analysis.style_space import StyleSpace
from ganexp.analysis.subject import Subject
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.evaluation.evaluate import real_set
from ganexp.evaluation.held_out import held_out_images, labelled_images
from ganexp.metrics.classifier import classifier
from ganexp.numerics.randomness import derived_seed
from ganexp.runs.model import takes_attributes, truncate
from ganexp.variants.samplers.base import Sampler
from ganexp.variants.samplers.styles import StyleSampler


def build_subject(
    model: Any, run: DictConfig, seed: int, held_out: str | None = None, labelled: str | None = None
) -> Subject:
    """Return the subject of analyses for a trained model and its run's data."""

    def truncated(threshold: float) -> Subject:
        cut = copy.deepcopy(model)
        truncate(cut, threshold)
        subject = build_subject(cut, run, seed, held_out, labelled)
        # Shared, as it depends on the data alone.
        subject.load_training, subject.load_held_out = lambda: whole.training, lambda: whole.held_out
        subject.load_extractor = lambda _: whole.extractor
        return subject

    def untrained(seed: int) -> Opponent:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(seed, "untrained"))
            opponent = build_opponent(build(run.model).to(model.device))
        assert opponent is not None
        return opponent

    whole = Subject(
        generator=model.sampler.network,
        noise=model.sampler.noise,
        latent=model.sampler.latent,
        num_classes=getattr(model, "num_classes", None),
        attributes=model.attribute_sets.rows.cpu() if takes_attributes(model) else None,
        columns=model.columns,
        seed=seed,
        device=model.device,
        opponent=build_opponent(model),
        encoder=getattr(model, "encode", None),
        untrained=untrained,
        load_training=lambda: real_set(run.data, None).images,
        load_held_out=lambda: held_out_images(run, held_out),
        load_labelled=None if labelled is None else lambda: labelled_images(labelled, run.data),
        load_extractor=lambda images: classifier(images, model.device),
        truncated=truncated,
        codes=getattr(model, "codes", None),
        styles=style_space(model.sampler),
    )
    return whole


def style_space(sampler: Sampler) -> StyleSpace | None:
    """Return the styles of the network that draws samples; None if it has none."""
    if not isinstance(sampler, StyleSampler):
        return None
    synthesis = sampler.styled.synthesis
    return StyleSpace(sampler.styles, synthesis, synthesis.layers, synthesis.style)


def build_opponent(model: Any) -> Opponent | None:
    """Return a model's discriminator, conditioned on the labels if it takes any; None for a model without one.

    One of pairs of an image and a latent is given the image's own code.
    """
    if not hasattr(model, "discriminator"):
        return None

    def discriminate(images: Tensor, labels: Tensor | None) -> Tensor:
        images = images.to(model.device)
        if hasattr(model, "judge"):
            of_pairs: Tensor = model.judge(images)
            return of_pairs
        if not hasattr(model, "num_classes"):
            output = model.discriminator(images)
            # Of a network with a head beside its logits the logits come first.
            logits: Tensor = output[0] if isinstance(output, tuple) else output
            return logits
        if labels is None:
            raise UserError("this discriminator takes labels, but these images have none")
        logits = model.critic(labels.to(model.device))(images)
        return logits

    model.discriminator.eval()
    return Opponent(model.discriminator, discriminate)
