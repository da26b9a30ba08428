"""Compatibility rules between the parts of a configuration, checked before anything is built."""

from collections.abc import Callable
from dataclasses import dataclass

from ganexp.config.conditions import (
    BATCH_NORMS,
    FAKES_AS_REAL,
    MORE_THAN_NOISE,
    OF_NOISE,
    OF_PICTURES,
    ONE_DOMAIN,
    PAIRED,
    PAIRS_WITH_LATENTS,
    PAIRWISE_LOSSES,
    POINTS,
    TOP_K,
    TRANSFORMING,
    UNPAIRED,
    Config,
    acts_on_missing_discriminator,
    discriminator_is,
    has_discriminator,
    has_identity_loss,
    has_other_input_channels,
    inner_loss,
    is_half_precision,
    is_lipschitz,
    is_unbounded,
    lacks_attributes,
    lacks_labels,
    lacks_landmarks,
    lacks_squares,
    normalizes_unnormalized_networks,
    part_is,
    penalizes,
    penalizes_gradients,
    translates,
)
from ganexp.config.single_pixels import normalizes_single_pixels, normalizes_single_values
from ganexp.errors import UserError


@dataclass(frozen=True)
class Rule:
    """A combination that cannot work: its condition, the reason, and the nearest combination that works."""

    broken: Callable[[Config], bool]
    reason: str
    instead: str


