"""Start of a run from other weights: what fits is loaded, the rest is listed, and nothing but weights is taken over."""

import json
import logging
import pickle
import shutil

import pytest
import torch

from ganexp.cli.shorthands import written_out
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.files.safetensors import read_safetensors
from ganexp.game.module import COUNTERS
from ganexp.layers import normalization
from ganexp.networks import dcgan, mlp
from ganexp.records import summary
from ganexp.runs.run_folder import read_config
from ganexp.training.verify import short_run
from ganexp.transfer.settings import check, weights_file
from ganexp.transfer.start import start_from_weights
from support.checkpoint_files import HEADER, write_pickle
from support.runs import TINY
from support.tiny import SIZE, make_gan, same, state

TYPES = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16"}


def game(width=6, norm=normalization.none, ema=ExponentialMovingAverage, seed=0):
    module = make_gan(norm, ema=ema)
    torch.manual_seed(seed)
    module.generator = mlp.Generator(4, 1, SIZE, norm(), widths=(width,))
    module.discriminator = mlp.Discriminator(1, SIZE, norm(), widths=(width, 5))
    module.average = None if ema is None else ema(module.generator)
    return module


def checkpoint(module, path, images=1234):
    torch.save(
        {"state_dict": module.state_dict(), COUNTERS: {"images_seen": images, "batches_seen": 1, "unread_terms": {}}},
        path,
    )
    return str(path)


@pytest.fixture
def source(tmp_path):
    """A game whose live generator, averaged generator and discriminator all differ, and its checkpoint."""
    module = game(seed=1)
    for parameter in module.average.network.parameters():
        parameter.data.add_(1)
    module.average.updates = 70
    return module, checkpoint(module, tmp_path / "last.ckpt")


