import numpy as np
import torch

from ganexp.drawing.stage_grid import stage_grid


def test_a_row_has_a_sample_at_every_stage_and_coarse_pixels_are_enlarged():
    coarse = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    fine = torch.zeros(3, 1, 64, 64)
    drawn = np.asarray(stage_grid([coarse, fine]))
    assert drawn.shape == (3 * 65 + 1, 2 * 65 + 1, 3)
    for top in (1, 66, 131):
        image = drawn[top : top + 64, 1:65, 0]
        assert (image[:32, :32] == 0).all()
        assert (image[:32, 32:] == 255).all()
        assert (drawn[top : top + 64, 66:130] == 128).all()
