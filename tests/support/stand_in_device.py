"""A stand-in for a GPU: tensors that report another device while their values stay on the processor.

``torch.device("meta")`` is the device. Under ``stand_in_device()`` a tensor that is moved or made there becomes an
`OnDevice`, which keeps its values in an ordinary tensor. An operation on tensors of two devices raises as it does with
CUDA, and so does ``.numpy()``; with ``waits=False`` every operation that makes the processor wait for the device
raises as well, and with ``float64=False`` every one whose result has float64, which Apple's GPUs lack.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("meta")
CPU = torch.device("cpu")
aten = torch.ops.aten

TRANSFERS = {aten._to_copy.default, aten.copy_.default}
# CUDA takes a scalar from the processor wherever it can be an argument of the kernel; these read their tensors.
NO_CPU_SCALARS = {aten.cat.default, aten.stack.default}
# Their result's shape, or a Python number, depends on values.
WAITS = {aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten._unique2, aten.unique_dim, aten.equal}


class OnDevice(torch.Tensor):
    """A tensor on the stand-in device; ``values`` are its numbers, on the processor."""

    values: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, values: Tensor) -> "OnDevice":
        wrapper: OnDevice = torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            layout=values.layout,
            device=DEVICE,
        )
        wrapper.values = values
        return wrapper

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})

    def __repr__(self, **_: Any) -> str:
        return f"OnDevice({self.values!r})"

    def numpy(self, **_: Any) -> Any:
        raise TypeError(f"can't convert {DEVICE.type} device type tensor to numpy. Use Tensor.cpu() first")

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.values.__reduce_ex__(protocol)  # a checkpoint contains tensors, not their stand-ins

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None) -> Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype, device=DEVICE)


class DeviceGenerator(torch.Generator):
    """A random generator that may report the stand-in device; its numbers are the processor's."""

    def __new__(cls, device: torch.device | str = "cpu") -> "DeviceGenerator":
        generator = super().__new__(cls)
        generator.reported = torch.device(device)
        return generator

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__()

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.reported


def computed(
    func: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    waits: bool = True,
    uploads: bool = False,
    float64: bool = True,
) -> Any:
    """Return the result of an operation on the device of its arguments, or on the device that it is given."""
    tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
    on_device = [isinstance(tensor, OnDevice) for tensor in tensors]
    requested = kwargs.get("device")
    if any(on_device) and func not in TRANSFERS:
        require_one_device(func, tensors)
    to_device = any(on_device) if requested is None else torch.device(requested).type == DEVICE.type
    if func is aten.copy_.default:
        to_device = on_device[0]
    is_upload = uploads and func in TRANSFERS and to_device
    if not waits and not is_upload and waiting(func, args, any(on_device), to_device):
        raise RuntimeError(f"{func} makes the processor wait for the device")
    if not any(on_device) and not to_device:
        return func(*args, **kwargs)
    plain_args, plain_kwargs = tree_map_only(OnDevice, lambda tensor: tensor.values, (tuple(args), dict(kwargs)))
    if requested is not None:
        plain_kwargs["device"] = CPU
    # A scalar that reports another device is not a Python number: what the processor computes is the same.
    result = func(*plain_args, **plain_kwargs)
    if not to_device:
        return result
    if not float64 and any(getattr(leaf, "dtype", None) == torch.float64 for leaf in tree_flatten(result)[0]):
        raise TypeError(f"Cannot convert a {DEVICE.type} Tensor to float64 dtype ({func})")
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(Tensor, OnDevice, result))


def require_one_device(func: Any, tensors: Sequence[Tensor]) -> None:
    """Raise RuntimeError if some tensors are on the processor, other than scalars where CUDA takes them."""
    written = func._schema.is_mutable and not isinstance(tensors[0], OnDevice)
    for argument in tensors:
        if not isinstance(argument, OnDevice) and (argument.dim() > 0 or func in NO_CPU_SCALARS or written):
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {DEVICE} and cpu! "
                f"({func}, shape {tuple(argument.shape)})"
            )


