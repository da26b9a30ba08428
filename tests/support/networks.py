"""What holds for every network, shared by tests."""

import torch


def count(module):
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def require_gradients(network, output):
    """Fail unless each parameter gets a gradient of the output that is finite and not zero."""
    (output * torch.randn_like(output)).sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


def require_pure_evaluation(network, *inputs, atol):
    """Fail if evaluation changes a buffer, or if an example's output depends on its batch."""
    network.eval()
    before = {key: buffer.clone() for key, buffer in network.named_buffers()}
    whole = network(*inputs)
    assert all(torch.equal(buffer, before[key]) for key, buffer in network.named_buffers())
    assert torch.allclose(network(*(given[:2] for given in inputs)), whole[:2], atol=atol)
