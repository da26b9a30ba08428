"""Untrusted run folders: no code in them is executed, and nothing is written elsewhere."""

import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from ganexp.cli import main
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.overrides import with_overrides
from ganexp.runs.permissions import permissions
from ganexp.runs.trusted_code import require_trusted
from ganexp.runs.write_paths import bounded, write_paths
from support import runs
from support.mutations import replaced
from support.parts import thinned

TINY = [*runs.TINY, "images=64"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("security") / "run"
    assert main.main([f"run_dir={folder}", *TINY]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def refused(capsys):
    """Check that sample and resume refuse a run with the same line, and return it."""

    def refuse(run, *more):
        lines = []
        for command in (["sample", f"run={run}", "out=drawn"], [f"resume={run}", "images=128"]):
            capsys.readouterr()
            assert main.main([*command, *more]) == 2
            lines.append(capsys.readouterr().err.splitlines()[-1])
        assert lines[0] == lines[1]
        return lines[0]

    return refuse


class CreatesAFile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_without_running_it(run, refused, tmp_path):
    trap = tmp_path / "trap"
    checkpoint = run / "checkpoints" / "last.ckpt"
    torch.save({"ganexp": {"images_seen": 0}, "state_dict": CreatesAFile(trap)}, checkpoint)
    assert "it is damaged, or contains code" in refused(run)
    checkpoint.write_bytes(pickle.dumps(CreatesAFile(trap)))
    assert "it is damaged, or contains code" in refused(run)
    assert not trap.exists()
    # The trap works if it is not refused.
    pickle.loads(checkpoint.read_bytes())
    assert trap.exists()


@pytest.mark.parametrize("size", [0, 1, 100, -100, -1])
def test_a_truncated_checkpoint_is_refused(run, refused, size):
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:size])
    assert "it is damaged, or contains code" in refused(run)


@pytest.mark.parametrize(
    "foreign", [{"weights": torch.zeros(3)}, [1, 2], torch.zeros(3)], ids=["dict", "list", "tensor"]
)
def test_a_foreign_checkpoint_is_refused(run, refused, foreign):
    torch.save(foreign, run / "checkpoints" / "last.ckpt")
    assert "is not a checkpoint of ganexp" in refused(run)


def test_a_checkpoint_of_another_architecture_is_refused(run, refused):
    change(run, lambda config: config["model"]["generator"].update(width=16))
    assert "does not fit the model in config.yaml: " in refused(run)


def test_a_run_without_checkpoint_is_refused(run, refused):
    (run / "checkpoints" / "last.ckpt").unlink()
    assert "has no checkpoint yet" in refused(run)


@pytest.mark.parametrize("text", ["a: [1", "- 1", "a: 1", "\x00", "model: 3\nimages: 1"])
def test_a_malformed_config_is_refused(run, refused, text):
    (run / "config.yaml").write_text(text)
    assert f"{run / 'config.yaml'} " in refused(run)


def change(run, edit):
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    edit(config)
    path.write_text(yaml.safe_dump(config))


EVIL = {"_target_": "os.system", "command": "touch trap"}
HIDDEN = {
    "the model": lambda config: config.update(model=EVIL),
    "below the model": lambda config: config["model"]["generator"].update(width=EVIL),
    "in a list": lambda config: config["model"].update(extra=[1, [EVIL]]),
    "in a list of groups": lambda config: config["model"].update(extra=[{"inner": {"deep": EVIL}}]),
    "by a reference": lambda config: (config.update(elsewhere={"name": "os.system"}),
                                      config["model"]["generator"].update(_target_="${elsewhere.name}")),
    "by a resolver": lambda config: config["model"].update(generator="${oc.create:'{_target_: os.system}'}"),
    "by decoding": lambda config: config["model"].update(generator="${oc.decode:'{_target_: os.system}'}"),
    "from ganexp's imports": lambda config: config["model"].update(_target_="ganexp.cli.main.os.system"),
    "a name that begins alike": lambda config: config["model"].update(_target_="ganexp.variants.gan.GAN.os.system"),
}  # fmt: skip


