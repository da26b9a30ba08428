"""Drawing of puppets, with the exact places of their landmarks."""

import math
from typing import NamedTuple

import numpy as np

from ganexp.data.puppets.parameters import Colour, Identity, Pose
from ganexp.data.puppets.shapes import Canvas, Coordinates, band, box, coverage, ellipse, stripes
from ganexp.image_size import ImageSize

LANDMARKS = (
    "left jaw",
    "chin",
    "right jaw",
    "left brow",
    "right brow",
    "left upper lid",
    "left lower lid",
    "right upper lid",
    "right lower lid",
    "nose",
    "left corner of the mouth",
    "right corner of the mouth",
    "upper lip",
    "lower lip",
)
"""The names of the landmarks, left and right as in the picture."""
NECK = (0.0, 0.62)
"""The point that a head turns about when it tilts."""
CENTRE = (0.0, -0.06)
WHITE, BLACK, MOUTH, LIP = (0.97, 0.97, 0.97), (0.08, 0.08, 0.1), (0.35, 0.05, 0.08), (0.72, 0.28, 0.28)
LARGEST_EYE = 0.062


class Feature(NamedTuple):
    """The place of a part of the face on the turned head, and how much narrower it appears."""

    x: float
    y: float
    width: float


class Frame(NamedTuple):
    """A drawn puppet, uint8 (H, W, 3), and its landmarks (K, 2), (x, y) in pixels."""

    picture: np.ndarray
    landmarks: np.ndarray


def draw(identity: Identity, pose: Pose, image_size: ImageSize) -> Frame:
    """Return a puppet in a pose, with anti-aliased edges at any size; its unit is half of the shorter side."""
    height, width = image_size
    unit = min(image_size) / 2
    columns, rows = np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2
    y, x = np.meshgrid(rows / unit, columns / unit, indexing="ij")
    picture = Coordinates(x.astype(np.float32), y.astype(np.float32), 1 / unit)
    face = Face(identity, pose)
    canvas = Canvas(height, width, identity.background)
    head = face.in_head(picture)
    _paint_body(canvas, identity, picture, head, face)
    _paint_head(canvas, identity, head, face)
    _paint_eyes(canvas, identity, head, face, pose)
    _paint_mouth(canvas, head, face)
    return Frame(canvas.bytes(), face.in_picture(face.landmarks()) * unit + np.array([width / 2, height / 2]))


def signed_unit(landmarks: np.ndarray, image_size: ImageSize) -> np.ndarray:
    """Return landmarks (…, 2) in pixels as (x, y) in [-1, 1], the edges of the picture."""
    scaled: np.ndarray = 2 * np.asarray(landmarks) / np.array([image_size.width, image_size.height]) - 1
    return scaled


class Face:
    """The geometry of a face: places of its parts in the frame of the head, which tilts and shifts in the picture."""

    def __init__(self, identity: Identity, pose: Pose) -> None:
        self.half_width, self.half_height = identity.face
        self.turn, self.nod = pose.turn, pose.nod
        self.cosine, self.sine = math.cos(pose.tilt), math.sin(pose.tilt)
        self.shift = pose.shift
        self.eye_openings = (pose.left_eye, pose.right_eye)
        self.eyes = [self.feature(sign * identity.eye_distance, -0.12) for sign in (-1, 1)]
        self.brows = [self.feature(sign * identity.eye_distance, -0.36) for sign in (-1, 1)]
        self.nose = self.feature(0.0, 0.16, 1.15)
        self.mouth = self.feature(0.0, 0.52)
        self.mouth_width = 0.3 * self.half_width * (1 + 0.25 * pose.smile)
        self.mouth_height = 0.015 + 0.085 * pose.mouth
        self.corner_lift = 0.05 * pose.smile

    def feature(self, across: float, down: float, reach: float = 1.0) -> Feature:
        """Return the place of a part at an angle and a height on the head, an ellipsoid that has turned and nodded."""
        angle, elevation = across * 1.1 + self.turn, down + 0.8 * self.nod
        y = CENTRE[1] + self.half_height * elevation
        x = CENTRE[0] + reach * self.half_width * math.sin(angle)
        return Feature(x, y, max(0.25, math.cos(angle)))

    def landmarks(self) -> np.ndarray:
        """Return the landmarks (K, 2) in the frame of the head."""
        jaw = 0.45 * self.half_height + CENTRE[1]
        side = 0.85 * self.half_width
        chin = (0.3 * self.half_width * math.sin(self.turn), CENTRE[1] + 0.97 * self.half_height)
        lids = [(eye.x, eye.y + sign * height) for eye, height in self.openings() for sign in (-1, 1)]
        x, y = self.mouth.x, self.mouth.y
        reach = self.mouth_width * self.mouth.width
        corners = [(x + sign * reach, y - self.corner_lift) for sign in (-1, 1)]
        lips = [(x, y + sign * self.mouth_height) for sign in (-1, 1)]
        brows = [(brow.x, brow.y) for brow in self.brows]
        nose = (self.nose.x, self.nose.y)
        return np.array([(-side, jaw), chin, (side, jaw), *brows, *lids, nose, *corners, *lips])

    def openings(self) -> list[tuple[Feature, float]]:
        """Return each eye with half the height of its opening."""
        return [
            (eye, LARGEST_EYE * (0.1 + 0.9 * opening))
            for eye, opening in zip(self.eyes, self.eye_openings, strict=True)
        ]

    def in_picture(self, points: np.ndarray) -> np.ndarray:
        """Return points (K, 2) of the head's frame in the picture's, both in units."""
        x, y = points[:, 0] - NECK[0], points[:, 1] - NECK[1]
        turned = np.stack([self.cosine * x - self.sine * y, self.sine * x + self.cosine * y], 1)
        placed: np.ndarray = turned + np.array(NECK) + np.array(self.shift)
        return placed

    def in_head(self, at: Coordinates) -> Coordinates:
        """Return the places of pixels in the frame of the head: the inverse of `in_picture`."""
        x, y = at.x - NECK[0] - self.shift[0], at.y - NECK[1] - self.shift[1]
        return Coordinates(
            self.cosine * x + self.sine * y + NECK[0], -self.sine * x + self.cosine * y + NECK[1], at.pixel
        )