RULES = (
    Rule(
        lambda config: inner_loss(config) in PAIRWISE_LOSSES,
        "the loss compares each fake image with a real one, and top-k training leaves fakes out (arXiv 2002.06224)",
        "nearest that works: loss=top_k loss@loss.of=hinge, or loss=relativistic",
    ),
    Rule(
        lacks_attributes,
        "the data have several attributes for each image, and the model takes one class",
        "nearest that works: model=cdcgan, model=sngan_projection or another model with attributes, or labels with one "
        "class for each image",
    ),
    Rule(
        lacks_labels,
        "the model needs labels and the data has none (data.num_classes is null)",
        "choose labelled data such as data=mnist, put the images into one folder per class, or choose a model without "
        "labels such as model=dcgan",
    ),
    Rule(
        lambda config: translates(config) == "paired" and part_is(config, "data", ONE_DOMAIN | UNPAIRED),
        "the model learns from pairs of an input and its target, and the data has none",
        "nearest that works: data=mosaic, which makes pairs from any images (data/source=…, data/degradation=…), "
        "data=paired_folder data.root=FOLDER, or model=cyclegan for two unpaired domains",
    ),
    Rule(
        lambda config: translates(config) is not None and part_is(config, "data", ONE_DOMAIN),
        "the model translates between two domains of images, and the data has one",
        "nearest that works: data=mosaic_unpaired, which degrades half of any images (data/source=…, "
        "data/degradation=…), or data=unpaired_folder data.root=FOLDER",
    ),
    Rule(
        lambda config: translates(config) is None and part_is(config, "data", PAIRED | UNPAIRED),
        "the data has images to translate, and the model draws its images from noise",
        "nearest that works: model=pix2pix for pairs, model=cyclegan for two unpaired domains, or data of one domain "
        "such as data=cifar10",
    ),
    Rule(
        lambda config: has_identity_loss(config) and has_other_input_channels(config),
        "the identity loss translates an image into its own domain, and data.input_channels differs from data.channels",
        "set model.identity=0",
    ),
    Rule(
        acts_on_missing_discriminator,
        "the model has no discriminator, on whose gradients, weights and images penalties, constraints and "
        "augmentations act",
        "leave out penalty=… and augmentation=…, or choose a model with a discriminator, such as model=vaegan or "
        "model=pix2pix",
    ),
    Rule(
        lacks_squares,
        "the model rotates images by 90 degrees (arXiv 1811.11212), and a rectangle then has another shape",
        "set data.image_size to one number, such as data.image_size=64, or choose model=dcgan",
    ),
    Rule(
        normalizes_unnormalized_networks,
        "the model's networks have no normalization layers: their initialization is made for training without "
        "(arXiv 2501.05441, section 3; 1710.10196, section 4)",
        "leave out normalization=…, or choose a residual model with normalization, such as model=sngan_resnet",
    ),
    Rule(
        normalizes_single_pixels,
        "instance normalization needs feature maps, and this model's networks have hidden layers without them, or with "
        "maps of a single pixel (arXiv 1607.08022, eq. 4)",
        "nearest that works: normalization=layer, or a convolutional model such as model=dcgan",
    ),
    Rule(
        normalizes_single_values,
        "batch normalization needs two images at once or more where this model's networks have hidden vectors or maps "
        "of a single pixel (arXiv 1502.03167, section 3)",
        "nearest that works: a larger data.batch_size, a smaller model.accumulate, or normalization=layer",
    ),
    Rule(
        lambda config: penalizes_gradients(config) and discriminator_is(config, BATCH_NORMS),
        "the penalty needs the discriminator's gradient for each image alone, and batch normalization in the "
        "discriminator mixes the images of a batch (arXiv 1704.00028, section 4)",
        "nearest that works: normalization=batch_in_generator, or normalization=layer",
    ),
    Rule(
        lambda config: penalizes(config, TRANSFORMING) and part_is(config, "data", POINTS),
        "the penalty flips and shifts images, and the data are points in the plane",
        "nearest that works: penalty=zcr or penalty=lecam, or data of images such as data=digits",
    ),
    Rule(
        lambda config: penalizes(config, TRANSFORMING) and translates(config) == "paired",
        "the penalty flips and shifts images, and the discriminator judges each beside an input that stays as it is",
        "nearest that works: penalty=lecam or penalty=r1, augmentation=ada, which transforms both alike, or a model "
        "that draws from noise such as model=dcgan",
    ),
    Rule(
        lambda config: part_is(config, "augmentation", OF_PICTURES) and part_is(config, "data", POINTS),
        "the augmentation moves and recolours pictures, and the data are points in the plane",
        "nearest that works: augmentation=none, augmentation=apa, or data of images such as data=digits",
    ),
    Rule(
        lambda config: part_is(config, "augmentation", FAKES_AS_REAL) and part_is(config, "model", PAIRS_WITH_LATENTS),
        "the augmentation shows fakes in the place of real images (arXiv 2111.06849), and this model's discriminator "
        "judges each real image beside its code",
        "nearest that works: augmentation=diffaugment or augmentation=ada, or a model such as model=dcgan",
    ),
    Rule(
        lambda config: part_is(config, "loss", TOP_K) and part_is(config, "model", PAIRS_WITH_LATENTS),
        "generator and encoder minimize the discriminator's loss with real and fake pairs exchanged (arXiv 1605.09782, "
        "section 3.4), of which top-k training leaves none out",
        "leave out loss=top_k, or choose a model such as model=dcgan",
    ),
    Rule(
        lambda config: penalizes(config, OF_NOISE) and is_half_precision(config),
        "the penalty compares logits of noise that changes a little (arXiv 2002.04724, algorithm 2), and logits of 16 "
        "bits are too coarse for that",
        "nearest that works: precision=float32, or penalty=bcr or penalty=lecam",
    ),
    Rule(
        lambda config: penalizes(config, OF_NOISE) and part_is(config, "model", MORE_THAN_NOISE),
        "the penalty makes the fakes again from perturbed noise (arXiv 2002.04724, algorithm 2), and this model's come "
        "from more than one noise, or from encoded images",
        "nearest that works: penalty=bcr or penalty=lecam, or a model such as model=dcgan",
    ),
    Rule(
        lambda config: penalizes(config, OF_NOISE) and translates(config) is not None,
        "the penalty perturbs the generator's noise (arXiv 2002.04724, algorithm 2), and the model translates images",
        "nearest that works: penalty=lecam or penalty=r1, or a model that draws from noise such as model=dcgan",
    ),
    Rule(
        lambda config: is_unbounded(config) and has_discriminator(config) and not is_lipschitz(config),
        "the Wasserstein loss is unbounded unless the critic is Lipschitz (arXiv 1701.07875, section 3)",
        "nearest that works: penalty=gradient_penalty normalization=batch_in_generator, penalty=weight_clip, or "
        "normalization=spectral",
    ),
    Rule(
        lacks_landmarks,
        "the model drives a picture by landmarks, and the data has none",
        "nearest that works: data=puppets, drawn heads with known landmarks, data=head_clips data.root=FOLDER, or "
        "model=pix2pix for pairs without landmarks",
    ),
)


def broken_rule(config: Config) -> Rule | None:
    """Return the first rule that the configuration breaks."""
    return next((rule for rule in RULES if rule.broken(config)), None)


def check_rules(config: Config) -> None:
    """Raise UserError for a combination that cannot work, with the reason and the nearest that works."""
    rule = broken_rule(config)
    if rule is not None:
        raise UserError(f"{rule.reason}; {rule.instead}")
