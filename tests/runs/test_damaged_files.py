"""Files of a run that are damaged are named in one line."""

import re

import pytest
from omegaconf import OmegaConf

from ganexp.errors import UserError
from ganexp.runs import run_folder

WHOLE = {
    "images": 64,
    "model": {"_target_": "ganexp.variants.gan.GAN"},
    "data": {"_target_": "ganexp.data.images.ImageData", "batch_size": 64},
    "trainer": {"_target_": "lightning.Trainer"},
    "callbacks": {},
}


def written(folder, config):
    path = folder / run_folder.CONFIG
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    return path


def refusal(folder):
    with pytest.raises(UserError) as refused:
        run_folder.read_config(folder)
    return str(refused.value)


def test_a_whole_configuration_is_read(tmp_path):
    written(tmp_path, WHOLE)
    assert run_folder.read_config(tmp_path).images == 64


@pytest.mark.parametrize("part", ["model", "data", "trainer", "callbacks"])
def test_a_configuration_that_was_cut_is_named_with_what_it_lacks(tmp_path, part):
    path = written(tmp_path, {key: value for key, value in WHOLE.items() if key != part})
    assert refusal(tmp_path) == f"{path} is not the whole configuration of a run: it has no {part}"


def test_a_value_of_another_kind_is_named_with_its_file(tmp_path):
    path = written(tmp_path, WHOLE | {"data": WHOLE["data"] | {"batch_size": "many"}})
    assert refusal(tmp_path) == f"{path}: data.batch_size=many: it must be a whole number, 1 or more"


def test_a_folder_in_the_place_of_a_checkpoint_is_named(tmp_path):
    path = tmp_path / run_folder.CHECKPOINTS / "last.ckpt"
    path.mkdir(parents=True)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))} is a folder, and a checkpoint is a file"):
        run_folder.last_checkpoint(tmp_path)
    assert not run_folder.has_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [bytes(range(256)), b"images,loss\nmany,1\n", b"a,b\n1,2\n"])
def test_a_metrics_csv_of_other_content_is_named(tmp_path, content):
    from ganexp.loggers.metrics_csv import MetricsCSV

    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))} is damaged"):
        MetricsCSV(str(tmp_path)).forget_after(64)
    assert path.read_bytes() == content
