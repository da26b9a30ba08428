"""Number of channels of an input that is a picture and landmarks."""

from typing import Any

DRAWN = 1
"""The number of channels of the drawing of a picture's own landmarks."""


def input_channels(channels: Any, landmarks: Any) -> Any:
    """Return the number of channels of an input: the picture's, the drawing's, and a plane for each landmark.

    Of what is no number, the first is returned as it is: the schema names it.
    """
    for number in (channels, landmarks):
        if not isinstance(number, int):
            return number
    return channels + DRAWN + landmarks
