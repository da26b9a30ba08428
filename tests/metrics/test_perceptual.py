"""LPIPS, with AlexNet of random weights in the place of those that are downloaded."""

import pytest
import torch

from ganexp.errors import UserError
from ganexp.files.download import Remote
from ganexp.metrics import perceptual


def test_missing_weights_are_told_in_one_line_with_what_works_without(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"AlexNet's weights.*alexnet-owt.*metric=\[psnr,ssim,l1\]") as refused:
        perceptual.PerceptualDistance(download=False)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_it_is_torchmetrics_own_and_the_mean_over_images_in_any_batches(tmp_path, monkeypatch):
    from torchmetrics.image import LearnedPerceptualImagePatchSimilarity
    from torchvision.models import alexnet

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(perceptual, "WEIGHTS", Remote(perceptual.WEIGHTS.name))
    (tmp_path / "checkpoints").mkdir()
    torch.manual_seed(0)
    torch.save(alexnet().state_dict(), tmp_path / "checkpoints" / perceptual.WEIGHTS.name)
    images, others = torch.rand(2, 5, 1, 40, 40)
    ours = perceptual.PerceptualDistance(download=False).set_dtype(torch.float64)
    for part in (slice(0, 2), slice(2, 5)):
        ours.update(images[part], others[part])
    theirs = LearnedPerceptualImagePatchSimilarity("alex", normalize=True)
    expected = theirs(images.repeat(1, 3, 1, 1), others.repeat(1, 3, 1, 1))
    assert ours.compute().item() == pytest.approx(expected.item(), rel=1e-5)
    ours.reset()
    ours.update(images, images)
    assert ours.compute() == 0
    with pytest.raises(UserError, match="32x32"):
        ours.update(images[..., :16], others[..., :16])