def _paint_body(canvas: Canvas, identity: Identity, at: Coordinates, head: Coordinates, face: Face) -> None:
    """Paint the hair behind the head, the striped shirt and the neck."""
    half_width, half_height = face.half_width, face.half_height
    length = CENTRE[1] - 0.1 + (0.35 + 0.75 * identity.hair_length) * half_height
    hair = np.minimum(
        ellipse(head, (CENTRE[0], CENTRE[1] - 0.08), (half_width * 1.18, half_height * 1.08)),
        box(head, -half_width * 1.15, CENTRE[1] - 0.1, half_width * 1.15, length),
    )
    canvas.paint(hair, at.pixel, identity.hair)
    shirt = ellipse(at, (0.0, 1.12), (0.82, 0.5))
    canvas.paint(shirt, at.pixel, identity.shirt)
    canvas.paint(
        stripes(at, identity.stripe_angle, identity.stripe_period), at.pixel, identity.stripe, coverage(shirt, at.pixel)
    )
    shade = _shaded(identity.skin, 0.85)
    canvas.paint(band(at, ((0.0, 0.72), tuple(_chin(face))), 0.26), at.pixel, shade)  # type: ignore[arg-type]


def _chin(face: Face) -> tuple[float, float]:
    x, y = face.in_picture(np.array([[0.0, CENTRE[1] + 0.6 * face.half_height]]))[0]
    return float(x), float(y)


def _paint_head(canvas: Canvas, identity: Identity, head: Coordinates, face: Face) -> None:
    """Paint the face, the fringe, the brows and the nose."""
    outline = ellipse(head, CENTRE, (face.half_width, face.half_height), identity.power)
    canvas.paint(outline, head.pixel, identity.skin)
    inside = coverage(outline, head.pixel)
    # A pixel wider than the face, so that no skin shows between the fringe and the hair behind.
    around = coverage(outline - head.pixel, head.pixel)
    fringe = box(head, -1, -2, 1, CENTRE[1] - identity.fringe * face.half_height + 0.5 * face.nod * face.half_height)
    canvas.paint(fringe, head.pixel, identity.hair, around)
    for brow in face.brows:
        ends = ((brow.x - 0.09 * brow.width, brow.y), (brow.x + 0.09 * brow.width, brow.y))
        canvas.paint(band(head, ends, 0.035), head.pixel, identity.hair, inside)
    nose = ellipse(head, (face.nose.x, face.nose.y), (0.045, 0.055))
    canvas.paint(nose, head.pixel, _shaded(identity.skin, 0.78))


def _paint_eyes(canvas: Canvas, identity: Identity, head: Coordinates, face: Face, pose: Pose) -> None:
    """Paint the eyes, with what the lids leave open, and the glasses."""
    for eye, height in face.openings():
        white = ellipse(head, (eye.x, eye.y), (0.095 * eye.width, height))
        canvas.paint(white, head.pixel, WHITE)
        within = coverage(white, head.pixel)
        centre = (eye.x + 0.025 * math.sin(pose.turn), eye.y)
        canvas.paint(ellipse(head, centre, (0.05 * eye.width, 0.05)), head.pixel, identity.iris, within)
        canvas.paint(ellipse(head, centre, (0.022 * eye.width, 0.022)), head.pixel, BLACK, within)
        if identity.glasses:
            rim = np.abs(ellipse(head, (eye.x, eye.y), (0.135 * eye.width, 0.115))) - 0.014
            canvas.paint(rim, head.pixel, BLACK)


def _paint_mouth(canvas: Canvas, head: Coordinates, face: Face) -> None:
    """Paint the mouth: a half of an ellipse above its corners' line and another below it, bent towards the corners."""
    x, y = face.mouth.x, face.mouth.y
    reach = face.mouth_width * face.mouth.width
    bend = face.corner_lift * np.clip((head.x - x) / reach, -1, 1) ** 2
    bent = Coordinates(head.x, head.y + bend, head.pixel)
    canvas.paint(ellipse(bent, (x, y), (reach + 0.02, face.mouth_height + 0.02)), head.pixel, LIP)
    canvas.paint(ellipse(bent, (x, y), (reach, face.mouth_height)), head.pixel, MOUTH)


def _shaded(colour: Colour, share: float) -> Colour:
    red, green, blue = colour
    return red * share, green * share, blue * share
