"""Kinds that many settings share: counts, sizes, shares, weights, seeds."""

from ganexp.config.kinds import exactly, image_size, list_of, number, whole

LARGEST_SEED = 2**32 - 1
"""NumPy accepts no larger one."""

COUNT = whole(1)
SIZE = whole(1)
IMAGE_SIZE = image_size()
SHARE = number(0, 1)
WEIGHT = number(0)
ARCHITECTURE = exactly("skip", "residual", "orig")
"""Forms of StyleGAN2's networks."""
BOX = list_of(SHARE, length=4)
SEED = whole(0, LARGEST_SEED)
