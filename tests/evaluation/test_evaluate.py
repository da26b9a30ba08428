"""``ganexp evaluate``: scores of runs and of folders."""

import json
import re
import struct

import pytest
import torch
from PIL import Image
from rich.console import Console

from ganexp.cli.evaluate import split
from ganexp.evaluation.score_table import score_table
from ganexp.metrics.score import Score
from ganexp.metrics.scoring import Result

METRICS = "metric=[fid_classifier,is_classifier]"


def scores(path):
    return json.loads(path.read_text())["scores"]


def folder_of(here, name, shades, size=(16, 16), mode="RGB"):
    folder = here / name
    folder.mkdir()
    rng = torch.Generator().manual_seed(len(name))
    for number, shade in enumerate(shades):
        pixels = torch.randint(0, 40, (size[1], size[0]), generator=rng) + shade
        image = Image.fromarray(pixels.clamp(0, 255).to(torch.uint8).numpy()).convert(mode)
        image.save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def reals(here):
    return folder_of(here, "real", range(0, 200, 5))


def test_a_run_is_scored_with_value_spread_and_protocol(ganexp, run):
    outcome = ganexp("evaluate", f"run={run}", METRICS, "samples=70")
    assert outcome.status == 0
    fid, inception_score = scores(run / "scores.json")
    assert (fid["name"], inception_score["name"]) == ("fid_classifier", "is_classifier")
    assert fid["value"] > 0
    assert inception_score["spread"] > 0
    assert fid["images_seen"] == 256
    assert fid["protocol"]["reference"]["images"] == 1797
    assert fid["protocol"]["fakes"]["samples"] == 70
    assert fid["protocol"]["features"]["held_out_accuracy"] > 0.9
    assert "fid_classifier" in outcome.out
    assert f"{fid['value']:.4g}" in outcome.out


def test_one_pass_gives_a_column_for_each_number_of_samples(ganexp, run):
    outcome = ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=[70,128]")
    assert [entry["protocol"]["fakes"]["samples"] for entry in scores(run / "scores.json")] == [70, 128]
    assert "the columns of fid_classifier are not comparable: fakes.samples: 70 against 128" in outcome.out
    alone = ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=128")
    values = {entry["protocol"]["fakes"]["samples"]: entry["value"] for entry in scores(run / "scores.json")}
    assert f"{values[128]:.4g}" in alone.out


def test_scores_of_one_protocol_replace_each_other_and_others_stay(ganexp, run):
    ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=70")
    ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=128")
    ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=70")
    assert [entry["protocol"]["fakes"]["samples"] for entry in scores(run / "scores.json")] == [128, 70]


def test_runs_of_a_sweep_are_scored_under_their_names_with_commas(ganexp, run):
    named = run.rename(run.with_name("[x] loss=hinge,seed=0"))
    assert ganexp("evaluate", f"run={named}", "metric=fid_classifier", "samples=70").status == 0
    assert len(scores(named / "scores.json")) == 1


def test_several_paths_are_given_as_a_list_or_one_by_one(here):
    (here / "a,b").mkdir()
    texts = ["run=a,b", "run=[c, d]", "run=e,f", f"run=[{','.join(['g' * 200] * 30)}]", "out=x,y.json", "trust=m.A,m.B"]
    paths, _ = split(texts)
    assert paths.run == ["a,b", "c", "d", "e", "f", *["g" * 200] * 30]
    assert (paths.out, paths.trust) == (["x,y.json"], ["m.A", "m.B"])


