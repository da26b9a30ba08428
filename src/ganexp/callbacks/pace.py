"""Intervals counted in images seen."""


class Every:
    """An interval of a number of images.

    Counts the multiples passed, so that batches need not divide the interval; a resumed run starts from those already
    passed.
    """

    def __init__(self, images: int) -> None:
        if images < 1:
            raise ValueError(f"every={images}: it must be 1 or more images")
        self.images = images
        self.marks_passed = 0

    def start(self, images_seen: int) -> None:
        """Count the multiples up to ``images_seen`` as passed."""
        self.marks_passed = images_seen // self.images

    def due(self, images_seen: int) -> bool:
        """Return whether a multiple was passed since the last call."""
        marks = images_seen // self.images
        passed, self.marks_passed = marks > self.marks_passed, marks
        return passed
