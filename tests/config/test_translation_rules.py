"""Compatibility of image-to-image models and their data."""

import pytest

from config.test_configs import compose
from ganexp.cli import main
from ganexp.config import checks, composition
from ganexp.errors import UserError

PAIRED = ["pix2pix", "unet_l1"]
UNPAIRED = ["cyclegan", "cut"]


def check(*overrides):
    checks.check(composition.resolve(compose(*overrides)))


@pytest.mark.parametrize("model", PAIRED)
def test_paired_models_need_pairs(model):
    check(f"model={model}", "data=mosaic")
    with pytest.raises(UserError, match=r"pairs of an input and its target.*data=mosaic,.*model=cyclegan"):
        check(f"model={model}", "data=mosaic_unpaired")


@pytest.mark.parametrize("model", UNPAIRED)
def test_unpaired_models_accept_two_domains(model):
    check(f"model={model}", "data=mosaic_unpaired")
    check(f"model={model}", "data=mosaic")


@pytest.mark.parametrize("data", ["mnist", "gaussians", "cifar10"])
@pytest.mark.parametrize("model", [*PAIRED, *UNPAIRED])
@pytest.mark.thinned(3)
def test_images_alone_are_not_enough(model, data):
    with pytest.raises(UserError, match=r"and the data has (none|one); nearest that works: data=mosaic"):
        check(f"model={model}", f"data={data}")


@pytest.mark.parametrize("data", ["mosaic", "mosaic_unpaired", "horse2zebra", "facades"])
@pytest.mark.parametrize("model", ["dcgan", "gan"])
@pytest.mark.thinned(2)
def test_a_model_that_draws_from_noise_refuses_data_with_inputs(model, data):
    with pytest.raises(UserError, match="draws its images from noise; nearest that works: model=pix2pix"):
        check(f"model={model}", f"data={data}")


def test_a_mismatch_is_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main.main(["model=pix2pix", "data=mnist"]) == 2
    assert "the model learns from pairs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_papers_settings_are_the_defaults():
    for model in [*PAIRED, *UNPAIRED]:
        config = compose(f"model={model}", "data=facades" if model in PAIRED else "data=horse2zebra")
        for player in ("generator", "discriminator"):
            assert (config.optimizer[player].lr, list(config.optimizer[player].betas)) == (2e-4, [0.5, 0.999])
            assert config.schedule[player] == {
                "_target_": "ganexp.schedules.linear", "_partial_": True, "start": 0.5, "final": 0.0,
            }  # fmt: skip
            assert config.normalization[player]._target_.endswith(".instance")
        assert (config.data.image_size, config.data.batch_size) == (256, 1)
        # The data set the batch size, these models do not, and the command line takes precedence.
        assert compose(f"model={model}", "data=mosaic").data.batch_size == 64
        assert compose(f"model={model}", f"data={config.data.name}", "data.batch_size=16").data.batch_size == 16
    pix2pix, cyclegan = compose("model=pix2pix").model, compose("model=cyclegan").model
    assert (pix2pix.l1, pix2pix.discriminator.layers, pix2pix.generator.dropout_at_test) == (100, 3, True)
    assert (cyclegan.cycle, cyclegan.identity, cyclegan.pool, cyclegan.loss._target_) == (
        10, 0.5, 50, "ganexp.losses.LeastSquares",
    )  # fmt: skip
