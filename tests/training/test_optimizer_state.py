"""State of optimizers in a checkpoint: what they save is accepted, and nothing that does not fit the weights."""

import copy

import pytest
import torch
from torch import nn

from ganexp.files.saved_values import NotACheckpoint
from ganexp.training.optimizer_state import is_dense, require_optimizer_states

OPTIMIZERS = {
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.01, betas=(0.5, 0.9)),
    "fused Adam": lambda weights: torch.optim.Adam(weights, fused=True),
    "AMSGrad": lambda weights: torch.optim.AdamW(weights, amsgrad=True),
    "learning rate as a tensor": lambda weights: torch.optim.Adam(weights, lr=torch.tensor(0.01)),
    "SGD": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda weights: torch.optim.RMSprop(weights, centered=True, momentum=0.5),
    "Adagrad": torch.optim.Adagrad,
    "Adadelta": torch.optim.Adadelta,
    "Adamax": torch.optim.Adamax,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "ASGD": torch.optim.ASGD,
    "Rprop": torch.optim.Rprop,
    "two groups": lambda weights: torch.optim.SGD(
        [{"params": [next(weights)]}, {"params": [*weights], "momentum": 0.9}]
    ),
}
# Its state has the shape of rows and columns, not of the weights.
if hasattr(torch.optim, "Adafactor"):
    OPTIMIZERS["Adafactor"] = torch.optim.Adafactor


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3, 1))


def trained(make, steps=2, unused=False):
    """Return an optimizer's state after some steps, as Lightning saves it."""
    model = network()
    optimizer = make(model.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        layers = model[2:] if unused else model
        layers(torch.randn(4, 3) if unused else torch.randn(4, 2, 3, 3)).sum().backward()
        optimizer.step()
    return copy.deepcopy(optimizer.state_dict())


def fresh(make):
    return [make(network().parameters())]


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("case", [{}, {"steps": 0}, {"unused": True}], ids=["trained", "new", "partly trained"])
def test_what_an_optimizer_saves_is_accepted(make, case):
    require_optimizer_states(fresh(make), [trained(make, **case)])


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_no_tensor_may_have_another_shape_type_or_place(make):
    saved = trained(make)
    for name, tensor in saved["state"].get(0, {}).items():
        if not isinstance(tensor, torch.Tensor):
            continue
        wrong = [torch.cat([tensor.flatten(), torch.ones(3)]), tensor.long(), tensor.to(torch.complex64), "x", None]
        if tensor.numel() > 1:
            wrong += [tensor.flatten()[:1], tensor.flatten()[0].expand(tensor.shape)]
        other = copy.deepcopy(saved)
        for value in wrong:
            other["state"][0][name] = value
            with pytest.raises(NotACheckpoint, match=rf"optimizer_states\.0\.state\.0\.{name} is "):
                require_optimizer_states(fresh(make), [other])
        del other["state"][0][name]
        # An empty state is that of a weight not yet trained.
        if other["state"][0]:
            with pytest.raises(NotACheckpoint, match=f"{name} is missing"):
                require_optimizer_states(fresh(make), [other])


def test_any_memory_format_is_accepted():
    make = OPTIMIZERS["fused Adam"]
    saved = trained(make)
    saved["state"][0]["exp_avg"] = saved["state"][0]["exp_avg"].contiguous(memory_format=torch.channels_last)
    require_optimizer_states(fresh(make), [saved])


def test_switches_that_earlier_versions_of_torch_lack_may_be_missing():
    make = OPTIMIZERS["Adam"]
    saved = trained(make)
    for name in ("fused", "maximize", "foreach", "differentiable"):
        del saved["param_groups"][0][name]
    require_optimizer_states(fresh(make), [saved])
    del saved["param_groups"][0]["eps"]
    with pytest.raises(NotACheckpoint, match="eps is missing"):
        require_optimizer_states(fresh(make), [saved])


def test_settings_that_the_optimizer_refuses_are_refused():
    make = OPTIMIZERS["Adam"]
    saved = trained(make)
    # Only on a GPU.
    saved["param_groups"][0]["capturable"] = True
    with pytest.raises(NotACheckpoint, match="refuses its settings"):
        require_optimizer_states(fresh(make), [saved])


def test_a_state_of_another_networks_size_is_refused():
    make = OPTIMIZERS["Adam"]
    with pytest.raises(NotACheckpoint, match="the numbers of 4 weights was expected"):
        require_optimizer_states(fresh(make), [make(nn.Linear(2, 2).parameters()).state_dict()])
    with pytest.raises(NotACheckpoint, match=r"optimizer_states is missing|a list of 1 was expected"):
        require_optimizer_states(fresh(make), [])


def test_dense_is_without_gaps_or_overlaps_in_any_order_of_axes():
    dense = torch.zeros(2, 3, 4)
    assert all(is_dense(tensor) for tensor in (dense, dense.mT, dense.permute(2, 0, 1), torch.zeros(()), dense[:, :0]))
    assert is_dense(torch.zeros(1, 3, 1, 1).contiguous(memory_format=torch.channels_last))
    assert not any(is_dense(tensor) for tensor in (dense[..., ::2], dense[:1].expand(2, 3, 4), dense[:, :2]))
