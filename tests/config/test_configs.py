"""Every option of every config group, collected from conf/."""

import math
from functools import lru_cache
from itertools import product

import lightning as L
import pytest
import torch
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from ganexp.cli.list import description
from ganexp.config import checks, composition
from ganexp.config.build import build
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from support.parts import thinned

CONF = composition.conf_dir()
GROUPS = composition.groups(CONF)
# Groups of train.yaml; analyze and evaluate have further ones.
TRAINING_GROUPS = {
    group
    for choice in yaml.safe_load((CONF / "train.yaml").read_text())["defaults"]
    if isinstance(choice, dict)
    for group in choice
}
composition.register_resolvers()

PLACED = ("image_folder", "paired_folder", "arrays", "parquet", "hf", "webdataset", "stream", "head_clips")
"""Data that need the place of a user's own files."""

# The smallest version of each model with its structure, in which one batch updates both players; the tutorial's network
# has a single size, and the smallest residual networks are for 32 pixels.
TINY = {
    "model.critic_steps": 1,
    "model.generator.width": 4,
    "model.discriminator.width": 4,
    "model.generator.network.width": 4,
    "model.discriminator.network.width": 4,
    "model.generator.encoder.width": 4,
    "model.encoder.width": 4,
    "model.discriminator.hidden": 8,
    "model.generator.widths": [6, 8],
    "model.discriminator.widths": [8, 6],
    "model.generator.network.widths": [6, 8],
    "model.discriminator.network.widths": [8, 6],
    "model.generator.blocks": 1,
    "model.discriminator.layers": 2,
    "model.generator.style": 6,
    "model.projection.features": 4,
    "model.pool": 3,
    "model.discriminator.embedding": 8,
    "normalization.generator.groups": 2,
    "normalization.discriminator.groups": 2,
}
IMAGE_SIZE = {
    "dcgan_tutorial": 28,
    **dict.fromkeys(("pix2pix", "unet_l1", "cyclegan", "cut", "head_avatar"), 16),
    **dict.fromkeys(("sngan_resnet", "sngan_projection", "sagan", "biggan", "biggan_deep", "contragan", "reacgan"), 32),
}
REFUSED = {
    ("gan", "instance"): "instance normalization needs feature maps",
    ("dcgan_small", "instance"): "instance normalization needs feature maps",
    ("sngan", "instance"): "instance normalization needs feature maps",
    ("cgan", "instance"): "instance normalization needs feature maps",
    ("lapgan", "instance"): "instance normalization needs feature maps",
    ("lapgan_conditional", "instance"): "instance normalization needs feature maps",
    ("dcgan_tutorial", "instance"): "instance normalization needs feature maps",
    ("vaegan_mlp", "instance"): "instance normalization needs feature maps",
}


def options():
    return [(group, option) for group, names in GROUPS.items() for option in names]


def every_third(cases):
    """Return cases as parameters, of which the default suite has every third."""
    return [pytest.param(*case, marks=[pytest.mark.slow] if number % 3 else []) for number, case in enumerate(cases)]