def waiting(func: Any, args: Sequence[Any], from_device: bool, to_device: bool) -> bool:
    """Return whether the processor waits: for values, for a shape that depends on them, or for a copy."""
    if func in TRANSFERS:
        return from_device != to_device or (func is aten.copy_.default and not isinstance(args[1], OnDevice))
    # The number of values that a mask selects depends on its values.
    masked = func is aten.index.Tensor and any(index is not None and index.dtype is torch.bool for index in args[1])
    return from_device and (func.overloadpacket in WAITS or masked)


class Watch(TorchDispatchMode):
    """Makes tensors on the stand-in device and sees every operation."""

    def __init__(self, waits: bool, uploads: bool, float64: bool) -> None:
        super().__init__()
        self.float64 = float64
        self.waits = waits
        self.uploads = uploads

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {}, self.waits, self.uploads, self.float64)


class Autocast(torch.autocast):
    """Autocast that supports the stand-in device, which torch's own refuses."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == DEVICE.type else device_type, *args, **kwargs)


is_autocast_enabled = torch.is_autocast_enabled


def autocast_enabled(device_type: str = "cuda") -> bool:
    """Return ``torch.is_autocast_enabled``, for the stand-in device what `Autocast` has set."""
    return is_autocast_enabled("cpu" if device_type == DEVICE.type else device_type)


get_autocast_dtype = torch.get_autocast_dtype


def dtype_of_autocast(device_type: str) -> torch.dtype:
    """Return ``torch.get_autocast_dtype``, for the stand-in device what `Autocast` has set."""
    return get_autocast_dtype("cpu" if device_type == DEVICE.type else device_type)


make_tensor = torch.tensor


def tensor(data: Any, *, device: torch.device | str | None = None, **settings: Any) -> Tensor:
    """Return ``torch.tensor(data)``, which would leave the values out on a meta device."""
    made = make_tensor(data, **settings)
    return made if device is None else made.to(device)


def no_inference(mode: bool = True) -> torch.autograd.grad_mode.set_grad_enabled:
    """Stand for ``torch.inference_mode``, whose tensors cannot be wrapped; without it gradients are as they were."""
    return torch.set_grad_enabled(not mode and torch.is_grad_enabled())


@contextmanager
def stand_in_device(waits: bool = True, uploads: bool = False, float64: bool = True) -> Iterator[torch.device]:
    """Provide the device inside the block; with ``uploads`` copies to it are allowed where nothing may wait for it."""
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    # Otherwise a module that is moved would keep its parameters' class.
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with (
            patch.object(torch, "Generator", DeviceGenerator),
            patch.object(torch, "autocast", Autocast),
            patch.object(torch, "is_autocast_enabled", autocast_enabled),
            patch.object(torch, "get_autocast_dtype", dtype_of_autocast),
            patch.object(torch, "tensor", tensor),
            # Inference tensors cannot be wrapped.
            patch.object(torch, "inference_mode", no_inference),
            Watch(waits, uploads, float64),
        ):
            yield DEVICE
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)


class StandInAccelerator(Accelerator):
    """Lightning's view of the device."""

    def setup_device(self, device: torch.device) -> None: ...
    def teardown(self) -> None: ...

    def get_device_stats(self, device: torch.device | str | int) -> dict[str, Any]:
        return {}

    @staticmethod
    def parse_devices(devices: Any) -> Any:
        return devices

    @staticmethod
    def get_parallel_devices(devices: Any) -> list[torch.device]:
        return [DEVICE]

    @staticmethod
    def auto_device_count() -> int:
        return 1

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def name() -> str:
        return "stand-in"


def strategy() -> SingleDeviceStrategy:
    """Return a strategy for Lightning's trainer that trains on the device."""
    return SingleDeviceStrategy(device=DEVICE, accelerator=StandInAccelerator())
