"""The projection discriminator's last layer is its equation."""

import torch

from ganexp.layers import normalization as normalizations
from ganexp.layers.projection import Projection


def test_the_logit_is_equation_4():
    head = Projection(5, 3, normalizations.none().edge)
    features, labels = torch.randn(4, 5), torch.tensor([0, 2, 1, 2])
    embedding = head.embedding.weight.T[labels]
    expected = features @ head.logit.weight[0] + head.logit.bias + (embedding * features).sum(1)
    assert torch.allclose(head(features, labels), expected, atol=1e-6)


def test_the_logit_is_linear_in_the_embedding():
    head = Projection(5, 3, normalizations.none().edge)
    features, labels = torch.randn(4, 5), torch.tensor([0, 2, 1, 2])
    logits = []
    for scale in (0.0, 1.0, 3.0):
        head.embedding.weight.data = scale * torch.ones(5, 3)
        logits.append(head(features, labels))
    assert torch.allclose(logits[0], head.logit(features).squeeze(1), atol=1e-6)
    assert torch.allclose(logits[2] - logits[0], 3 * (logits[1] - logits[0]), atol=1e-5)


def test_spectral_normalization_holds_the_whole_embedding():
    head = Projection(5, 3, normalizations.spectral().edge)
    for _ in range(30):
        head(torch.randn(2, 5), torch.tensor([0, 1]))
    weight = head.eval().embedding.weight.detach()
    assert abs(torch.linalg.matrix_norm(weight, 2).item() - 1) < 0.01
