"""How often something happens, counted in images seen."""


class Interval:
    """Says once in so many images that it is time.

    It remembers the last mark passed, so that batches that do not divide the interval are no trouble; a resumed
    run starts from the marks already passed.
    """

    def __init__(self, images: int) -> None:
        if images < 1:
            raise ValueError(f"every={images}: it must be 1 or more images")
        self.images = images
        self.marks_passed = 0

    def start(self, images_seen: int) -> None:
        """Take the marks up to ``images_seen`` as passed."""
        self.marks_passed = images_seen // self.images

    def due(self, images_seen: int) -> bool:
        """Return whether a mark was passed since the last call."""
        marks = images_seen // self.images
        passed, self.marks_passed = marks > self.marks_passed, marks
        return passed
