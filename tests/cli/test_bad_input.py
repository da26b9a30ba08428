"""User errors: one line with the mistake and its remedy, exit status 2, no files left behind or lost."""

import re

import pytest

from ganexp.cli import analyze
from ganexp.config.option_files import check_option_files
from ganexp.errors import UserError
from support.runs import TINY

COMPOSITION = {
    "model=dcgann": "model=dcgann: no such model option; did you mean dcgan?",
    "modle=dcgan": "did you mean model?",
    "loss=nonsense": "There are: hinge, ",
    "imagse=3": "did you mean images?",
    "model.genrator.width=3": "did you mean model.generator.width?",
    "model.generator.widht=3": "did you mean model.generator.width?",
    "trainer.nonsense=3": "trainer.nonsense: no such option",
    "+images=3": "An item is already at 'images'",
    "~model.generatr": "did you mean model.generator?",
    "~imagse": "did you mean images?",
    "~model": "model: every run needs one",
    "~optimizer.generator": "optimizer.generator: a run needs it",
    "model=null": "model is a config group; choose one of",
    "a=[1": "'a=[1' cannot be read",
    "=3": "'=3' cannot be read",
    "loss=hinge,lsgan": "add --multirun",
    "images=abc": "images=abc: a whole number is expected, for example images=",
    "images=1.5": "images=1.5: a whole number is expected",
    "images=null": "images=None: a whole number is expected",
    "images=0": "images=0: it must be a whole number, 1 or more",
    "images=[1]": "images=[1]: a whole number is expected",
    "data.batch_size=0": "data.batch_size=0: it must be",
    "model.accumulate=0": "model.accumulate=0: it must be",
    "seed=-1": "seed=-1: it must be a whole number from 0",
    "trainer.max_epochs=abc": "trainer.max_epochs=abc: a whole number is expected",
    "trainer.max_epochs=0": "trainer.max_epochs=0: it must be -1 or a whole number, 1 or more",
    "data.workers=-1": "data.workers=-1: it must be a whole number, 0 or more, or null",
    "data.batch_size=1": "batch normalization needs two images at once or more",
    "metric=[]": "metric=[]: choose one or more of ",
    "model.generator.width=${nothing}": "model.generator.width: there is no key nothing for ${nothing}",
    "seed=${seed}": "seed: a reference ${…} leads back to its own place",
    "trainer.gradient_clip_val=1": "use model.gradient_clip= instead",
    "trainer.accumulate_grad_batches=2": "use model.accumulate= instead",
    "trainer.max_steps=3": "use images= instead",
    "trainer.limit_train_batches=0": "there is nothing to train on",
    "callbacks.budget=null": "callbacks.budget: without it training never ends",
    "callbacks.samples.rows=100000": "callbacks.samples.rows=100000: it must be a whole number from 1 to 1000",
    "scoring.every=0": "scoring.every=0: it must be",
    "scoring.samples=1": "scoring.samples=1: it must be a whole number, 2 or more",
    "metric=fidd": "metric=fidd: no such metric option; did you mean fid?",
    "metric=[fid,kidd]": "metric=kidd: no such metric option; did you mean kid?",
    "optimizer.generator.lr=fast": "optimizer.generator.lr=fast: a number is expected, for example",
    "data=image_folder": "data.root is not set: give data.root=",
    "--frobnicate": "--frobnicate: no such flag",
    "--config-dir=nowhere": "nowhere' not found",
    "--resolve": "can only be used in conjunction with --cfg",
}


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] if number % 2 else [])
        for number, case in enumerate(COMPOSITION.items())
    ],
    ids=COMPOSITION,
)
def test_a_wrong_setting_is_reported_with_a_remedy(ganexp, here, argument, answer):
    outcome = ganexp(argument)
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert not list(here.iterdir())