@pytest.mark.slow
def test_several_seeds_give_a_mean_and_a_deviation(ganexp, run):
    values = []
    for seed in (0, 1):
        ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=70", f"seeds={seed}")
        values.append(scores(run / "scores.json")[-1]["value"])
    ganexp("evaluate", f"run={run}", "metric=fid_classifier", "samples=70", "seeds=[0,1]")
    both = scores(run / "scores.json")[-1]
    assert both["value"] == pytest.approx(sum(values) / 2)
    assert both["spread"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert both["protocol"]["fakes"]["seed"] == [0, 1]


def test_runs_are_ranked_by_one_protocol_only(ganexp, run, unlabelled):
    both = [f"run={run}", f"run={unlabelled}", "metric=fid_classifier", "samples=70"]
    ranked = ganexp("evaluate", *both, "rank=fid_classifier")
    assert "by fid_classifier, lower is better:\n1. " in ranked.out
    before = (run / "scores.json").read_text()
    several = ganexp("evaluate", *both[:3], "samples=[70,80]", "rank=fid_classifier")
    assert several.status == 2
    assert "it would be computed with several numbers of samples, 70,80; choose one" in several.complaint
    assert "has no such score; it has fid_classifier" in ganexp("evaluate", *both, "rank=kid").complaint
    # Both are known before anything is scored.
    assert (run / "scores.json").read_text() == before


@pytest.mark.slow
def test_runs_on_different_data_are_never_ranked_together(ganexp, run, here, reals):
    other = here / "other"
    assert ganexp(
        "data=image_folder", f"data.root={reals}", "data.image_size=16", "data.batch_size=32", "images=64",
        "model=dcgan", "model.generator.width=8", "model.discriminator.width=8", "metric=none", f"run_dir={other}",
    ).status == 0  # fmt: skip
    outcome = ganexp(
        "evaluate", f"run={run}", f"run={other}", "metric=fid_classifier", "samples=70", "rank=fid_classifier"
    )
    assert outcome.status == 2
    assert "scored under different protocols, which cannot be ranked together" in outcome.complaint
    assert "reference.data: digits against image_folder" in outcome.complaint


def test_a_folder_against_itself_is_at_distance_zero(ganexp, here, reals):
    outcome = ganexp(
        "evaluate", f"fake={reals}", f"real={reals}", "metric=[fid_classifier,prc_classifier]", "out=s.json"
    )
    assert outcome.status == 0
    values = {entry["name"]: entry["value"] for entry in scores(here / "s.json")}
    assert values["fid_classifier"] == pytest.approx(0, abs=1e-6)
    assert values["prc_classifier_precision"] == values["prc_classifier_recall"] == 1


def test_a_folder_is_scored_against_a_data_set(ganexp, here):
    fakes = folder_of(here, "fakes", range(30), size=(8, 8), mode="L")
    assert ganexp("evaluate", f"fake={fakes}", "data=digits", METRICS).status == 0
    assert scores(here / "scores.json")[0]["protocol"]["reference"]["data"] == "digits"
    assert scores(here / "scores.json")[0]["protocol"]["fakes"]["samples"] == 30


def test_samples_of_a_run_are_scored_as_a_folder_with_the_score_of_the_run(ganexp, here, unlabelled):
    assert ganexp("sample", f"run={unlabelled}", "n=70", "out=drawn").status == 0
    assert ganexp("evaluate", "fake=drawn", "data=digits", "metric=fid_classifier").status == 0
    ganexp("evaluate", f"run={unlabelled}", "metric=fid_classifier", "samples=70")
    of_folder, of_run = scores(here / "scores.json")[0], scores(unlabelled / "scores.json")[-1]
    assert of_folder["protocol"]["fakes"]["samples"] == 70
    assert of_folder["value"] == pytest.approx(of_run["value"], rel=1e-6)


def test_the_best_and_the_last_weights_are_scored_apart(ganexp, run):
    (run / "checkpoints" / "best.ckpt").write_bytes((run / "checkpoints" / "last.ckpt").read_bytes())
    for checkpoint in ("last", "best"):
        settings = ["metric=fid_classifier", "samples=70", f"checkpoint={checkpoint}"]
        assert ganexp("evaluate", f"run={run}", *settings).status == 0
    assert [entry["protocol"]["fakes"]["checkpoint"] for entry in scores(run / "scores.json")] == ["last", "best"]


@pytest.mark.slow
def test_toy_data_is_scored_by_its_modes(ganexp, here):
    assert ganexp(
        "model=gan", "data=gaussians", "data.points=512", "images=1024", "run_dir=run", "scoring.samples=100"
    ).status == 0  # fmt: skip
    covered, quality = scores(here / "run" / "scores.json")
    assert (covered["name"], quality["name"]) == ("modes_covered", "modes_quality")
    assert 0 <= covered["value"] <= 8
    assert 0 <= quality["value"] <= 1
    assert ganexp("evaluate", "run=run", "samples=100").status == 0


REFUSED = {
    "nothing": ([], "evaluate needs run=DIR, or a folder of images"),
    "no reals": (["fake=real"], "fake=DIR needs real images to compare with"),
    "two kinds of reals": (["fake=real", "real=real", "data=mnist"], "both name the real images"),
    "no run": (["run=real"], "real is not a run's folder"),
    "no folder": (["fake=nowhere", "real=real"], "nowhere does not exist: give a folder of images (fake=FOLDER)"),
    "no folder of reals": (["fake=real", "real=nowhere"], "give a folder of images (real=FOLDER)"),
    "an empty folder": (["fake=empty", "real=real"], "empty has no images"),
    "no images": (["fake=text", "real=real"], "1 of 1 images cannot be read: "),
    "several sizes": (
        ["fake=large", "real=real"],
        "(fake: 24x24; real: 16x16), and resizing changes every score; choose the size",
    ),
    "other shapes": (["fake=wide", "real=real"], "not all of one size (fake: 24x16; real: 16x16)"),
    "other channels": (["fake=grey", "real=real"], "number of channels (fake: 1; real: 3); compare them in colour"),
    "another size than the data": (["fake=grey", "data=digits"], "fake: 16x16; the data has 8x8"),
    "more samples than images": (["fake=real", "real=real", "samples=50"], "samples=50: real has only 40 images"),
    "one sample": (
        ["fake=real", "real=real", "samples=1"],
        "samples=[1]: it must be a list of values, 1 or more, each a whole number, 2 or more",
    ),
    "no metric": (["fake=real", "real=real", "metric=none"], "metric: no metric is configured"),
    "a metric of pairs": (["fake=real", "real=real", "metric=psnr"], "metric psnr compares pairs of images: it needs"),
    "a mistyped metric": (["fake=real", "real=real", "metric=fdi"], "no such metric option; did you mean fid?"),
    "a mistyped option": (["fake=real", "real=real", "sampels=3"], "sampels: no such option; did you mean samples?"),
    "a mistyped setting": (
        ["fake=real", "real=real", "+metric.fid_classifier.metric.foo=1"],
        "metric fid_classifier: ",
    ),
    "no such extractor": (
        ["fake=real", "real=real", "metric.fid_classifier.extractor=vgg"],
        "extractor vgg: no such extractor; choose one of inception, ",
    ),
    "splits of a folder": (["fake=real", "real=real", "reference=[train,test]"], "image_folder has no splits"),
    "truncation of images that are drawn": (
        ["fake=real", "real=real", "truncation=1"],
        "applies to the noise of a run",
    ),
    "labels": (["run=real", "labels=[3]"], "labels=[3]: scores are of samples of every class"),
    "no such checkpoint": (["fake=real", "real=real", "checkpoint=first"], "checkpoint=first: choose last or best"),
}


@pytest.mark.parametrize(("arguments", "answer"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_is_refused_in_one_line(ganexp, here, reals, arguments, answer):
    folder_of(here, "large", range(5), size=(24, 24))
    folder_of(here, "wide", range(5), size=(24, 16))
    folder_of(here, "grey", range(5), mode="L")
    (here / "empty").mkdir()
    (here / "text").mkdir()
    (here / "text" / "a.png").write_text("no image")
    outcome = ganexp("evaluate", *arguments)
    assert outcome.status == 2
    assert answer in outcome.complaint
    assert not (here / "scores.json").exists()


@pytest.mark.parametrize("metric", ["psnr", "ssim", "l1", "lpips", "cycle"])
def test_metrics_of_pairs_are_refused_for_a_run_that_draws_from_noise(ganexp, unlabelled, metric):
    outcome = ganexp("evaluate", f"run={unlabelled}", f"metric={metric}")
    assert outcome.status == 2
    assert outcome.complaint.startswith(f"metric {metric} compares pairs of images: it needs an image-to-image model")


def test_other_data_are_scored_in_the_shape_of_the_run(ganexp, unlabelled, reals):
    fid = ["metric=fid_classifier", "samples=70"]
    assert ganexp("evaluate", f"run={unlabelled}", f"real={reals}", *fid).status == 0
    reference = scores(unlabelled / "scores.json")[-1]["protocol"]["reference"]
    assert (reference["data"], reference["image_size"], reference["channels"]) == ("image_folder", 8, 1)
    assert ganexp("evaluate", f"run={unlabelled}", f"real={reals}", *fid, "data.image_size=[8,8]").status == 0


@pytest.mark.parametrize(("setting", "own"), [("data.image_size=16", "8"), ("data.channels=3", "1")])
def test_another_shape_than_that_of_the_run_is_refused(ganexp, unlabelled, reals, setting, own):
    outcome = ganexp("evaluate", f"run={unlabelled}", f"real={reals}", "metric=fid_classifier", setting)
    assert outcome.status == 2
    assert re.fullmatch(rf"data\..*: the images of run={unlabelled} have {own}, and .* leave it out", outcome.complaint)


def test_sizes_may_differ_when_the_user_says_at_which_to_compare(ganexp, here, reals):
    large = folder_of(here, "large", range(40), size=(24, 24))
    assert ganexp("evaluate", f"fake={large}", f"real={reals}", METRICS, "data.image_size=16").status == 0
    assert scores(here / "scores.json")[0]["protocol"]["reference"]["image_size"] == 16


@pytest.mark.parametrize(
    ("value", "answer"), [("abc", "truncation=abc: it must be a number above 0"), ("0.5", "is not normal")]
)
def test_a_truncation_that_cannot_be_is_refused(ganexp, unlabelled, value, answer):
    outcome = ganexp("evaluate", f"run={unlabelled}", f"truncation={value}", "samples=10", METRICS)
    assert outcome.status == 2
    assert answer in outcome.complaint


def test_a_checkpoint_of_another_architecture_is_refused(ganexp, run, unlabelled):
    (run / "checkpoints" / "last.ckpt").write_bytes((unlabelled / "checkpoints" / "last.ckpt").read_bytes())
    outcome = ganexp("evaluate", f"run={run}", METRICS, "samples=70")
    assert outcome.status == 2
    assert "does not fit the model in config.yaml" in outcome.complaint


def test_weights_that_are_not_finite_are_told_before_a_score(ganexp, run):
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for tensor in checkpoint["state_dict"].values():
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            tensor.fill_(float("nan"))
    torch.save(checkpoint, path)
    outcome = ganexp("evaluate", f"run={run}", METRICS, "samples=70")
    assert outcome.status == 2
    assert "not finite" in outcome.complaint
    assert not (run / "scores.json").exists()


def idx_files(folder, prefix, count):
    """Write images and labels in MNIST's format: each class a brighter square."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = torch.arange(count) % 10
    noise = torch.randint(0, 20, (count, 28, 28), generator=torch.Generator().manual_seed(count))
    images = (labels.view(-1, 1, 1) * 20 + noise).to(torch.uint8)
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(
        struct.pack(">4I", 2051, count, 28, 28) + bytes(images.numpy())
    )
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        struct.pack(">2I", 2049, count) + bytes(labels.to(torch.uint8).numpy())
    )


def test_one_pass_is_scored_against_the_training_and_the_test_split(ganexp, here):
    idx_files(here / "data" / "MNIST" / "raw", "train", 60)
    idx_files(here / "data" / "MNIST" / "raw", "t10k", 40)
    fakes = folder_of(here, "fakes", range(0, 200, 10), size=(28, 28), mode="L")
    mnist = ["data=mnist", f"data_root={here / 'data'}", "data.source.download=false"]
    outcome = ganexp("evaluate", f"fake={fakes}", *mnist, METRICS, "reference=[train,test]")
    assert outcome.status == 0
    found = scores(here / "scores.json")
    assert [entry["name"] for entry in found] == ["fid_classifier", "fid_classifier", "is_classifier"]
    assert [(e["protocol"]["reference"]["split"], e["protocol"]["reference"]["images"]) for e in found[:2]] == [
        ("train", 60),
        ("test", 40),
    ]
    assert found[0]["protocol"]["features"] == found[1]["protocol"]["features"]
    assert "the columns of fid_classifier are not comparable: reference.split: train against test" in outcome.out


def test_published_numbers_stand_beside_with_what_makes_them_incomparable():
    protocol = {
        "metric": "fid",
        "features": {"network": "inception", "weights": "6726825d" + 8 * "0"},
        "reference": {"data": "cifar10", "split": "train", "image_size": 32, "images": 50_000},
        "fakes": {"samples": 10_000},
        "settings": {},
    }
    console = Console(width=200, record=True)
    table = score_table({"mine": [Result("fid", Score(20.0), False, protocol)]}, [protocol])
    console.print(table)
    shown = console.export_text()
    assert "published: " in shown
    assert "not comparable: fakes.samples: 10000 against 50000" in shown
