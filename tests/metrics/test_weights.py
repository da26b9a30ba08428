"""Files of weights from outside: both of torch.save's formats, and no other."""

import io
import tarfile

import pytest
import torch

from ganexp.errors import UserError
from ganexp.files import weights

STATE = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.ones(2, dtype=torch.float16)}


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_are_read(tmp_path, zipped):
    torch.save(STATE, tmp_path / "weights.pth", _use_new_zipfile_serialization=zipped)
    read = weights.load(tmp_path / "weights.pth")
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in STATE.items())


def test_a_tar_archive_never_reaches_torch_whose_older_versions_would_run_its_code(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch read the file"))
    with pytest.raises(UserError, match=r"weights\.pth cannot be loaded as weights alone"):
        weights.load(path)
