"""No model, penalty or augmentation trains by an operation that has no deterministic CUDA kernel.

A processor runs the same operations as a GPU, so their names are recorded here, with deterministic forms in use.
"""

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from config.test_configs import GROUPS, tiny, train
from ganexp.numerics import deterministic
from support.parts import thinned

REFUSED = (
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "_ctc_loss_backward",
    "_embedding_bag_dense_backward",
    "adaptive_max_pool2d_backward",
    "avg_pool3d_backward",
    "bincount",
    "fractional_max_pool2d_backward",
    "fractional_max_pool3d_backward",
    "grid_sampler_2d_backward",
    "grid_sampler_3d_backward",
    "histc",
    "kthvalue",
    "max_pool3d_with_indices_backward",
    "max_unpool2d",
    "max_unpool3d",
    "median",
    "nanmedian",
    "nll_loss2d_forward",
    "put",
    "put_",
    "reflection_pad1d_backward",
    "reflection_pad2d_backward",
    "reflection_pad3d_backward",
    "replication_pad1d_backward",
    "replication_pad2d_backward",
    "replication_pad3d_backward",
    "resize_",
    "scatter_reduce",
    "scatter_reduce_",
    "_upsample_bicubic2d_aa_backward",
    "_upsample_bilinear2d_aa_backward",
    "upsample_bicubic2d_backward",
    "upsample_bilinear2d_backward",
    "upsample_linear1d_backward",
    "upsample_trilinear3d_backward",
)
"""What torch's documentation of `use_deterministic_algorithms` lists as raising, as ATen names."""


class Recorder(TorchDispatchMode):
    """Remembers the names of all operations, of forward and backward passes alike."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket._qualified_op_name.removeprefix("aten::"))
        return func(*args, **(kwargs or {}))


def recorded(config, batches=1):
    with Recorder() as recorder:
        train(config, batches)
    return recorder.names


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Deterministic forms are computed on the processor too."""
    monkeypatch.setattr(deterministic, "required", lambda tensor: True)


def require_none_refused(names):
    assert "convolution_backward" in names or "mm" in names
    assert names.isdisjoint(REFUSED), names & set(REFUSED)


@pytest.mark.parametrize("model", thinned(GROUPS["model"], 4, first=3))
@pytest.mark.thinned(2)
def test_each_model_trains_by_deterministic_operations(as_on_a_gpu, model):
    require_none_refused(recorded(tiny(model)))


@pytest.mark.parametrize("penalty", GROUPS["penalty"])
@pytest.mark.thinned(2)
def test_each_penalty_trains_by_deterministic_operations(as_on_a_gpu, penalty):
    require_none_refused(recorded(tiny("dcgan_small", f"penalty={penalty}", "normalization=none")))


@pytest.mark.parametrize("augmentation", GROUPS["augmentation"])
def test_each_augmentation_trains_by_deterministic_operations(as_on_a_gpu, augmentation):
    more = ["augmentation.p=1"] if augmentation == "ada" else []
    require_none_refused(recorded(tiny("dcgan_small", f"augmentation={augmentation}", *more)))


FOUND = {
    "r3gan": ([], "_upsample_bilinear2d_aa_backward"),
    "dcgan_small": (["augmentation=ada", "augmentation.p=1"], "grid_sampler_2d_backward"),
    "cyclegan": ([], "reflection_pad2d_backward"),
}


@pytest.mark.parametrize("model", FOUND)
def test_without_deterministic_forms_the_refused_operations_are_found(model):
    overrides, operation = FOUND[model]
    assert operation in recorded(tiny(model, *overrides))
