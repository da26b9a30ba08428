"""Any number of scores from one pass of samples and one of features."""

import re
from collections import Counter
from functools import partial

import pytest
import torch
from hydra.utils import get_object

from ganexp.config.composition import conf_dir
from ganexp.data.gaussians import ring
from ganexp.data.memory import InMemory
from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.frechet import FrechetDistance
from ganexp.metrics.gaussian_kernel import GaussianMMD
from ganexp.metrics.inception_score import InceptionScore
from ganexp.metrics.kernel import KernelDistance
from ganexp.metrics.modes import Modes
from ganexp.metrics.neighbours import DensityCoverage, PrecisionRecall
from ganexp.metrics.reference import RealImages
from ganexp.metrics.score import SampleMetric
from ganexp.metrics.scoring import Measurement, RealSet, Scoring, build_extractors
from support.fakes import RealFeatures, features

METRICS = {
    FrechetDistance: {},
    KernelDistance: {},
    GaussianMMD: {},
    InceptionScore: {"splits": 2},
    PrecisionRecall: {},
    DensityCoverage: {},
    Modes: {"mixture": ring()},
}
CPU = torch.device("cpu")
SAMPLES = 40
KERNEL = partial(KernelDistance, subsets=3, subset_size=10)


class Counting(Extractor):
    """Four numbers of an image, and how often each image was seen."""

    def __init__(self, name):
        super().__init__(torch.nn.Identity(), {"network": name})
        self.scale = 1 + len(name)
        self.seen = Counter()

    def outputs(self, images):
        self.seen.update(image.numpy().tobytes() for image in images)
        values = images.flatten(1).float() / 255
        features = torch.stack([values.mean(1), values.std(1), values[:, 0], values[:, -1]], 1) * self.scale
        return {"features": features, "logits": 5 * features}


