"""Intervals counted in images seen, for callbacks that act every N images."""


class Interval:
    """Interval of ``images`` training images.

    The multiples passed are counted, so the batch size need not divide the interval, and a resumed run continues
    from those already passed.
    """

    def __init__(self, images: int) -> None:
        if images < 1:
            raise ValueError(f"every={images}: it must be 1 or more images")
        self.images = images
        self.completed = 0

    def start(self, images_seen: int) -> None:
        """Count the intervals up to ``images_seen`` as completed."""
        self.completed = images_seen // self.images

    def due(self, images_seen: int) -> bool:
        """Return whether an interval was completed since the last call."""
        before, self.completed = self.completed, images_seen // self.images
        return self.completed > before