def compose(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose("train", ["run_dir=unused", *overrides])


def tiny(model, *overrides):
    config = compose(f"model={model}", "data.batch_size=4", *overrides)
    config.data.image_size = IMAGE_SIZE.get(model, 8)
    for key, value in TINY.items():
        if OmegaConf.select(config, key, default="absent") != "absent":
            OmegaConf.update(config, key, value)
    return config


class Pictures(L.LightningDataModule):
    """Random labelled pictures as the configuration describes them."""

    def __init__(self, config):
        super().__init__()
        self.batch_size = config.data.batch_size
        shape = (8, config.data.channels, config.data.image_size, config.data.image_size)
        self.dataset = InMemory(torch.rand(shape) * 2 - 1, torch.arange(8) % config.data.num_classes)

        self.translates = config.requires.inputs is not None

    def train_dataloader(self):
        return training_loader(self.dataset, self.batch_size, 0, self.trainer)

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch | {"input": batch["image"].flip(3)} if self.translates else batch


def train(config, batches=1, accelerator="cpu"):
    torch.manual_seed(0)
    module = build(config.model)
    trainer = L.Trainer(
        accelerator=accelerator,
        max_epochs=1,
        limit_train_batches=batches,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=Pictures(config))
    return module


@pytest.mark.parametrize(("group", "option"), options())
def test_every_option_has_a_description_of_one_line(group, option):
    text = description(CONF / group / f"{option}.yaml")
    assert text.endswith((".", ")"))
    assert 10 <= len(text) <= 140


@lru_cache
def composed_option(group, option):
    return compose(f"{group}={option}")


@pytest.mark.parametrize(
    ("group", "option"),
    every_third((group, option) for group, option in options() if group in TRAINING_GROUPS and option not in PLACED),
)
@pytest.mark.thinned(2)
def test_every_option_composes_and_resolves(group, option):
    values = composition.resolve(composed_option(group, option))
    assert values["model"]["_target_"].startswith("ganexp.")


@pytest.mark.parametrize("option", [name for name in GROUPS["data"] if not name.endswith("_folder")])
@pytest.mark.thinned(2)
def test_every_data_set_can_be_scored_against(option):
    assert composition.compose("evaluate", [f"data={option}"]).data.name


def paired_cyclically(first, second):
    """Pair each of ``first`` with one of ``second``, cycling through all of them."""
    return [(one, second[number % len(second)]) for number, one in enumerate(first)]


def every(first, second, stride):
    """Return all pairs of two groups' options, of which the default suite has every ``stride``-th of each option."""
    pairs = ((i + j, one, other) for i, one in enumerate(first) for j, other in enumerate(second))
    return [pytest.param(one, other, marks=[pytest.mark.slow] if place % stride else []) for place, one, other in pairs]


@pytest.mark.parametrize(("model", "option"), every(GROUPS["model"], GROUPS["loss"], 6))
@pytest.mark.thinned(3)
def test_the_command_line_takes_precedence_over_the_model(model, option):
    config = compose(f"model={model}", f"loss={option}", "normalization=spectral", "optimizer=sgd")
    assert config.loss == composed_option("loss", option).loss
    assert config.normalization.generator._target_.endswith(".spectral")
    assert config.optimizer == composed_option("optimizer", "sgd").optimizer


def test_normalizations_and_optimizers_are_selected_per_player():
    config = compose(
        "normalization/layer@normalization.discriminator=spectral", "optimizer/rule@optimizer.generator=sgd"
    )
    assert config.normalization.generator._target_.endswith(".batch")
    assert config.normalization.discriminator._target_.endswith(".spectral")
    assert config.optimizer.generator._target_ == "torch.optim.SGD"
    assert config.optimizer.discriminator._target_ == "torch.optim.Adam"


def require_trains_or_is_refused(model, normalization, loss):
    config = tiny(model, f"normalization={normalization}", f"loss={loss}")
    if config.requires.plain_networks and normalization != "none":
        with pytest.raises(UserError, match="have no normalization layers"):
            checks.check(composition.resolve(config))
        return
    if (model, normalization) in REFUSED:
        with pytest.raises(UserError, match=REFUSED[model, normalization]):
            build(config.model)
        return
    module = train(config)
    assert module.images_seen == 4
    images = torch.rand(3, 1, config.data.image_size, config.data.image_size) * 2 - 1
    outputs = (
        [module.translate(images, direction) for direction in module.directions]
        if config.requires.inputs
        else [module.sample(3, 0, [1] if config.requires.labels else None)]
    )
    for samples in outputs:
        assert samples.shape == images.shape
        assert samples.abs().max() <= 1


LOSSES = dict(paired_cyclically(list(product(GROUPS["model"], GROUPS["normalization"])), GROUPS["loss"]))


@pytest.mark.parametrize(("model", "normalization"), every(GROUPS["model"], GROUPS["normalization"], 9))
@pytest.mark.thinned(2)
def test_each_model_and_normalization_trains_or_is_refused_with_the_reason(model, normalization):
    require_trains_or_is_refused(model, normalization, LOSSES[model, normalization])


# Models that draw from noise train with all options in test_matrix.py.
# The files are read, as composing every model would take seconds of each collection of tests.
CONTENTS = {model: yaml.safe_load((CONF / "model" / f"{model}.yaml").read_text()) for model in GROUPS["model"]}
TRANSLATING = [model for model, content in CONTENTS.items() if content.get("requires", {}).get("inputs")]
DRAWING = [model for model in GROUPS["model"] if model not in TRANSLATING]


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 3))
def test_the_models_that_translate_are_those_whose_composition_requires_inputs(model):
    assert (compose(f"model={model}").requires.inputs is not None) == (model in TRANSLATING)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "normalization"), product(TRANSLATING, GROUPS["normalization"]))