BUILDING = {
    "a size the network cannot generate": (["data.image_size=20"], "set data.image_size to 16 or 28"),
    "a size the tutorial cannot generate": (["model=dcgan_tutorial"], "set data.image_size to 28, not 8"),
    "a size without a ResNet architecture": (["model=sngan_resnet"], "set data.image_size to 32, 48, 64 or 128"),
    "a size without a BigGAN architecture": (["model=biggan"], "8x8: set data.image_size to 32 or 128"),
    "a size R3GAN cannot generate": (["model=r3gan", "data.image_size=20"], "set data.image_size to 16 or 28"),
    "a size ACGAN cannot generate": (["model=acgan", "data.image_size=20"], "set data.image_size to 16 or 28"),
    "a normalization without layers for it": (["model=r3gan", "normalization=batch"], "have no normalization layers"),
    "a negative weight": (
        ["model=wgan_gp", "penalty.gradient_penalty.weight=-1"],
        "penalty.gradient_penalty.weight=-1: it must be a number, 0",
    ),
    "no labels, auxiliary": (["model=acgan", "data=gaussians"], "the model needs labels and the data has none"),
    "no feature map": (["model=gan", "normalization=instance"], "nearest that works: normalization=layer"),
    "no labels": (["model=cgan", "data=gaussians"], "the model needs labels and the data has none"),
    "no labels, convolutional": (["model=cdcgan", "data=gaussians"], "the model needs labels and the data has none"),
    "a batch larger than the data": ([*TINY, "data.batch_size=5000"], "data.batch_size=1797 or less"),
    "wrong classes": ([*TINY, "data.num_classes=7"], "data.num_classes=10"),
    "several devices": ([*TINY, "trainer.devices=2"], "several devices train one run by trainer=ddp"),
    "an unknown precision": ([*TINY, "trainer.precision=foo"], "trainer: Precision 'foo' is invalid"),
    "an unknown Trainer argument": ([*TINY, "+trainer.foo=1"], "trainer: Trainer.__init__() got an unexpected"),
    "a malformed duration": ([*TINY, "trainer.max_time=abc"], "trainer: `Timer(duration='abc')` is not a valid"),
    "a negative learning rate": (
        [*TINY, "optimizer.generator.lr=-1"],
        "optimizer.generator.lr=-1: it must be a number, 0 or more",
    ),
    "a decay above one": ([*TINY, "ema.decay=2"], "ema.decay=2: it must be"),
    "an unknown power iteration": (
        [*TINY, "model.power_iteration=always"],
        "model.power_iteration=always: choose one of every_turn, every_forward",
    ),
    "a missing class": ([*TINY, "model._target_=ganexp.variants.gan.Gan"], "Gan"),
    "a metric of pairs": ([*TINY, "metric=psnr"], "metric psnr compares pairs of images: it needs an image-to-image"),
    "a rollback to no checkpoint": (
        ["doctor.rollback=true", "callbacks.checkpoints=null"],
        "callbacks.checkpoints=null writes none",
    ),
    "stages that a model does not draw": ([*TINY, "callbacks=stages"], "leave it out, or choose model=lapgan"),
    "an uneven split of a batch": ([*TINY, "model.accumulate=3"], "model.accumulate=3 does not divide the 64 images"),
}