@pytest.mark.parametrize("edit", HIDDEN.values(), ids=HIDDEN)
def test_a_config_that_names_foreign_code_is_refused_without_importing_it(run, refused, edit):
    change(run, edit)
    line = refused(run)
    assert "os.system" in line
    assert "which ganexp's config groups do not name there" in line
    assert not Path("trap").exists()


@pytest.fixture
def changing(run, tmp_path, monkeypatch):
    """Let a resolver select the loss: one of ganexp for its first result, foreign code for the second."""
    (tmp_path / "foreign_code.py").write_text("open('trap', 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)

    def make(resolver, first, second):
        answers = {f"is_{first}": "ganexp.losses.Hinge", f"is_{second}": "foreign_code.Loss"}
        elsewhere = {"answers": answers, "answer": f"is_${{{resolver}}}"}
        change(run, lambda config: config.update(**elsewhere, loss={"_target_": "${answers.${answer}}"}))

    return make


def test_the_checked_configuration_is_the_one_that_is_built(run, changing, tmp_path):
    (tmp_path / "where" / "one").mkdir(parents=True)
    # The output folder, created after the check, is the second.
    changing("class_folders:where", "None", "2")
    assert main.main(["sample", f"run={run}", "out=where/two", "n=1"]) == 0
    assert not Path("trap").exists()
    assert main.main(["sample", f"run={run}", "out=where/two", "n=1"]) == 2


def test_a_config_that_changes_while_it_is_resumed_is_built_as_it_was_checked(run, changing, monkeypatch, capsys):
    # Set after the check.
    monkeypatch.delenv("GANEXP_DATA", raising=False)
    monkeypatch.setattr("lightning.seed_everything", lambda *_, **__: monkeypatch.setenv("GANEXP_DATA", "0"))
    changing("oc.env:GANEXP_DATA,none", "none", "0")
    assert main.main([f"resume={run}", "images=128"]) == 0
    assert not Path("trap").exists()
    assert main.main([f"resume={run}", "images=192"]) == 2
    assert "names foreign_code.Loss" in capsys.readouterr().err
    assert not Path("trap").exists()


def test_a_hidden_reference_is_refused(run, refused):
    change(run, lambda config: config["model"]["generator"].update(width="\\${oc.decode:'{_target_: os.system}'}"))
    assert "contains an escaped reference" in refused(run)
    assert not Path("trap").exists()


SECRETS = {
    "by its name": "${oc.env:SECRET}",
    "with a default": "${oc.env:SECRET,none}",
    "within a text": "key ${oc.env:SECRET} here",
    "by a name that is made up": "${oc.env:${elsewhere.name}}",
    "by a resolver that is made up": "${${elsewhere.resolver}:SECRET}",
    "by decoding": "${oc.decode:'${oc.env:SECRET}'}",
    "by decoding what is made up": "${oc.decode:${elsewhere.text}}",
    "by creating": "${oc.create:'a: ${oc.env:SECRET}'}",
}


@pytest.mark.parametrize("reference", SECRETS.values(), ids=SECRETS)
def test_only_ganexps_own_environment_variables_are_read(run, refused, monkeypatch, reference):
    monkeypatch.setenv("SECRET", "a-key")
    elsewhere = {"name": "SECRET", "resolver": "oc.env", "text": "\\${oc.env:SECRET}"}
    # `trust: null` is what a configuration that was composed here has.
    change(run, lambda config: config.update(notes=reference, elsewhere=elsewhere, trust=None))
    line = refused(run)
    assert "the run's config.yaml reads the environment variable SECRET" in line
    assert "a-key" not in line


@pytest.mark.parametrize("key", ["seed", "model.latent", "logger"])
def test_no_message_shows_an_environment_variable(run, monkeypatch, capsys, key):
    monkeypatch.setenv("SECRET", "a-key")
    change(run, lambda config: config.update(replaced(config, key.split("."), "${oc.env:SECRET}")))
    assert main.main([f"resume={run}", "images=128", f"{key}=3"]) == 2
    captured = capsys.readouterr()
    assert "reads the environment variable SECRET" in captured.err
    assert "a-key" not in captured.out + captured.err


@pytest.mark.parametrize("key", ["model", "data", "trainer", "callbacks", "logger", "callbacks.pruning", "notes"])
def test_no_reference_is_resolved_before_the_configuration_is_known_to_be_a_runs(run, key):
    asked = []
    # Such as the classes of a repository, which is not asked about if only a run names it.
    OmegaConf.register_new_resolver("probe", lambda *, _root_: asked.append(_root_.get("trust")), replace=True)
    change(
        run,
        lambda config: config.update(
            replaced({"notes": None, **config, "callbacks": {"pruning": None}}, key.split("."), "${probe:}")
        ),
    )
    change(run, lambda config: config.update(trust=None))
    main.main([f"resume={run}", "images=128", "seed=3"])
    assert None not in asked


@pytest.mark.parametrize("key", ["logger", "model"])
@pytest.mark.parametrize("reference", ["${nowhere}", "${images}", "${logger}", "${model}"])
def test_a_reference_in_place_of_a_group_is_one_line(run, key, reference, capsys):
    change(run, lambda config: config.update({key: reference}))
    assert main.main([f"resume={run}", "images=128"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("ganexp: ")


def test_ganexps_own_environment_variables_are_read(run, monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere")
    change(run, lambda config: config.update(notes="${oc.env:HOME}", others="${oc.env:SLURM_NNODES,1}"))
    assert main.main(["sample", f"run={run}", "out=drawn", "n=1"]) == 0


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A package of the user's own, with a generator, and with something of another package in it."""
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "__init__.py").write_text("")
    (tmp_path / "mypackage" / "nets.py").write_text(
        "import os\nfrom ganexp.networks.dcgan import Generator as G\n\n\nclass Generator(G):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypackage"]:
        del sys.modules[name]


def test_code_that_the_user_trusts_is_built(run, refused, foreign):
    change(run, lambda config: config["model"]["generator"].update(_target_="mypackage.nets.Generator"))
    assert refused(run).endswith("if you trust that code, add trust=mypackage.nets.Generator")
    assert "mypackage.nets" not in sys.modules
    assert main.main(["sample", f"run={run}", "out=drawn", "n=1", "trust=mypackage.nets.Generator"]) == 0
    assert main.main([f"resume={run}", "images=128", "trust=mypackage.nets.Generator"]) == 0


def test_all_unknown_code_is_named_at_once(run, refused):
    def name_three(config):
        config["model"]["generator"].update(_target_="torch.load", f="x")
        config["model"]["discriminator"].update(activation={"_target_": "torch.nn.ELU"})
        config["loss"] = {"_target_": "torch.nn.ELU"}

    change(run, name_three)
    assert "torch.load at model.generator" in refused(run)
    assert refused(run).endswith("add trust=torch.nn.ELU,torch.load")
    assert refused(run, "trust=torch.nn.ELU").endswith("add trust=torch.load")


@pytest.mark.parametrize("target", ["mypackage.nets.os.system", "torch.load", "ganexp.cli.main.os.system"])
def test_trust_in_a_package_is_not_trust_in_what_it_holds(run, refused, foreign, target):
    change(run, lambda config: config["model"]["generator"].update(_target_=target))
    line = refused(run, f"trust={target.partition('.')[0]},mypackage.nets,torch.nn.ELU")
    assert "which ganexp's config groups do not name there" in line


WRONG_PLACES = {
    "model.loss": "ganexp.data.sources.unpaired_archive",
    "model.generator": "ganexp.callbacks.curves.Curves",
    "model.discriminator.normalization": "ganexp.metrics.inception.inception",
    "model.new": "ganexp.data.sources.cifar10",
    "callbacks.new": "ganexp.loggers.wandb.WandB",
    "data.source": "ganexp.metrics.inception.inception",
    "trainer": "ganexp.data.sources.unpaired_archive",
    "notes": "ganexp.losses.Hinge",
    "model.extra.0": "ganexp.losses.Hinge",
}


@pytest.mark.parametrize(("place", "target"), WRONG_PLACES.items(), ids=WRONG_PLACES)
def test_ganexps_own_code_is_refused_where_no_option_names_it(run, refused, tmp_path, place, target):
    here = {"_target_": target, "name": "x", "root": str(tmp_path), "url": "http://localhost:1/x.zip", "download": True}

    def put(config):
        node, parts = config, place.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = here

    change(run, put)
    assert f"{target} at {place}" in refused(run)


RECIPES = sorted(path.stem for path in (composition.conf_dir() / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("recipe", thinned(RECIPES, 4))
def test_every_recipe_names_at_each_place_what_the_groups_name_there(recipe):
    config = composition.resolve(composition.compose("train", [f"experiment={recipe}", "run_dir=unused"]))
    require_trusted(config)


ADDRESS = "http://localhost:1/x.zip"


def source(**values):
    address = {"name": "x", "url": ADDRESS}
    return {"_target_": "ganexp.data.sources.paired_archive", "_partial_": True, **address, **values}


OUTSIDE = {
    "callbacks.curves.folder": lambda config, outside: config["callbacks"]["curves"].update(folder=outside),
    "logger.csv.folder": lambda config, outside: config["logger"]["csv"].update(folder=outside),
    "trainer.default_root_dir": lambda config, outside: config["trainer"].update(default_root_dir=outside),
    "logger.trackio.database": lambda config, outside: config["logger"].update(
        trackio={"_target_": "ganexp.loggers.trackio.Trackio", "folder": "${run_dir}", "database": outside}),
    "logger.wandb.dir": lambda config, outside: config["logger"].update(
        wandb={"_target_": "ganexp.loggers.wandb.WandB", "folder": "${run_dir}", "dir": outside}),
    "callbacks.curves._args_": lambda config, outside: config["callbacks"].update(
        curves={"_target_": "ganexp.callbacks.curves.Curves", "_args_": [outside, 64]}),
    "callbacks.more.storage": lambda config, outside: config["callbacks"].update(
        more={"_target_": "ganexp.callbacks.pruning.Pruning", "storage": f"sqlite:///{outside}/x.db", "trial": 0}),
    "data.source.root": lambda config, outside: config["data"].update(source=source(root=outside)),
}  # fmt: skip


@pytest.fixture
def resume_status(capsys):
    """Resume a run and return the exit status and the last line."""

    def resume(run, *more):
        capsys.readouterr()
        return main.main([f"resume={run}", "images=128", *more]), [*capsys.readouterr().err.splitlines(), ""][-2]

    return resume


@pytest.mark.parametrize(("key", "edit"), OUTSIDE.items(), ids=OUTSIDE)
def test_a_run_does_not_write_outside_of_its_folder(run, resume_status, tmp_path, key, edit):
    outside = tmp_path / "elsewhere"
    change(run, lambda config: edit(config, str(outside)))
    status, line = resume_status(run)
    assert status == 2
    assert line.startswith(f"ganexp: {key}: the run's config.yaml writes to ")
    assert str(outside) in line
    assert "outside of the run's folder; if that is intended, add " in line
    assert not outside.exists()
    assert main.main(["verify", f"run={run}", "steps=1", "ranks=1"]) == 2


DATA = {
    "an address": lambda config, _: config["data"].update(source=source(root="${data_root}")),
    "a repository": lambda config, _: config["data"].update(source=source(
        _target_="ganexp.data.sources.hugging_face", url=None, path="owner/name", download=True)),
    "code": lambda config, _: config["loss"].update(_target_="my_losses.Smoothed"),
    "all of these": lambda config, outside: [
        DATA[name](config, outside) for name in ("a repository", "code")] + [
        OUTSIDE[name](config, outside) for name in ("callbacks.curves.folder", "callbacks.curves._args_")],
    "nothing": lambda config, _: None,
}  # fmt: skip


@pytest.mark.parametrize("folder", ["elsewhere", "else where: 'there'=1"])
@pytest.mark.parametrize("edit", [*OUTSIDE.values(), *DATA.values()], ids=[*OUTSIDE, *DATA])
def test_a_printed_command_permits_what_the_run_does(run, tmp_path, edit, folder):
    change(run, lambda config: edit(config, str(tmp_path / folder)))
    started = run_folder.read_config(run, [])
    overrides = permissions(started)
    trust = [override for override in overrides if override.startswith("trust=")]
    names = [name for each in trust for name in each.removeprefix("trust=").split(",")]
    bounded(with_overrides(run_folder.read_config(run, names), [each for each in overrides if each not in trust]))
    # And nothing is printed that is not needed.
    assert bool(overrides) is (edit is not DATA["nothing"])
    for left_out in overrides:
        others = [each for each in overrides if each not in (left_out, *trust)]
        config = with_overrides(run_folder.read_config(run, [] if left_out in trust else names), others)
        with pytest.raises(UserError, match=r"the run's config\.yaml"):
            bounded(config)


SPELLINGS = ["..", "../elsewhere", "~/x", "$HOME/x", "file:///tmp/x", "checkpoints/../../x"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_outside_path_is_refused(run, resume_status, monkeypatch, spelling):
    # Here a relative path would lie in the run's folder.
    monkeypatch.chdir(run)
    change(run, lambda config: config["callbacks"]["curves"].update(folder=spelling))
    status, line = resume_status(run)
    assert (status, f"writes to {spelling}, outside" in line) == (2, True)


LINKS = [
    "log.txt",
    ".summary.json.tmp",
    "summary.json",
    "curves.png",
    "samples/latest.png",
    "analysis",
    "checkpoints/x/deep",
]


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("exists", [True, False], ids=["to a file", "to nothing yet"])
def test_a_link_out_of_the_runs_folder_is_refused(run, refused, tmp_path, name, exists):
    outside = tmp_path / "start_file"
    if exists:
        outside.write_text("mine\n")
    link = run / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    line = refused(run)
    assert line == f"ganexp: {link} is a link to {outside}, outside of the run's folder: remove it"
    assert main.main(["evaluate", f"run={run}", "metric=[is_classifier]", "samples=[8]"]) == 2
    assert main.main(["verify", f"run={run}", "steps=1", "ranks=1"]) == 2
    assert (outside.read_text() == "mine\n") if exists else not outside.exists()


def test_a_new_run_does_not_write_through_a_link_that_waits_for_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.txt").symlink_to(tmp_path / "start_file")
    assert main.main(["run_dir=run", *TINY]) == 2
    assert "is a link to" in capsys.readouterr().err
    assert not (tmp_path / "start_file").exists()


def test_links_within_a_runs_folder_are_left(run, resume_status):
    (run / "samples" / "best.png").symlink_to(run / "samples" / "latest.png")
    assert resume_status(run)[0] == 0


BOMBS = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nmodel: {b: *b}\n",
    "a cycle": "model: &a {a: *a}\n",
    "brackets": "model: {a: " + "[" * 5000 + "]" * 5000 + "}\n",
    "megabytes": "model: {a: " + "x" * 2_000_000 + "}\n",
    "references": "images: 64\nmodel: {_target_: '${model.a}', a: '${model._target_}'}\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_config_that_would_fill_memory_or_never_end_is_refused_at_once(run, refused, trained, text, capsys):
    (run / "config.yaml").write_text(text)
    assert len(refused(run)) < 400
    # One bad folder does not end a comparison.
    capsys.readouterr()
    assert main.main(["compare", str(run), str(trained), "out=report"]) == 0
    assert Path("report").exists()


def test_nested_summaries_and_scores_are_no_content(run, trained):
    for name in ("summary.json", "scores.json"):
        (run / name).write_text("[" * 200_000)
    assert main.main(["compare", str(run), str(trained), "out=report"]) == 0


def test_a_compressed_checkpoint_is_refused_before_it_is_unpacked(run, refused):
    checkpoint = run / "checkpoints" / "last.ckpt"
    with zipfile.ZipFile(checkpoint) as whole:
        contents = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(checkpoint, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    assert "it is damaged, or contains code" in refused(run)


def test_a_path_given_by_the_user_is_accepted(run, resume_status, tmp_path):
    outside = tmp_path / "elsewhere"
    change(run, lambda config: config["callbacks"]["curves"].update(folder=str(outside)))
    outside.mkdir()
    assert resume_status(run, f"callbacks.curves.folder={outside}")[0] == 0
    # But not for any other key.
    change(run, lambda config: config["logger"]["csv"].update(folder=str(tmp_path / "other")))
    assert resume_status(run, f"callbacks.curves.folder={outside}", "images=192")[0] == 2


def test_data_are_downloaded_to_the_default_or_a_given_folder(run, tmp_path, monkeypatch):
    def refusal(**values):
        config = run_folder.read_config(run, values.pop("trust", []))
        config.data.source = source(**values)
        config[run_folder.GIVEN] = ["data_root"] if "data_root" in values else []
        config.data_root = values.get("data_root", config.data_root)
        try:
            bounded(config)
        except UserError as error:
            return str(error).partition(":")[0]

    composition.register_resolvers()
    monkeypatch.setenv("GANEXP_DATA", str(tmp_path / "data"))
    known = composition.compose("train", ["data=facades"]).data.source.url
    assert refusal(root="${data_root}", url=known) is None
    assert refusal(root="${run_dir}", url=known) is None
    # Another address is the user's to trust.
    assert refusal(root="${data_root}") == "data.source.url"
    assert refusal(root="${data_root}", download=False) is None
    assert refusal(root="${data_root}", trust=[ADDRESS]) is None
    assert refusal(root="${data_root}", trust=["http://localhost:1/"]) == "data.source.url"
    assert refusal(root=str(tmp_path / "other"), download=False) is None
    assert refusal(root=str(tmp_path / "other")) == "data.source.root"
    assert refusal(root=str(tmp_path / "other"), data_root=str(tmp_path / "other"), trust=[ADDRESS]) is None
    assert refusal(root="${data_root}", name="../x") == "data.source.name"
    assert refusal(_args_=[str(tmp_path / "other")]) == "data.source._args_"
    # Public data sets are harmless anywhere: addresses in conf/, and those in a source's own code.
    assert refusal(root=str(tmp_path / "other"), url=known) is None
    assert refusal(root=str(tmp_path / "other"), _target_="ganexp.data.sources.cifar10", url=None) is None


def test_a_repository_is_the_users_to_trust(run, tmp_path):
    def refusal(path, download=True, trust=(), given=()):
        config = run_folder.read_config(run, list(trust))
        target = "ganexp.data.sources.hugging_face"
        config.data.source = {"_target_": target, "_partial_": True, "path": path, "download": download}
        config.data.path = path
        config[run_folder.GIVEN] = list(given)
        try:
            bounded(config)
        except UserError as error:
            return str(error).partition(":")[0]

    composition.register_resolvers()
    assert refusal("owner/name") == "data.source.path"
    assert refusal("owner/name", trust=["owner/name"]) is None
    assert refusal("owner/name", given=["data.path"]) is None
    assert refusal("owner/name", download=False) is None
    assert refusal(str(tmp_path)) is None


def test_default_write_paths_of_loggers_and_pruning_are_in_the_runs_folder(run):
    composition.register_resolvers()
    config = composition.compose("train", ["logger=[csv,tensorboard,wandb,trackio]", "callbacks=pruned"])
    config.run_dir = str(run)
    config = run_folder.without_run_dir(config)
    # As a search leaves them.
    config.callbacks.pruning.update(storage="sqlite:////elsewhere/study.db", trial=3)
    (run / "config.yaml").write_text(OmegaConf.to_yaml(config))
    read = run_folder.read_config(run)
    assert len([*write_paths(OmegaConf.to_container(bounded(read), resolve=True))]) >= 10
    assert (read.callbacks.pruning.storage, read.callbacks.pruning.trial) == (None, None)