def test_every_translating_model_trains_with_every_normalization_and_loss(model, normalization):
    for loss in GROUPS["loss"]:
        require_trains_or_is_refused(model, normalization, loss)


@pytest.mark.parametrize(("optimizer", "schedule"), every(GROUPS["optimizer"], GROUPS["schedule"], 5))
@pytest.mark.thinned(2)
def test_every_optimizer_and_schedule_trains(optimizer, schedule):
    module = train(tiny("gan", f"optimizer={optimizer}", f"schedule={schedule}"), batches=2)
    assert module.images_seen == 8


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 2))
def test_a_model_that_needs_labels_or_inputs_refuses_data_without(model):
    config = compose(f"model={model}", "data=celeba")
    if config.requires.inputs:
        with pytest.raises(UserError, match="and the data has"):
            checks.check(composition.resolve(config))
    elif config.requires.labels:
        with pytest.raises(UserError, match="the model needs labels"):
            checks.check(composition.resolve(config))
    else:
        checks.check(composition.resolve(config))


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.thinned(3)
def test_dcgan_generates_every_size(size, channels):
    config = compose("model=dcgan", f"data.image_size={size}", f"data.channels={channels}", "model.generator.width=8")
    model = build(config.model)
    assert model.sample(2, 0).shape == (2, channels, size, size)


def test_the_perceptrons_have_the_published_widths():
    def linear(network):
        return [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, torch.nn.Linear)]

    gan, cgan = (build(compose(f"model={name}", "data=mnist").model) for name in ("gan", "cgan"))
    assert linear(gan.generator) == [(100, 256), (256, 512), (512, 1024), (1024, 784)]
    assert linear(gan.discriminator) == [(784, 512), (512, 256), (256, 1)]
    assert linear(cgan.generator) == [(110, 256), (256, 512), (512, 1024), (1024, 784)]
    assert linear(cgan.discriminator) == [(794, 1024), (1024, 512), (512, 256), (256, 1)]


