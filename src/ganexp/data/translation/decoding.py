"""Decoding of pictures of inputs and of targets: their channels and ranges of values."""

from collections.abc import Sequence

from ganexp.data.decoding import Decoder
from ganexp.data.depth.percentiles import checked_percentiles
from ganexp.data.depth.value_range import MEASURED
from ganexp.data.translation.items import Decoders
from ganexp.data.translation.ranges import Ranges
from ganexp.errors import UserError
from ganexp.image_size import ImageSize


class PairDecoding:
    """The decoders of inputs, of ``input_channels`` (None: as many as targets), and of targets, of ``channels``.

    `value_range` and `input_value_range` state the ranges of values, or that they are to be measured, by `percentiles`.
    """

    def __init__(
        self,
        channels: int,
        input_channels: int | None,
        resize_filter: str,
        value_range: str | Sequence[float] | None,
        percentiles: Sequence[float],
        input_value_range: Sequence[float] | None,
    ) -> None:
        self.channels = channels
        # None where they are equal, so that the checksums of such pairs are those of any others.
        self.other_input_channels = None if input_channels == channels else input_channels
        self.resize_filter = resize_filter
        self.value_range = value_range
        self.percentiles = checked_percentiles(percentiles)
        self.ranges = Ranges.stated(value_range, input_value_range)

    @property
    def input_channels(self) -> int:
        """The channels of inputs."""
        return self.channels if self.other_input_channels is None else self.other_input_channels

    @property
    def lacks_ranges(self) -> bool:
        """Whether ranges are still to be measured."""
        return self.value_range == MEASURED and self.ranges.targets is None

    def require_eight_bits(self) -> None:
        """Raise UserError where a degradation cannot make the inputs: it needs 8 bits, and the channels of targets."""
        if self.value_range is not None:
            raise UserError("data.value_range: degradations are made for pictures of 8 bits; leave it out.")
        if self.other_input_channels is not None:
            raise UserError(
                f"data.input_channels={self.other_input_channels}: a degradation's inputs have the channels of its "
                "images; leave it out."
            )

    def measure(self, measured: Ranges) -> None:
        """Decode by measured ranges from here on; a stated range of inputs stays."""
        self.ranges = Ranges(self.ranges.inputs or measured.inputs, measured.targets)

    @property
    def measured_ranges(self) -> dict[str, list[float]]:
        """The measured ranges of values by "input" and "image"; empty if none is measured."""
        inputs, targets = self.ranges
        is_measured = self.value_range == MEASURED and inputs is not None and targets is not None
        return {"input": list(inputs), "image": list(targets)} if is_measured else {}  # type: ignore[arg-type]

    def targets(self, image_size: ImageSize) -> Decoder:
        """Return the decoder of targets of a size."""
        return Decoder(image_size, self.channels, self.resize_filter, self.ranges.targets)

    def decoders(self, image_size: ImageSize) -> Decoders:
        """Return the decoders of pictures of a size; one for both where they are alike."""
        targets = self.targets(image_size)
        if self.other_input_channels is None and self.ranges.inputs == self.ranges.targets:
            return Decoders(targets, targets)
        return Decoders(Decoder(image_size, self.input_channels, self.resize_filter, self.ranges.inputs), targets)
