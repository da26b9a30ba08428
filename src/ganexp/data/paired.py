"""Pairs of an input and its target."""

from collections.abc import Callable
from typing import Any

import torch

from ganexp.data.collection import Collection
from ganexp.data.decoding import Decoder
from ganexp.data.degradations import Degradation
from ganexp.data.pairing import Given, Made
from ganexp.data.pictures import Pictures
from ganexp.data.sides import Paired
from ganexp.data.translation import Choice, TranslationData


class PairedData(TranslationData):
    """Pairs: input i and image i of a batch belong together, and are cut and mirrored alike.

    `source(split=…)` returns pairs or, with a `degradation`, pictures, of which the inputs are made. The rest is
    `TranslationData`'s. Raises UserError also for a degradation that does not fit the images.
    """

    def __init__(
        self, source: Callable[..., Pictures], degradation: Degradation | None = None, **settings: Any
    ) -> None:
        super().__init__(source, **settings)
        self.degradation = degradation
        self.pairing = Given() if degradation is None else Made(degradation)
        if degradation is not None:
            # Refused before anything is downloaded.
            degradation(torch.zeros(1, self.channels, self.image_size, self.image_size, dtype=torch.uint8))

    def _collections(self, split: str) -> list[Collection]:
        return [Collection(split, self.source(split=split), self.pairing.decoder(self.decoder), self.pairing)]

    def _decoded(self, opened: Pictures, decoder: Decoder, choose: Choice) -> Paired:
        return Paired(self._store(choose(opened), self.pairing.decoder(decoder), "pairs"), self.pairing)