def write_safetensors(tensors, path, header=None):
    entries, data = {}, b""
    for name, tensor in tensors.items():
        content = tensor.contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(content)]
        entries[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        data += content
    text = json.dumps({"__metadata__": {"format": "pt"}, **entries} if header is None else header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(path)


def start(module, tmp_path, **settings):
    start_from_weights(module, settings, tmp_path)
    return module


@pytest.mark.parametrize("chosen", ["averaged", "live"])
def test_the_chosen_generator_and_the_discriminator_are_loaded_and_the_average_starts_there(source, tmp_path, chosen):
    other, path = source
    module = start(game(), tmp_path, path=path, weights=chosen)
    expected = other.average.network if chosen == "averaged" else other.generator
    assert same(state(module.generator), state(expected))
    assert same(state(module.average.network), state(expected))
    assert same(state(module.discriminator), state(other.discriminator))
    assert (module.average.updates, module.images_seen, module.batches_seen) == (0, 0, 0)


def test_of_a_checkpoint_without_an_average_the_live_generator_is_loaded(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    other = game(ema=None, seed=1)
    module = start(game(), tmp_path, path=checkpoint(other, tmp_path / "a.ckpt"))
    assert same(state(module.average.network), state(other.generator))
    assert "(live weights, 1,234 images)" in caplog.text


@pytest.mark.parametrize("only", ["generator", ["discriminator"]])
def test_only_the_chosen_player_is_loaded(source, tmp_path, only):
    other, path = source
    before = game()
    module = start(game(), tmp_path, path=path, only=only)
    drawn = other.average.network if only == "generator" else before.generator
    judged = before.discriminator if only == "generator" else other.discriminator
    assert same(state(module.generator), state(drawn))
    assert same(state(module.discriminator), state(judged))


def test_what_does_not_fit_is_listed_and_stays_as_it_was(source, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    other, path = source
    module = start(game(width=7), tmp_path, path=path)
    before = game(width=7)
    fitting = {name for name, value in state(module).items() if not torch.equal(value, state(before)[name])}
    fitting = {name for name in fitting if not name.startswith("average")}
    expected = {**state(other.discriminator), **state(other.average.network)}
    assert fitting
    for name in fitting:
        assert torch.equal(module.state_dict()[name], expected[name.partition(".")[2]])
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith(f"init: loaded {len(fitting)} of 10 tensors of the discriminator and the generator from")
    assert f"init: {10 - len(fitting)} of another shape in the file: " in lines[1]
    assert " and 3 more" in lines[1]
    assert summary.read(tmp_path)["init"]["loaded"] == len(fitting)
    with pytest.raises(UserError, match=r"init.strict=true: .* of another shape in the file: .*\[6, 4\], here"):
        start(game(width=7), tmp_path, path=path, strict=True)


def test_a_checkpoint_of_other_networks_is_one_line(source, tmp_path):
    _, path = source
    module = make_gan(normalization.batch, networks=dcgan)
    before = state(module)
    with pytest.raises(UserError, match="none of its 10 tensors fits this model: ") as refused:
        start(module, tmp_path, path=path)
    assert "\n" not in str(refused.value)
    assert same(state(module), before)


def test_the_vectors_of_a_spectral_norm_come_with_their_weight_or_are_computed(tmp_path):
    other, module = game(norm=normalization.spectral, seed=1), game(norm=normalization.spectral)
    tensors = {name: tensor for name, tensor in state(other).items() if not name.endswith(("_u", "_v"))}
    start(module, tmp_path, path=write_safetensors(tensors, tmp_path / "a.safetensors"))
    weight = module.discriminator.eval().layers[1].weight
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.01)
    wider = game(width=7, norm=normalization.spectral)
    before = state(wider)
    start(wider, tmp_path, path=checkpoint(other, tmp_path / "a.ckpt"))
    kept = {name for name in before if torch.equal(before[name], state(wider)[name])}
    first = "discriminator.layers.1.parametrizations.weight"
    assert {f"{first}.original", f"{first}.0._u", f"{first}.0._v"} <= kept


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", "legacy.pth"])
@pytest.mark.parametrize("names", ["the game's", "the network's"])
def test_a_file_of_tensors_is_loaded_by_the_names_of_the_game_or_of_a_network(tmp_path, names, suffix):
    other = game(seed=1)
    tensors = state(other.generator)
    if names == "the game's":
        tensors = {f"generator.{name}": tensor for name, tensor in tensors.items()}
    path = tmp_path / f"weights{suffix}"
    if path.suffix == ".safetensors":
        write_safetensors({name: tensor.half() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=suffix == ".pth")
    module = start(game(), tmp_path, path=str(path))
    for name, tensor in state(other.generator).items():
        torch.testing.assert_close(state(module.generator)[name], tensor, rtol=0, atol=1e-3)
    assert same(state(module.discriminator), state(game().discriminator))


def a_tensor(**changes):
    return {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}}


HEADERS = {
    "an unknown type": a_tensor(dtype="F4"),
    "a shape of other size": a_tensor(shape=[2]),
    "a huge shape": a_tensor(shape=[10**18]),
    "bytes beyond the end": a_tensor(shape=[2], data_offsets=[0, 8]),
    "a list as type": a_tensor(dtype=["F32"]),
    "no elements in 10^30 rows": a_tensor(shape=[0, 10**30], data_offsets=[0, 0]),
    "no elements in 2^124 rows": a_tensor(shape=[0, 2**62, 2**62], data_offsets=[0, 0]),
    "20,001 tensors": {str(number): a_tensor(shape=[0], data_offsets=[0, 0])["x"] for number in range(20_001)},
    "a negative place": a_tensor(data_offsets=[-4, 0]),
    "no shape": {"x": {"dtype": "F32"}},
    "a list": [1],
    "overlapping tensors": {**a_tensor(), "y": a_tensor()["x"]},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_damaged_safetensors_file_is_refused(tmp_path, header):
    path = tmp_path / "a.safetensors"
    write_safetensors({"x": torch.ones(1)}, path, header)
    with pytest.raises(ValueError, match=r"its header|its tensors"):
        read_safetensors(path)
    for content in (b"", b"\xff" * 20, path.read_bytes()[:12]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"not an intact \.safetensors file"):
            start(game(), tmp_path, path=str(path))


class Code:
    """Would run when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


HOSTILE = {
    "code": Code(),
    "a list": [torch.ones(1)],
    "a number": {"x": 1},
    "names of another type": {1: torch.ones(1)},
    "a sparse tensor": {"x": torch.ones(2).to_sparse()},
    "a tensor without memory": {"x": torch.ones(2, device="meta")},
    "a tensor of one number in 10^12 places": {"x": torch.ones(1).expand(10**12)},
    "a complex tensor": {"x": torch.ones(2, dtype=torch.complex64)},
    "infinity": {"x": torch.tensor([float("inf")])},
    "a checkpoint without weights": {COUNTERS: {}},
    "a checkpoint of weights without names": {COUNTERS: {}, "state_dict": {1: torch.ones(1)}},
    "a checkpoint of other things": {COUNTERS: 3, "state_dict": {"average.network.x": 1, "x": 2}},
    "a checkpoint with settings of another type": {
        **{COUNTERS: {}, "state_dict": {"x": torch.ones(1)}},
        "callbacks": {"Settings": {"settings": ["model.generator._target_"]}},
    },
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("suffix", [".pth", ".ckpt"])
def test_anything_but_finite_dense_tensors_is_one_line(tmp_path, content, suffix):
    path = tmp_path / f"a{suffix}"
    torch.save(content, path, pickle_module=pickle)
    with pytest.raises(UserError, match=r"init|ckpt") as refused:
        start(game(), tmp_path, path=str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("pack", [True, False], ids=["zip", "earlier format"])
def test_a_file_that_would_be_hashed_without_end_is_one_line(tmp_path, pack):
    path = tmp_path / "a.pth"
    torch.save({}, path, _use_new_zipfile_serialization=pack)
    # Tuples of twice the same tuple, 60 levels deep, as the key of a value.
    key = b")" + b"q\x00h\x00\x86" * 60
    if pack:
        write_pickle(path, HEADER + b"}" + key + b"Ns.")
    else:
        path.write_bytes(path.read_bytes().replace(b"}q\x00.", b"}" + key + b"Ns."))
    with pytest.raises(UserError, match="is not an intact file of weights"):
        start(game(), tmp_path, path=str(path))


def test_a_path_is_a_run_one_of_its_checkpoints_a_published_folder_or_a_file(tmp_path):
    run, published = tmp_path / "run", tmp_path / "published"
    files = [run / "checkpoints" / "last.ckpt", run / "checkpoints" / "best.ckpt", published / "model.safetensors"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for text, file in zip((run, run / "best", published), files, strict=True):
        assert weights_file(str(text)) == file
        assert weights_file(str(file)) == file
    wrong = {
        str(tmp_path / "nowhere"): "there is no such file or folder; give a run's folder",
        str(tmp_path): "that folder holds no run",
        str(run / "worst"): "there are: best, last",
        str(run / "config.yaml"): "config.yaml.ckpt is missing",
    }
    for text, answer in wrong.items():
        with pytest.raises(UserError, match=answer):
            weights_file(text)


WRONG = {
    "another type": (3, "init=3: the folder of a run"),
    "a path of nothing": ({"path": "nowhere"}, "init=nowhere: there is no such file or folder"),
    "a switch": ({"strict": "perhaps"}, "init.strict=perhaps: true or false is expected"),
    "weights": ({"weights": "best"}, "init.weights=best: choose averaged or live"),
    "a player": ({"only": "critic"}, "init.only=critic: choose generator or discriminator"),
    "a format": ({"format": "onnx"}, "init.format=onnx: choose biggan_pytorch or cyclegan_and_pix2pix"),
}


@pytest.mark.parametrize(("settings", "answer"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_one_line(settings, answer):
    with pytest.raises(UserError, match=answer):
        check(settings)


def test_a_path_of_nothing_is_refused_before_anything_is_built(ganexp, here):
    assert ganexp("init=nowhere").complaint.startswith("init=nowhere: there is no such file or folder")
    assert not list(here.iterdir())


def test_a_value_for_a_group_of_values_is_that_of_one_of_them():
    assert written_out(["init=a", "init.strict=true", "model.freeze=2", "model.freeze={generator: [a]}", "seed=1"]) == [
        *("init.path=a", "init.strict=true", "model.freeze.discriminator=2"),
        *("model.freeze={generator: [a]}", "seed=1"),
    ]


@pytest.mark.slow
def test_a_run_started_from_another_resumes_and_samples_without_it(ganexp, unlabelled, here):
    shutil.copytree(unlabelled, here / "source")
    begun = ganexp(*TINY, "run_dir=new", "init=source", "model.freeze=2", "callbacks.checkpoints.every=64")
    assert begun.status == 0
    assert "init: loaded 36 of 36 tensors" in begun.err
    assert "weights are not trained" in begun.err
    shutil.rmtree("source")
    (here / "new").rename("moved")
    resumed = ganexp("resume=moved", "images=320")
    assert resumed.status == 0
    assert "init: " not in resumed.err
    assert ganexp("sample", "run=moved", "n=4", "out=drawn").status == 0
    assert short_run(read_config(here / "moved"), here / "short", 1).init is None
    checkpoints = (folder / "checkpoints" / "last.ckpt" for folder in (unlabelled, here / "moved"))
    before, after = (torch.load(path, weights_only=True)["state_dict"] for path in checkpoints)
    names = [name for name in before if name.startswith("discriminator.layers.") and name.endswith("weight")]
    assert torch.equal(before[names[0]], after[names[0]])
    assert not torch.equal(before[names[-1]], after[names[-1]])


@pytest.mark.slow
def test_frozen_random_weights_are_warned_of(ganexp):
    outcome = ganexp(*TINY, "model.freeze=1", "images=64")
    assert "without init= these weights stay at their random initial values" in outcome.err