def test_the_papers_settings_are_the_defaults_of_dcgan():
    config = compose("model=dcgan", "data=celeba")
    for player in ("generator", "discriminator"):
        assert (config.optimizer[player].lr, list(config.optimizer[player].betas)) == (2e-4, [0.5, 0.999])
        assert config.normalization[player]._target_.endswith(".batch")
    assert config.data.batch_size == 128
    assert config.model.noise._target_ == "ganexp.noise.uniform"
    generator = build(config.model).generator
    widths = [m.in_channels for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert widths == [100, 1024, 512, 256, 128]


def test_conditional_samples_come_one_class_a_column():
    class Labelled(torch.nn.Module):
        def forward(self, noise, labels):
            return labels[:, None, None, None].expand(-1, 1, 8, 8).float() / 10

    model = build(tiny("cgan").model)
    model.sampler.average = None
    model.sampler.generator = Labelled()
    samples = (model.sample(2 * model.columns, 0)[:, 0, 0, 0] * 10).round().long()
    assert samples.view(2, model.columns).tolist() == [list(range(10))] * 2
    assert (model.sample(5, 0, [3, 3, 7])[:, 0, 0, 0] * 10).round().tolist() == [3, 3, 7, 3, 3]


@pytest.mark.parametrize(
    "model", ["acgan", "biggan", "dcgan", "gan", "sagan", "sngan", "sngan_projection", "sngan_resnet"]
)
def test_every_layer_of_a_spectrally_normalized_model_has_the_norm_1_within_a_percent(model):
    module = build(tiny(model, "normalization=spectral").model)
    layers = [m for m in module.modules() if "weight" in getattr(m, "parametrizations", {})]
    assert len(layers) >= 4
    with torch.no_grad():
        for layer in layers:
            for _ in range(100):
                weight = layer.weight  # each reading in training is an iteration
            filters = weight.transpose(0, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else weight
            assert torch.linalg.svdvals(filters.flatten(1)).max().item() == pytest.approx(1, abs=0.01)


def test_biggans_orthogonal_term_is_logged_and_null_switches_it_off():
    module = train(tiny("biggan"))
    terms = module.read_terms()
    assert terms["generator/orthogonal"] > 0
    assert "discriminator/orthogonal" not in terms
    off = train(tiny("biggan", "model.regularizations.orthogonal=null"))
    assert off.read_terms().keys() == terms.keys() - {"generator/orthogonal"}


def test_r3gan_has_the_settings_of_the_authors_code_for_cifar10():
    config = compose("model=r3gan", "data=cifar10", "images=20_000_000")
    schedules, ema = build(config.schedule), build(config.ema)
    for player in ("generator", "discriminator"):
        rates = [config.optimizer[player].lr * schedules[player](p) for p in (0.0, 1.0)]
        assert rates == pytest.approx([2e-4, 5e-5])
        assert config.optimizer[player].betas[0] == 0.0
    for penalty in build(config.penalty).values():
        assert [penalty.weight * penalty.schedule(p) for p in (0.0, 1.0)] == pytest.approx([0.05, 0.005])
    average = ema(torch.nn.Linear(1, 1))
    assert average.current_decay(0.0, config.images) == 0.0
    assert average.current_decay(1.0, config.images) == pytest.approx(0.5 ** (512 / 5_000_000))


def test_r3gans_recipes_have_what_differs_between_the_authors_presets():
    labels, augmented, half_life = {}, {}, {}
    for name in ("r3gan_cifar10", "r3gan_ffhq64"):
        config = compose(f"experiment={name}")
        labels[name] = config.requires.labels
        augmented[name] = build(config.augmentation).schedule(1.0)
        average = build(config.ema)(torch.nn.Linear(1, 1))
        half_life[name] = config.data.batch_size / math.log2(1 / average.current_decay(1.0, config.images))
        assert config.model.fresh_generator_batch
        assert all(penalty.through_augmentation for penalty in build(config.penalty).values())
    assert labels == {"r3gan_cifar10": True, "r3gan_ffhq64": False}
    assert augmented == pytest.approx({"r3gan_cifar10": 0.55, "r3gan_ffhq64": 0.3})
    assert half_life == pytest.approx({"r3gan_cifar10": 5e6, "r3gan_ffhq64": 5e5})


def test_r3gan_trains_with_another_penalty():
    module = train(tiny("r3gan", "penalty=gradient_penalty"))
    assert "discriminator/gradient_penalty" in module.read_terms()


@pytest.mark.parametrize("layout", GROUPS["data/mixture"])
def test_the_toy_mixtures_train(layout):
    config = compose("model=gan", "data=gaussians", f"data/mixture={layout}", "data.points=64", "data.batch_size=16")
    config.model.generator.widths = [8]
    config.model.discriminator.widths = [8]
    module, data = build(config.model), build(config.data)
    L.Trainer(accelerator="cpu", max_epochs=1, limit_train_batches=2, logger=False, enable_checkpointing=False,
              enable_progress_bar=False, enable_model_summary=False).fit(module, datamodule=data)  # fmt: skip
    assert module.sample(5, 0).shape == (5, 2, 1, 1)


@pytest.mark.parametrize(("images", "expected"), [(200_000, 10_000), (10, 1), (50_000_000, 200_000)])
def test_intervals_are_a_share_of_the_budget_with_an_upper_bound(images, expected):
    assert composition.interval(images, 20, 200_000) == expected
