"""MediaPipe's detector of faces, 478 landmarks each (arXiv 1907.06724, 2006.10962)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.landmarks.finding import FaceDetector
from ganexp.errors import UserError

MOST_FACES = 2
"""One more than a frame may have, to notice others."""
PAGE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"
DOWNLOAD = f"download face_landmarker.task from {PAGE} and give model=face_landmarker.task"


@contextmanager
def face_detector(model: Path | None, contours: bool) -> Iterator[FaceDetector]:
    """Yield a detector of the 478 landmarks of faces, or of those on the ``contours`` of lips, eyes, brows and face.

    ``model`` is the file of MediaPipe's Face Landmarker; None is for the model within MediaPipe 0.10.21 and older.
    Raises UserError if the package or the model is missing, or the model cannot be read.
    """
    try:
        import mediapipe
    except ModuleNotFoundError as error:
        raise UserError("data landmarks needs the package mediapipe: pip install 'ganexp[landmarks]'") from error
    except (ImportError, OSError) as error:  # a library of the system is missing
        raise UserError(f"the package mediapipe cannot be loaded: {error}") from error
    if model is None and not hasattr(mediapipe, "solutions"):
        raise UserError(
            f"mediapipe {mediapipe.__version__} has no model in it: {DOWNLOAD}; "
            "or pip install mediapipe==0.10.21, which has one (Python 3.12 or older, numpy 1)"
        )
    chosen = _contours() if contours else slice(None)
    with _face_mesh(mediapipe) if model is None else _face_landmarker(mediapipe, model) as faces_in:

        def detect(frame: np.ndarray) -> list[np.ndarray]:
            size = np.array([frame.shape[1], frame.shape[0]])
            return [np.array([(point.x, point.y) for point in face])[chosen] * size for face in faces_in(frame)]

        yield detect


@contextmanager
def _face_mesh(mediapipe: Any) -> Iterator[Any]:
    """Yield a function from a frame to the points of its faces, by the model within the package."""
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=MOST_FACES, refine_landmarks=True
    )
    with mesh:
        yield lambda frame: [face.landmark for face in mesh.process(frame).multi_face_landmarks or ()]


@contextmanager
def _face_landmarker(mediapipe: Any, model: Path) -> Iterator[Any]:
    """Yield a function from a frame to the points of its faces, by a model file; raises UserError without one."""
    if not model.is_file():
        raise UserError(f"model={model}: no such file; {DOWNLOAD}")
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    # The content, as on Windows a path of other than ASCII letters is not found.
    options = FaceLandmarkerOptions(BaseOptions(model_asset_buffer=model.read_bytes()), num_faces=MOST_FACES)
    try:
        landmarker = FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"model={model}: MediaPipe cannot read it; {DOWNLOAD}") from error
    with landmarker:
        yield (
            lambda frame: (
                landmarker.detect(
                    mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                ).face_landmarks
            )
        )


def _contours() -> np.ndarray:
    """Return the numbers of the landmarks on contours, sorted."""
    from mediapipe.tasks.python.vision import FaceLandmarksConnections

    lines = FaceLandmarksConnections.FACE_LANDMARKS_CONTOURS
    return np.unique([number for line in lines for number in (line.start, line.end)])
