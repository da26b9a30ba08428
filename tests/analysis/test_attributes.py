"""Analyses of generators that take attributes: what lies between them, which samples have, and their names."""

import pytest
import torch

from ganexp.analysis.latent_search.nearest_samples import samples
from ganexp.analysis.projected_noise import ProjectedNoise, projected_noise
from ganexp.analysis.subject import Subject
from ganexp.analysis.walk import images_along, mixes_labels
from ganexp.errors import UserError
from ganexp.noise import normal

SETS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.int8)


class Shows(torch.nn.Module):
    """A generator whose images are their attributes."""

    def forward(self, noise, label):
        return label.float()[:, :, None, None].expand(-1, -1, 2, 2)


@pytest.fixture
def subject():
    return Subject(Shows(), normal, 4, 3, ["Smiling", "Male", "Hat"], attributes=SETS, columns=2)


def shown(images):
    return images[:, :, 0, 0]


def test_samples_have_the_first_sets_in_turn_and_candidates_all(subject):
    assert torch.equal(shown(subject.images(subject.latents(3))), SETS[[0, 1, 0]].float())
    assert torch.equal(shown(samples(subject, 4).images), SETS[[0, 1, 2, 0]].float())


def test_between_two_sets_attributes_are_between_0_and_1(subject):
    assert mixes_labels(subject)
    halfway = subject.weights(SETS[:2]).mean(0, keepdim=True)
    assert shown(images_along(subject, torch.zeros(1, 4), halfway)).tolist() == [[1, 0.5, 0]]


def test_a_set_is_named_by_its_attributes_and_a_class_by_its_own(subject):
    assert [subject.label_name(row) for row in SETS[1:]] == ["Smiling+Male", "Hat"]
    assert subject.label_name(torch.zeros(3, dtype=torch.int8)) == "none"
    classes = Subject(Shows(), normal, 4, 3, ["cat", "dog", "cow"])
    assert classes.label_name(torch.tensor(1)) == "dog"


def test_projected_pictures_keep_their_attributes(subject, tmp_path):
    path = tmp_path / "noise.json"
    ProjectedNoise(["a", "b"], torch.zeros(2, 4), SETS[:2]).save(path)
    assert torch.equal(projected_noise(str(path), subject).labels_of([1]), SETS[1:2].long())
    ProjectedNoise(["a", "b"], torch.zeros(2, 4), torch.tensor([0, 1])).save(path)
    with pytest.raises(UserError, match="its labels are not this generator's"):
        projected_noise(str(path), subject)
