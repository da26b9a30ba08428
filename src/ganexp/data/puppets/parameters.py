"""Parameters of a drawn puppet: who it is, and how it holds its head."""

import math
from typing import NamedTuple

import numpy as np

from ganexp.numerics.randomness import derived_seed

Colour = tuple[float, float, float]

LIGHT, DARK = np.array([0.98, 0.86, 0.74]), np.array([0.42, 0.26, 0.18])
HAIRS = np.array([[0.12, 0.09, 0.08], [0.40, 0.22, 0.10], [0.85, 0.68, 0.30], [0.70, 0.25, 0.12], [0.65, 0.65, 0.68]])


class Identity(NamedTuple):
    """Who a puppet is: shapes in the picture's unit, half of its shorter side, and colours in [0, 1]."""

    face: tuple[float, float]
    """Half of the face's width and of its height."""
    power: float
    """The exponent of the face's superellipse: 2 is an ellipse, more is squarer."""
    eye_distance: float
    hair_length: float
    fringe: float
    glasses: bool
    stripe_angle: float
    stripe_period: float
    skin: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    stripe: Colour
    background: Colour


class Pose(NamedTuple):
    """How a puppet holds its head: angles in radians, openings from 0 to 1, and a shift in the picture's unit."""

    turn: float
    tilt: float
    nod: float
    mouth: float
    smile: float
    left_eye: float
    right_eye: float
    shift: tuple[float, float]


MOST_TURN, MOST_TILT, MOST_NOD = 0.5, 0.35, 0.25
MOST_SHIFT = 0.08
FIRST_TEST_PUPPET = 2**32
"""Puppets of the test split, from this number on, are others than those of the training split."""


def identity(seed: int, number: int) -> Identity:
    """Return the puppet of a number, a function of the two alone."""
    rng = np.random.default_rng(derived_seed(seed, "puppet", number))
    skin = LIGHT + rng.uniform() * (DARK - LIGHT)
    hair = np.clip(HAIRS[rng.integers(len(HAIRS))] + rng.uniform(-0.06, 0.06, 3), 0, 1)
    return Identity(
        face=(rng.uniform(0.36, 0.46), rng.uniform(0.46, 0.54)),
        power=rng.uniform(1.9, 2.8),
        eye_distance=rng.uniform(0.36, 0.48),
        hair_length=rng.uniform(0, 1),
        fringe=rng.uniform(0.55, 0.8),
        glasses=bool(rng.uniform() < 0.3),
        stripe_angle=rng.uniform(0, math.pi),
        stripe_period=rng.uniform(0.16, 0.32),
        skin=_colour(skin),
        hair=_colour(hair),
        iris=_colour(rng.uniform(0.1, 0.6, 3)),
        shirt=_colour(rng.uniform(0.1, 0.9, 3)),
        stripe=_colour(rng.uniform(0.1, 0.9, 3)),
        background=_colour(rng.uniform(0.55, 0.95, 3)),
    )


def pose(seed: int, number: int, purpose: str) -> Pose:
    """Return the pose of a number for a purpose, such as the source or the target, a function of the three alone."""
    rng = np.random.default_rng(derived_seed(seed, f"puppet pose {purpose}", number))
    blinks = rng.uniform() < 0.15
    eyes = (rng.uniform(0, 0.25), rng.uniform(0, 0.25)) if blinks else (rng.uniform(0.5, 1), rng.uniform(0.5, 1))
    return Pose(
        turn=rng.uniform(-MOST_TURN, MOST_TURN),
        tilt=rng.uniform(-MOST_TILT, MOST_TILT),
        nod=rng.uniform(-MOST_NOD, MOST_NOD),
        mouth=rng.uniform() ** 1.5,
        smile=rng.uniform(-0.5, 1),
        left_eye=eyes[0],
        right_eye=eyes[1],
        shift=(rng.uniform(-MOST_SHIFT, MOST_SHIFT), rng.uniform(-MOST_SHIFT, MOST_SHIFT)),
    )


def clip(frames: int) -> list[Pose]:
    """Return the poses of an endless clip: the head turns and tilts, the mouth opens twice, and the eyes blink once."""
    return [_clip_pose(2 * math.pi * frame / frames) for frame in range(frames)]


def _clip_pose(phase: float) -> Pose:
    blink = 1 - math.exp(-(((phase - math.pi) / 0.25) ** 2))
    return Pose(
        turn=MOST_TURN * math.sin(phase),
        tilt=0.7 * MOST_TILT * math.sin(phase + 1),
        nod=0.6 * MOST_NOD * math.sin(2 * phase),
        mouth=0.5 - 0.5 * math.cos(2 * phase),
        smile=0.25 + 0.75 * math.cos(phase),
        left_eye=0.9 * blink,
        right_eye=0.9 * blink,
        shift=(0.5 * MOST_SHIFT * math.sin(phase), 0.0),
    )


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
