"""Invalid options of analyses are refused by their constructors."""

import pytest

from ganexp.analysis.equilibrium import EquilibriumAnalysis
from ganexp.analysis.feature_ablation import FeatureAblation
from ganexp.analysis.filters import Filters
from ganexp.analysis.latent_directions import LatentDirections
from ganexp.analysis.linear_probe import LinearProbe
from ganexp.analysis.spectrum import SpectrumAnalysis
from ganexp.errors import UserError


@pytest.mark.parametrize(
    ("analysis", "options", "message"),
    [
        (LinearProbe, {"seeds": 0}, "seeds=0: it must be 1 or more"),
        (LinearProbe, {"labels": ["a"]}, "labels=.*numbers of labels are expected"),
        (LinearProbe, {"labels": [0]}, "labels=0: it must be 1 or more"),
        (FeatureAblation, {"label": 0.5}, "label=0.5: the number of a class is expected"),
        (FeatureAblation, {"samples": 1}, "samples=1: it must be 2 or more"),
        (FeatureAblation, {"strength": 0.0}, "strength=0.0: it must be above 0"),
        (Filters, {"best": 0}, "best=0: it must be 1 or more"),
        (LatentDirections, {"steps": 1}, "steps=1: it must be 2 or more"),
        (SpectrumAnalysis, {"images": 1}, "images=1: it must be 2 or more"),
        (EquilibriumAnalysis, {"images": 0}, "images=0: it must be 2 or more"),
    ],
)
def test_a_wrong_option_is_named(analysis, options, message):
    with pytest.raises(UserError, match=message):
        analysis(**options)
