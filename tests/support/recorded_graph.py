"""A stand-in for CUDA graphs on a processor: it records the operations of a function, and replays them.

As with a CUDA graph, a replay computes the recorded operations on the recorded tensors: what Python computed is a
constant, and what Python did is not done again.
"""

from contextlib import contextmanager

import lightning as L
import torch
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganexp.numerics.cuda_graphs import HostWaits

READS_BACK = ("aten._local_scalar_dense", "aten.nonzero", "aten.masked_select", "aten.equal", "aten.is_nonzero")


class AsOnGPU(TorchFunctionMode):
    """Uses forms that do not read values back, as a GPU does."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is one_hot:
            labels, classes = args
            return (labels[..., None] == torch.arange(classes)).long()
        return func(*args, **(kwargs or {}))


class Refusing(TorchDispatchMode):
    """Refuses operations whose result the host reads."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if str(func).startswith(READS_BACK):
            raise HostWaits(f"{func} reads a value back")
        return self.call(func, args, kwargs or {})

    def call(self, func, args, kwargs):
        return func(*args, **kwargs)


class Recording(Refusing):
    """Notes each operation, and puts back what it has written to tensors from outside."""

    def __init__(self):
        super().__init__()
        self.calls, self.before = [], {}

    def call(self, func, args, kwargs):
        for tensor in written(func, args, kwargs):
            self.before.setdefault(id(tensor), (tensor, tensor.clone()))
        results = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, results))
        return results

    @torch.no_grad()
    def put_back(self):
        made = {id(leaf) for *_, results in self.calls for leaf in tree_leaves(results)}
        for key, (tensor, value) in self.before.items():
            if key not in made or key in self.outside:
                tensor.copy_(value)

    @property
    def outside(self):
        """The tensors that were written to before an operation of the recording had returned them."""
        outside, made = set(), set()
        for func, args, kwargs, results in self.calls:
            outside |= {id(tensor) for tensor in written(func, args, kwargs)} - made
            made |= {id(leaf) for leaf in tree_leaves(results)}
        return outside

    @torch.no_grad()
    def replay(self):
        for func, args, kwargs, results in self.calls:
            for old, new in zip(tree_leaves(results), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, torch.Tensor) and not same_memory(old, new):
                    old.copy_(new)


class RecordedGraphs:
    """The backend of `TurnGraphs` for tests on a processor; it counts its captures and replays."""

    def __init__(self):
        self.captures = self.replays = self.recovered = 0

    @contextmanager
    def warming_up(self):
        yield

    @contextmanager
    def without_waiting(self):
        with AsOnGPU(), Refusing():
            yield

    def capture(self, work, generators):
        states = [generator.get_state() for generator in (torch.default_generator, *generators)]
        recording = Recording()
        try:
            with AsOnGPU(), recording:
                work()
        finally:
            recording.put_back()
            for generator, state in zip((torch.default_generator, *generators), states, strict=True):
                generator.set_state(state)
        self.captures += 1

        def replay():
            self.replays += 1
            recording.replay()

        return replay

    def recover(self):
        self.recovered += 1


def written(func, args, kwargs):
    """Return the tensors that an operation changes in place."""
    named = dict(zip([argument.name for argument in func._schema.arguments], args, strict=False)) | kwargs
    changed = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    # Batch normalization's schema does not say that it updates these.
    changed += [name for name in ("running_mean", "running_var") if named.get("training") or named.get("train")]
    return [leaf for name in changed for leaf in tree_leaves(named.get(name)) if isinstance(leaf, torch.Tensor)]


def same_memory(first, second):
    """Return whether two tensors lie at the same place."""
    return first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


class Hooked(L.Callback):
    """A callback that looks at the gradients of each backward pass."""

    def on_after_backward(self, trainer, module):
        pass
