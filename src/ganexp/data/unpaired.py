"""Two domains without pairs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ganexp.data.collection import Collection
from ganexp.data.decoding import Decoder
from ganexp.data.degradations import Degradation, Nothing
from ganexp.data.domains import Domains
from ganexp.data.sides import Unpaired
from ganexp.data.translation import Choice, TranslationData


class UnpairedData(TranslationData):
    """Two domains: input i and image i of a batch are independent draws, cut and mirrored apart.

    `source(split=…)` returns `Domains`, or pictures that `domains(split=…, source=source)` makes domains of, such as
    `halves`. A `degradation` is applied to the inputs. `a`, `b`, `test_a` and `test_b` are where the images lie, for
    messages only. The rest is `TranslationData`'s.

    Raises UserError also for a degradation that does not fit the images.
    """

    def __init__(
        self,
        source: Callable[..., Any],
        degradation: Degradation | None = None,
        domains: Callable[..., Domains] | None = None,
        a: str | None = None,
        b: str | None = None,
        test_a: str | None = None,
        test_b: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(source if domains is None else partial(domains, source=source), **settings)
        self.root = self.root or " ".join(folder for folder in (a, b, test_a, test_b) if folder) or None
        self.degradation = Nothing() if degradation is None else degradation
        self.degradation(torch.zeros(1, self.channels, self.image_size, self.image_size, dtype=torch.uint8))

    def _collections(self, split: str) -> list[Collection]:
        opened: Domains = self.source(split=split)
        inputs = Collection(f"{split} inputs", opened.inputs, self.decoder, lambda pixels: (self.degradation(pixels),))
        targets = Collection(f"{split} targets", opened.targets, self.decoder)
        # What is to be both is looked at once.
        return [inputs] if opened.inputs is opened.targets else [inputs, targets]

    def _decoded(self, opened: Domains, decoder: Decoder, choose: Choice) -> Unpaired:
        inputs = self._store(choose(opened.inputs), decoder, "inputs")
        same = opened.inputs is opened.targets
        targets = inputs if same else self._store(choose(opened.targets), decoder, "targets")
        return Unpaired(inputs, targets, self.degradation, opened.aligned)