def images(number, seed):
    return torch.randint(0, 256, (number, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def real_set(split, number, seed):
    return RealSet(RealImages(InMemory(images(number, seed)), split), {"data": "pictures", "split": split})


FAKES = images(SAMPLES, 0)
MEASUREMENTS = [
    Measurement("fid", FrechetDistance, "classifier"),
    Measurement("is", partial(InceptionScore, splits=2), "classifier"),
    Measurement("kid", KERNEL, "classifier"),
    Measurement("prc", PrecisionRecall, "classifier"),
    Measurement("fid", FrechetDistance, "own"),
]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANEXP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def extractors():
    return {name: Counting(name) for name in ("classifier", "own")}


@pytest.fixture
def reals():
    return [real_set("train", 30, 1), real_set("test", 25, 2)]


def scoring_of(measurements, extractors, reals, samples):
    used = {name: each for name, each in extractors.items() if name in {m.extractor for m in measurements}}
    return Scoring(measurements, used, reals, samples, {"source": "test", "seed": 0}, CPU)


def results(scoring, order=None, batch=7):
    for numbers in (torch.arange(SAMPLES) if order is None else order).split(batch):
        scoring.update(FAKES[numbers], numbers)
    return scoring.compute()


def values(found):
    """Value and spread of scores by what tells them apart."""
    return {
        (r.name, r.protocol["fakes"]["samples"], r.protocol["reference"].get("split")): (
            r.score.value,
            0 if r.score.spread is None else r.score.spread,
        )
        for r in found
    }


def test_each_sample_is_seen_once_by_each_extractor(extractors, reals):
    scoring = scoring_of(MEASUREMENTS, extractors, reals, [10, 30, SAMPLES])
    for numbers in torch.arange(SAMPLES).split(7):
        scoring.update(FAKES[numbers], numbers)
    expected = Counter(image.numpy().tobytes() for image in FAKES)
    assert extractors["classifier"].seen == expected
    assert extractors["own"].seen == expected


def test_each_real_image_is_seen_once_for_moments_and_once_for_features(extractors, reals):
    results(scoring_of(MEASUREMENTS, extractors, reals[:1], [10, 30, SAMPLES]))
    for name, times in {"classifier": 2, "own": 1}.items():
        counts = {extractors[name].seen[image.numpy().tobytes()] for image in images(30, 1)}
        assert max(counts) <= times


def test_many_at_once_equal_each_alone(extractors, reals):
    together = values(results(scoring_of(MEASUREMENTS, extractors, reals, [10, 30, SAMPLES])))
    alone = {}
    for measurement in MEASUREMENTS:
        for real in reals:
            for samples in (10, 30, SAMPLES):
                scoring = scoring_of([measurement], extractors, [real], [samples])
                for numbers in torch.arange(samples).split(7):
                    scoring.update(FAKES[numbers], numbers)
                alone.update(values(scoring.compute()))
    assert together.keys() == alone.keys()
    for key, value in together.items():
        assert value == pytest.approx(alone[key], rel=1e-9, abs=1e-12), key


def test_a_metric_without_reference_appears_once_for_each_number_of_samples(extractors, reals):
    found = results(scoring_of(MEASUREMENTS, extractors, reals, [10, SAMPLES]))
    counts = Counter((r.name, r.protocol["fakes"]["samples"]) for r in found)
    assert {key: counts[key] for key in counts if key[0] == "is_classifier"} == {
        ("is_classifier", 10): 1,
        ("is_classifier", SAMPLES): 1,
    }
    assert counts["fid_classifier", SAMPLES] == counts["fid_own", 10] == 2


@pytest.mark.parametrize(
    ("score", "extractor", "name"),
    [
        ("fid", "inception", "fid"),
        ("fid", "classifier", "fid_classifier"),
        ("fid", "inception_clean", "fid_clean"),
        ("kid", "vgg", "kid_vgg"),
        ("modes", None, "modes"),
    ],
)
def test_a_name_tells_the_features(score, extractor, name):
    assert Measurement(score, FrechetDistance, extractor).name == name


def test_scores_of_one_metric_have_a_name_each(extractors, reals):
    scoring = scoring_of([Measurement("prc", PrecisionRecall, "classifier")], extractors, reals[:1], [SAMPLES])
    found = results(scoring)
    assert [r.name for r in found] == ["prc_classifier_precision", "prc_classifier_recall"]
    assert [r.protocol["metric"] for r in found] == [r.name for r in found]


def test_an_unknown_extractor_is_the_users_mistake(reals):
    known = {"classifier": lambda images, device: Counting("classifier")}
    with pytest.raises(UserError, match="extractor vgg: no such extractor; choose one of classifier"):
        build_extractors([Measurement("fid", FrechetDistance, "vgg")], known, reals[0].images, CPU)


def test_an_extractor_is_made_once_and_only_if_it_is_used(reals):
    made = Counter()

    def factory(name):
        def make(images, device):
            made[name] += 1
            return Counting(name)

        return make

    known = {name: factory(name) for name in ("classifier", "own", "inception")}
    built = build_extractors([*MEASUREMENTS, Measurement("modes", FrechetDistance)], known, reals[0].images, CPU)
    assert list(built) == ["classifier", "own"]
    assert made == {"classifier": 1, "own": 1}


def test_a_metrics_wrong_setting_is_the_users_mistake(extractors, reals):
    wrong = Measurement("kid", partial(KernelDistance, subset=3), "classifier")
    with pytest.raises(UserError, match=r"metric kid_classifier: .*subset"):
        scoring_of([wrong], extractors, reals, [SAMPLES])


@pytest.mark.parametrize("batch", [1, 13, SAMPLES])
def test_the_order_and_size_of_batches_do_not_matter(extractors, reals, batch):
    scoring = scoring_of(MEASUREMENTS, extractors, reals, [10, SAMPLES])
    forwards = values(results(scoring))
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))
    shuffled = values(results(scoring, order, batch))
    assert forwards.keys() == shuffled.keys()
    for key, value in forwards.items():
        assert shuffled[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


def test_computing_begins_anew(extractors, reals):
    scoring = scoring_of(MEASUREMENTS, extractors, reals, [SAMPLES])
    assert values(results(scoring)) == values(results(scoring))


@pytest.mark.parametrize(("metric", "settings"), METRICS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_metric_has_the_scores_whose_names_it_tells(metric, settings):
    made = metric(RealFeatures(features(30, 2)), 20, **settings)
    made.update(features(20, 2, seed=1), torch.arange(20))
    assert tuple(made.compute()) == metric.parts


def test_every_metric_of_the_config_group_tells_the_names_of_its_scores():
    texts = [path.read_text(encoding="utf-8") for path in (conf_dir() / "metric").glob("*.yaml")]
    targets = {target for text in texts for target in re.findall(r"_target_: (ganexp\.metrics\.\w+\.\w+)$", text, re.M)}
    metrics = [target for target in map(get_object, targets) if issubclass(target, SampleMetric)]
    assert set(metrics) == set(METRICS)


def test_too_few_images_for_a_metric_are_refused_before_any_is_made(extractors, reals):
    precision = partial(PrecisionRecall, k=24)
    scoring_of([Measurement("prc", precision, "own")], extractors, reals, [25])
    for samples, k in {24: 24, 25: 25}.items():
        precision = partial(PrecisionRecall, k=k)
        with pytest.raises(UserError, match=f"metric prc_own needs at least {k + 1} images"):
            scoring_of([Measurement("prc", precision, "own")], extractors, reals, [samples])
