"""Adaptive discriminator augmentation: stronger the more the discriminator overfits (arXiv 2006.06676)."""

from ganexp.augmentation.multipliers import Multipliers
from ganexp.augmentation.probabilistic import ProbabilisticAugmentation, Resample
from ganexp.augmentation.sign_adaptation import SignAdaptation, require_probability
from ganexp.augmentation.transformations import resampled


class AdaptiveAugmentation(SignAdaptation, ProbabilisticAugmentation):
    """Flips, rotations, scaling, translations and colour changes, applied with probability ``p`` each.

    Every 4 batches p is adjusted so that r_t, the mean sign of the logits of real images, approaches ``target``
    (section 3.1), at a rate of 1 per ``images_to_full`` images. p and the observations since its last update are part
    of the state. As in the paper's final setting, its frequency-band, noise and cutout transformations are left out
    unless ``multipliers`` has cutout. ``resample`` is `wavelet_resampled` as in the paper, or faster, without its
    filters. Raises UserError unless p is in [0, 1], the target in [-1, 1] and ``images_to_full`` positive.
    """

    def __init__(
        self,
        p: float = 0.0,
        target: float = 0.6,
        images_to_full: int = 500_000,
        multipliers: Multipliers | None = None,
        resample: Resample = resampled,
    ) -> None:
        require_probability(p)
        super().__init__(p, multipliers, resample)
        self.adapt_to(target, images_to_full)
