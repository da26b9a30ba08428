"""Compatibility rules: every refusal has its reason and a remedy that works."""

import pytest

from config.test_configs import DRAWING
from ganexp.cli import main
from ganexp.config import composition
from ganexp.config.matrix import data_parts, model_parts, option, options, verdict
from ganexp.config.rules import RULES
from ganexp.errors import UserError
from support.matrix import verdicts_of

PER_IMAGE = {
    "dragan",
    "dragan_interpolated",
    "gradient_penalty",
    "r1",
    "r1_lazy",
    "r2",
    "r1_r2",
    "r1_r2_falling",
    "r1_r2_falling_faces",
}
BOUNDED = PER_IMAGE | {"weight_clip"}
# The default data, digits, are 8x8, where dcgan_small begins with one pixel.
WITHOUT_MAPS = {"gan", "sngan", "cgan", "dcgan_tutorial", "dcgan_small", "lapgan", "lapgan_conditional", "vaegan_mlp"}

STYLED = ("stylegan2", "stylegan2_conditional")


def expected(model, loss, penalty, normalization):
    if model in ("progan", "r3gan", "r3gan_conditional", *STYLED) and normalization != "none":
        return "have no normalization layers"
    if model in WITHOUT_MAPS and normalization == "instance":
        return "needs feature maps"
    if model == "vae":
        return None if penalty == "none" else "the model has no discriminator"
    if penalty in PER_IMAGE and normalization == "batch":
        return "mixes the images of a batch"
    if model == "bigan" and loss == "top_k":
        return "real and fake pairs exchanged"
    if penalty == "zcr" and model in ("bigan", "lapgan", "lapgan_conditional", "vaegan", "vaegan_mlp", *STYLED):
        return "more than one noise, or from encoded images"
    bounded = penalty in BOUNDED or normalization in ("spectral", "batch_spectral", "sngan")
    return "the Wasserstein loss is unbounded" if loss == "wasserstein" and not bounded else None


@pytest.mark.parametrize("model", DRAWING)
def test_every_combination_has_the_verdict_expected_from_the_papers(model):
    for cell, rule in verdicts_of(model).items():
        reason = expected(model, *cell)
        assert (rule is None) == (reason is None), cell
        assert rule is None or reason in rule.reason, cell


@pytest.mark.parametrize("data", ["celeba", "gaussians", "lsun_bedroom", "cifar10", "digits", "imagenet", "mnist"])
@pytest.mark.parametrize("model", ["cdcgan", "dcgan"])
def test_a_model_that_needs_labels_accepts_labelled_data_only(model, data):
    rule = verdict(model_parts(model), data_parts(data))
    unlabelled = data in ("celeba", "gaussians", "lsun_bedroom")
    assert (rule is not None) == (model == "cdcgan" and unlabelled)
    assert rule is None or "the data has none" in rule.reason


@pytest.mark.parametrize("size", [28, 32, 64])
def test_a_small_map_is_refused_only_where_the_network_begins_with_one(size):
    sized = {"data": {"image_size": size}}
    rule = verdict(model_parts("dcgan_small"), option("normalization", "instance"), sized)
    assert (rule is None) == (size == 28)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason[:40])
def test_a_rule_has_a_reason_and_a_remedy(rule):
    assert len(rule.reason) > 30
    assert "=" in rule.instead


@pytest.mark.parametrize("parts", [(), *((group, name) for group in ("loss", "penalty") for name in options(group))])
def test_parts_alone_break_no_rule_but_that_of_their_own(parts):
    rule = verdict(option(*parts)) if parts else verdict({})
    assert (rule is None) == (parts != ("loss", "wasserstein"))


@pytest.mark.parametrize("model", options("model"))
def test_the_nearest_combination_that_a_rule_names_works(model):
    verdicts = verdicts_of(model)
    for (loss, penalty, _normalization), rule in verdicts.items():
        if (model, loss) == ("bigan", "top_k"):
            continue  # refused with any penalty and normalization
        if rule is not None and "normalization=batch_in_generator" in rule.instead:
            near = penalty if penalty in PER_IMAGE else "gradient_penalty"
            # A model without normalization layers has its critic bounded by the penalty alone.
            assert None in (verdicts[loss, near, "batch_in_generator"], verdicts[loss, near, "none"])
        elif rule is not None and "normalization=layer" in rule.instead:
            assert verdicts["hinge", "none", "layer"] is None


