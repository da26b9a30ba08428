"""Every analysis on every model that draws images from noise: it runs, or gives a reason against it in one line."""

import json

import pytest
import torch

from config.test_configs import DRAWING, tiny
from ganexp.config.build import build
from ganexp.config.composition import compose, conf_dir, groups
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from support.parts import thinned
from support.subjects import Pixels, rng, table

SMALL = [
    *("walk.walks=2", "walk.steps=2", "walk.length=2"),
    *("contact_sheet.n=3", "contact_sheet.columns=2"),
    *("neighbours.samples=4", "neighbours.k=2", "neighbours.shown=2"),
    *("arithmetic.plus=[[0,1,2],[3,4,5]]", "arithmetic.minus=[[6,7,8]]", "arithmetic.pool=4"),
    *("turn.start=[0,1,2]", "turn.end=[3,4,5]", "turn.measured=right", "turn.pool=4", "turn.samples=3", "turn.steps=3"),
    *("truncation.thresholds=[0.5]", "truncation.samples=4"),
    *("filters.images=20", "filters.layers=2", "filters.features=2", "filters.best=2"),
    *("forget.samples=20", "forget.counts=1", "forget.draws=2"),
    *("probe.labels=[12]", "probe.seeds=1"),
    *("spectrum.images=8", "equilibrium.images=8", "reconstruction.images=8"),
    *("latent_directions.directions=1", "latent_directions.steps=3", "latent_directions.random=2"),
]
"""The smallest settings of each analysis."""


@pytest.fixture(scope="module")
def analyses():
    names = groups(conf_dir())["analysis"]
    return build(
        compose("analyze", [f"analysis=[{','.join(names)}]", *(f"analysis.{option}" for option in SMALL)]).analysis
    )


@pytest.mark.parametrize("model", thinned(DRAWING, 4, first=1, slow=("biggan",)))
@pytest.mark.thinned(2)
def test_each_analysis_runs_or_gives_a_reason_against_it(model, analyses, tmp_path, monkeypatch):
    monkeypatch.setattr("ganexp.variants.samplers.base.STANDING_BATCHES", 1)
    # Drawing curves takes most of the time, and does not depend on the model.
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, file, **_: file.write(b"curves"))
    torch.manual_seed(0)
    config = tiny(model)
    subject = build_subject(build(config.model), config, 0)
    images = torch.randint(256, (30, *subject.shape), generator=rng(), dtype=torch.uint8)
    subject.load_training = lambda: table(images, torch.arange(30) % 10)
    subject.load_extractor = lambda _: Pixels()
    for name, analysis in analyses.items():
        reason = analysis.reason_against(subject)
        if reason is not None:
            assert "\n" not in reason
            continue
        out = tmp_path / name
        out.mkdir()
        try:
            figures = analysis(subject, out)
        except UserError as error:
            # An untrained network may have no map for a class.
            if not str(error).startswith("analysis=forget: no feature map draws class"):
                raise
            continue
        assert figures, name
        json.dumps(figures, allow_nan=False)
        assert [path for path in out.iterdir() if path.suffix in (".png", ".gif")], name