@pytest.mark.parametrize(("arguments", "answer"), BUILDING.values(), ids=BUILDING)
@pytest.mark.thinned(2)
def test_a_configuration_that_cannot_be_built_or_trained_is_refused_in_one_line(ganexp, arguments, answer):
    outcome = ganexp(*arguments)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_a_missing_gpu_is_refused_in_one_line(ganexp, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    outcome = ganexp(*TINY, "trainer=gpu")
    assert outcome.status == 2
    assert "gpu" in outcome.complaint


@pytest.mark.parametrize("trainer", ["gpu", "ddp"])
@pytest.mark.parametrize(("count", "gpus"), [(0, "no GPUs"), (1, "1 GPU")])
def test_more_gpus_than_available_are_refused_in_one_line(ganexp, here, monkeypatch, trainer, count, gpus):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    outcome = ganexp(*TINY, f"trainer={trainer}", "trainer.devices=2")
    assert (outcome.status, outcome.complaint) == (
        2,
        f"trainer.devices=2: this machine has {gpus}; trainer=ddp uses all there are, trainer=ddp_cpu processors",
    )
    assert not list(here.rglob("config.yaml"))


@pytest.mark.parametrize("answer", ["nonsense", "imagse"])
def test_a_sweep_with_a_wrong_part_trains_nothing(ganexp, here, answer):
    sweep = {"nonsense": "loss=hinge,nonsense", "imagse": "imagse=1,2"}[answer]
    outcome = ganexp("-m", sweep)
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert not list(here.rglob("config.yaml"))


def test_broken_yaml_of_the_user_is_reported_with_file_and_line(ganexp, here):
    mine = here / "mine" / "data" / "broken.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("# Mine.\nname: x\nroot: [1\n")
    outcome = ganexp("--config-dir", here / "mine", "data=broken")
    assert outcome.status == 2
    assert f"{mine}, line 4: not valid YAML" in outcome.complaint


FILES = {
    "nothing": (b"", "it is empty"),
    "a comment": (b"# Mine.\n", "it is empty"),
    "a list": (b"- a\n- b\n", "it is something else"),
    "a number": (b"3\n", "it is something else"),
    "other bytes": (bytes(range(256)), "not a text file in UTF-8"),
}


@pytest.mark.parametrize(("content", "answer"), FILES.values(), ids=FILES)
def test_a_file_of_the_user_that_is_no_mapping_is_named(tmp_path, content, answer):
    mine = tmp_path / "optimizer" / "own.yaml"
    mine.parent.mkdir()
    mine.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{re.escape(str(mine))}: .*{answer}$"):
        check_option_files(["optimizer=own"], tmp_path)
    check_option_files(["optimizer=adam", "images=3"], tmp_path)


def test_an_option_that_ganexps_own_would_replace_is_refused(tmp_path):
    mine = tmp_path / "loss" / "hinge.yaml"
    mine.parent.mkdir()
    mine.write_text("_target_: mine.Hinge")
    with pytest.raises(UserError, match=r"hinge\.yaml: ganexp has an option loss=hinge too; give yours another name"):
        check_option_files(["loss=hinge"], tmp_path)
    check_option_files(["loss=lsgan"], tmp_path)


def test_a_long_key_is_shortened(ganexp):
    complaint = ganexp(f"{'a' * 5000}=3").complaint
    assert "no such option" in complaint
    assert len(complaint) < 400


def test_options_of_the_user_are_among_the_suggested_names(ganexp, here):
    mine = here / "mine" / "optimizer" / "own.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("generator:\n  lr: 1.0\n  warmth: 3\n")
    chosen = ["--config-dir", here / "mine", "optimizer=own"]
    assert "did you mean own?" in ganexp("--config-dir", here / "mine", "optimizer=onw").complaint
    assert "did you mean optimizer.generator.warmth?" in ganexp(*chosen, "optimizer.generator.wramth=1").complaint
    assert "warmth=hot: a whole number is expected" in ganexp(*chosen, "optimizer.generator.warmth=hot").complaint


def folder_of(pictures):
    return ["data=image_folder", f"data.root={pictures}", "data.image_size=16", *TINY]


@pytest.mark.parametrize("model", ["dcgan", "cdcgan", "cgan"])
def test_a_missing_folder_setting_is_requested(ganexp, here, model):
    assert ganexp(f"model={model}", "data=image_folder").complaint == "data.root is not set: give data.root=…"
    assert not list(here.iterdir())


@pytest.mark.parametrize("model", ["dcgan", "cdcgan"])
def test_a_folder_that_does_not_exist_is_named_with_its_setting(ganexp, here, model):
    outcome = ganexp(f"model={model}", "data=image_folder", "data.root=nowhere")
    assert outcome.status == 2
    assert outcome.complaint == "nowhere does not exist: give a folder of images (data.root=FOLDER)."
    assert not list(here.iterdir())


def test_missing_domain_settings_are_requested(ganexp, here):
    outcome = ganexp("model=cyclegan", "data=unpaired_folder")
    message = "data.root is not set: give data.root=FOLDER, or two domains by data.a=FOLDER data.b=FOLDER"
    assert (outcome.status, outcome.complaint) == (2, message)
    assert not list(here.iterdir())


@pytest.mark.parametrize("key", ["a", "test_b"])
def test_a_domain_that_does_not_exist_is_named_with_its_setting(ganexp, pictures, key):
    folders = {"a": pictures, "b": pictures, key: "nowhere"}
    given = [f"data.{name}={folder}" for name, folder in folders.items()]
    outcome = ganexp("model=cyclegan", "data=unpaired_folder", *given)
    assert outcome.complaint == f"nowhere does not exist: give a folder of images (data.{key}=FOLDER)."


def test_a_folder_of_images_that_is_empty_is_named(ganexp, here):
    (here / "empty").mkdir()
    assert "empty has no images" in ganexp(*folder_of(here / "empty")).complaint


@pytest.mark.parametrize("where", [[], ["data.in_memory=false", "data.workers=1"]], ids=["memory", "worker"])
def test_a_file_that_is_not_an_image_is_named(ganexp, pictures, where):
    (pictures / "07.png").write_bytes(b"no image")
    outcome = ganexp(*folder_of(pictures), *where)
    assert outcome.status == 2
    assert "1 of 70 images cannot be read: " in outcome.complaint
    assert "07.png" in outcome.complaint


def test_a_conditional_model_refuses_a_folder_without_labels(ganexp, pictures):
    outcome = ganexp("model=cgan", "data=image_folder", f"data.root={pictures}")
    assert outcome.status == 2
    assert "data.num_classes is null" in outcome.complaint


@pytest.mark.slow
def test_a_refused_run_leaves_its_folder_free_for_the_next(ganexp, here):
    assert ganexp(*TINY, "run_dir=mine", "data.batch_size=5000").status == 2
    assert not (here / "mine").exists()
    assert ganexp(*TINY, "run_dir=mine").status == 0


def test_a_folder_that_holds_a_run_is_not_overwritten(ganexp, finished):
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    outcome = ganexp(*TINY, f"run_dir={finished}")
    assert outcome.status == 2
    assert f"continue it with resume={finished}" in outcome.complaint
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_a_folder_that_cannot_be_made_is_named(ganexp, here):
    (here / "file").write_text("")
    outcome = ganexp(*TINY, "run_dir=file/run")
    assert outcome.status == 1
    assert "file/run: Not a directory" in outcome.complaint


def test_a_loss_that_is_not_finite_names_the_player_and_keeps_the_last_good_checkpoint(ganexp, here):
    import torch

    often = ["callbacks.checkpoints.every=64", "callbacks.curves.every=64"]
    # The learning rate is 0 for one batch, and far too high from then on.
    outcome = ganexp(*TINY, "run_dir=run", "schedule=warmup", "optimizer.discriminator.lr=1e30", *often)
    assert outcome.status == 2
    assert re.search("the (discriminator|generator)'s adversarial loss became (nan|inf)", outcome.complaint)
    checkpoint = here / "run" / "checkpoints" / "last.ckpt"
    contents = torch.load(checkpoint, weights_only=True)
    assert contents["ganexp"]["images_seen"] == 64
    tensors = [value for value in contents["state_dict"].values() if isinstance(value, torch.Tensor)]
    assert all(tensor.isfinite().all() for tensor in tensors)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]
    assert outcome.complaint in (here / "run" / "log.txt").read_text()


def test_an_option_that_an_analysis_lacks_is_refused_with_those_it_has():
    with pytest.raises(UserError, match=r"^input: no such option of analysis=projection\. There are: images, "):
        analyze.split(["run=DIR", "analysis=projection", "input=FOLDER"], ["projection"])
    with pytest.raises(UserError, match=r"^step: no such option of analysis=walk; did you mean steps\?"):
        analyze.split(["run=DIR", "step=3"], ["walk"])
    _, overrides = analyze.split(["run=DIR", "steps=3", "seed=1"], ["walk"])
    assert overrides == ["analysis=[walk]", "analysis.walk.steps=3", "seed=1"]
