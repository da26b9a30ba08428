"""CUDA graphs: what a function computes on a GPU, captured once and replayed."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch


class HostWaits(RuntimeError):
    """The host waited for the device where no capture would allow it."""


class CUDAGraphs:
    """Captures on one device; its graphs share a pool of memory, since they are replayed one after another."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.index = torch.cuda.current_device() if device.index is None else device.index
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
        """Raise HostWaits where the host waits for the device."""
        mode = torch.cuda.get_sync_debug_mode()
        set_sync_debug_mode("error")
        try:
            yield
        except RuntimeError as error:
            if "synchronizing" not in str(error):
                raise
            raise HostWaits(str(error)) from error
        finally:
            set_sync_debug_mode(mode)

    def capture(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Return a function that computes on the device what ``work`` asks for.

        Raises RuntimeError where CUDA refuses; then call ``recover`` and replay no graph any more.
        """
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream(self.device)
        with warnings.catch_warnings():
            # Later versions of torch register generators by themselves.
            warnings.simplefilter("ignore")
            for generator in generators:
                graph.register_generator_state(generator)
        try:
            # Other threads, such as one that pins memory, may use the device meanwhile.
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
                work()
        finally:
            # A capture that fails leaves its stream the current one.
            torch.cuda.set_stream(current)
        replay: Callable[[], None] = graph.replay
        return replay

    def recover(self) -> None:
        """Make the device usable after a failed capture, which leaves generator and allocator recording."""
        for name in ("_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool"):
            # Where the failed capture has ended its recording by itself, this raises, and its memory is free already.
            with suppress(AttributeError, RuntimeError):
                getattr(torch._C, name)(self.index, self.pool)
                torch._C._cuda_releasePool(self.index, self.pool)
        # Graphs captured earlier would go on reading the old state, which is why none may be replayed any more.
        default = torch.cuda.default_generators[self.index]
        with suppress(AttributeError):
            default.graphsafe_set_state(torch.Generator(self.device).graphsafe_get_state())
        torch.cuda.synchronize(self.device)


def set_sync_debug_mode(mode: int | str) -> None:
    """Set whether waiting for a GPU is an error, without torch's warning that this is a prototype."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode(mode)