def test_an_invalid_combination_is_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main.main(["model=wgan_gp", "normalization=batch"]) == 2
    assert "mixes the images of a batch" in capsys.readouterr().err
    assert main.main(["model=dcgan", "loss=wasserstein"]) == 2
    assert "nearest that works: penalty=gradient_penalty" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_matrix_is_printed_with_a_letter_for_each_reason(capsys):
    assert main.main(["list", "matrix"]) == 0
    out = capsys.readouterr().out
    tables = [table.splitlines() for table in out.split("\n\n")]
    columns = options("normalization")
    pairs, models = (table for table in tables if table[0].split()[-len(columns) :] == columns)
    assert [line.split()[:2] for line in pairs[1:]] == [[x, y] for x in options("loss") for y in options("penalty")]
    assert [line.split()[0] for line in models[1:]] == options("model")
    letters = {line[0]: line[3:] for line in out.splitlines() if line[1:3] == "  "}
    assert list(letters.values()) == [f"{rule.reason}; {rule.instead}" for rule in RULES]
    marks = {line.split()[0]: dict(zip(columns, line.split()[1:], strict=True)) for line in models[1:]}
    assert set(marks["dcgan"].values()) == {"+"}
    assert letters[marks["gan"]["instance"]].startswith("instance normalization needs feature maps")
    # What is read from files, of which there are none here, counts as suitable.
    labelled = "  +  cifar10 digits fashion_mnist hf image_folder imagenet mnist parquet stream svhn webdataset"
    assert next(line for line in out.splitlines() if line.endswith("stream svhn webdataset")) == labelled


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["penalty=bcr", "model=gan", "data=gaussians"], "points in the plane"),
        (["penalty=bcr", "model=pix2pix", "data=mosaic"], "beside an input that stays as it is"),
        (["penalty=zcr", "model=cyclegan", "data=mosaic_unpaired"], "and the model translates images"),
        (["penalty=zcr", "model=dcgan", "precision=bf16"], "logits of 16 bits are too coarse"),
    ],
)
def test_consistency_needs_images_of_their_own_and_noise(overrides, reason, capsys):
    assert main.main(overrides) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("augmentation", ["ada", "diffaugment", "r3gan", "apa", "none"])
def test_an_augmentation_of_pictures_is_refused_for_points(augmentation):
    rule = verdict(model_parts("gan"), data_parts("gaussians"), option("augmentation", augmentation))
    assert (rule is None) == (augmentation in ("apa", "none"))
    assert rule is None or "points in the plane" in rule.reason


def test_fakes_take_no_real_images_place_where_images_have_codes():
    refused = [name for name in DRAWING if verdict(model_parts(name), option("augmentation", "apa")) and name != "vae"]
    assert refused == ["bigan"]


@pytest.mark.parametrize("model", ["vae", "unet_l1"])
@pytest.mark.parametrize("chosen", [{"penalty": "r1"}, {"augmentation": "diffaugment"}])
def test_what_acts_on_a_discriminator_is_refused_without_one(model, chosen):
    ((group, name),) = chosen.items()
    assert "has no discriminator" in verdict(model_parts(model), option(group, name)).reason
    assert verdict(model_parts(model), option("loss", "wasserstein")) is None


def test_a_batch_without_equal_parts_is_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for devices, share in ((1, 128), (2, 64)):
        settings = ["data.batch_size=128", "model.accumulate=3", f"trainer.devices={devices}"]
        assert main.main(settings) == 2
        assert f"model.accumulate=3 does not divide the {share} images" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_key_of_an_option_not_chosen_is_said_to_be_none():
    with pytest.raises(UserError, match=r"schedule\.generator\.start: no such option"):
        composition.compose("train", ["model=dcgan", "schedule.generator.start=1.0"])
