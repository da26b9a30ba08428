"""Contents of checkpoints: what training saves is read back, and what it cannot have saved is refused in one line."""

import shutil
from collections import OrderedDict
from pathlib import Path

import lightning as L
import pytest
import torch

from chaos.hostile.archives import ARCHIVES
from chaos.hostile.contents import AVERAGES, TRAINING, WEIGHTS
from ganexp.callbacks.curves import Curves
from ganexp.callbacks.doctor import Doctor
from ganexp.config import composition
from ganexp.config.build import build
from ganexp.errors import UserError
from ganexp.files.saved_values import naming_checkpoint
from ganexp.game.image_pool import ImagePool
from ganexp.runs.checkpoint import load_checkpoint, load_weights
from ganexp.runs.run import saved_run
from ganexp.training.optimizer_state import require_optimizer_states
from ganexp.training.saved_state import require_trainer_state
from support.checkpoint_files import last_of

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
COUNTERS = {"images_seen": 64, "batches_seen": 1, "unread_terms": {"generator": [{"adversarial": float("inf")}]}}


@pytest.fixture(scope="module")
def run():
    composition.register_resolvers()
    return saved_run(RUNS / "dcgan_small", groups=())


@pytest.fixture(scope="module")
def refusal(run, tmp_path_factory):
    """Returns why sampling or training refuses a folder's last checkpoint, None if they do not."""
    module = build(run.config.model)
    callbacks = [Curves(str(tmp_path_factory.mktemp("curves")), 64), Doctor(64)]
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                        callbacks=callbacks)  # fmt: skip

    def refuse(folder):
        path = last_of(folder)
        try:
            contents = load_weights(module, run.starting_from(path))
            with naming_checkpoint(path):
                require_optimizer_states(module.configure_optimizers(), contents.get("optimizer_states"))
                require_trainer_state(trainer, contents)
        except UserError as error:
            return str(error)
        return None

    return refuse


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    shutil.copy(last_of(RUNS / "dcgan_small"), last_of(tmp_path / "run"))
    return tmp_path / "run"


def test_what_training_saved_is_accepted(folder, refusal):
    assert refusal(folder) is None


# It is refused as a missing checkpoint before it is read.
FILES = {name: case for name, case in ARCHIVES.items() if name not in ("a folder", "a named pipe")}


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_a_file_that_is_no_checkpoint_is_refused(folder, refusal, case):
    case(folder, folder / "trap")
    assert "is not " in refusal(folder)
    assert not (folder / "trap").exists()


CONTENTS = {**WEIGHTS, **AVERAGES, **TRAINING}


@pytest.mark.parametrize("case", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.thinned(2)
def test_contents_that_training_did_not_save_are_refused(folder, refusal, case):
    case(folder, folder / "trap")
    line = refusal(folder)
    assert line.startswith(f"{last_of(folder)} ")
    assert "\n" not in line
    assert len(line) < 400


def test_plain_values_and_dense_tensors_of_every_type_are_read_back(tmp_path):
    types = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64, torch.complex64]
    shared = torch.arange(12.0)
    value = {
        "tensors": [torch.ones(2, 3).to(kind) for kind in types],
        "small numbers": torch.ones(3).to(torch.float8_e4m3fn),
        "views": [shared, shared[2:5], shared.view(3, 4).T],
        "a parameter": torch.nn.Parameter(torch.ones(2)),
        "none": torch.empty(0, 3),
        "numbers": [0, -1, 2**60, 1.5, float("nan"), True, None],
        "texts": ("ä", b"\x00\xff", ""),
        "kinds": [torch.float32, torch.Size([2, 3])],
        "numbered": OrderedDict({0: {1: "x"}}),
    }
    path = tmp_path / "last.ckpt"
    torch.save({"ganexp": COUNTERS, "state_dict": {}, "callbacks": {"Mine": value}}, path)
    read = load_checkpoint(path)["callbacks"]["Mine"]
    torch.testing.assert_close(read["tensors"], value["tensors"], rtol=0, atol=0)
    torch.testing.assert_close(read["views"], value["views"], rtol=0, atol=0)
    for name in ("texts", "kinds", "numbered"):
        assert read[name] == value[name]


def test_a_pool_has_at_most_the_images_that_it_has_room_for():
    pool = ImagePool(4, channels=1, image_size=2)
    pool.set_extra_state({"filled": 4})
    for filled in (5, -1, "x", None):
        with pytest.raises(UserError, match=r"pool\.filled is "):
            pool.set_extra_state({"filled": filled})
