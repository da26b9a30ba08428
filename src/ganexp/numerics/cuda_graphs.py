"""CUDA graphs: what a function computes on a GPU, captured once and replayed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch


class CUDAGraphs:
    """Captures on one device; its graphs share a pool of memory, since they are replayed one after another."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """Compute on the stream of the captures, so that libraries and autograd are set up for it."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        try:
            with torch.cuda.stream(self.stream):
                yield
        finally:
            current.wait_stream(self.stream)

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Raise RuntimeError where the host waits for the device, which no capture allows."""
        mode = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(mode)

    def capture(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Return a function that computes on the device what ``work`` asks for.

        Raises RuntimeError where CUDA refuses.
        """
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # Other threads, such as one that pins memory, may use the device meanwhile.
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
            work()
        replay: Callable[[], None] = graph.replay
        return replay

    def recover(self) -> None:
        """Give the default generator a new state, since a failed capture leaves the old one recording."""
        generator = torch.cuda.default_generators[self.device.index or 0]
        seed = generator.initial_seed()
        generator.graphsafe_set_state(torch.Generator(self.device).graphsafe_get_state())
        generator.manual_seed(seed)
        torch.cuda.synchronize(self.device)
