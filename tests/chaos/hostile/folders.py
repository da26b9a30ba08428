"""Run folders that write, read or name what they must not, or that take forever to read."""

import os

import yaml


def written(text):
    """A case with another config.yaml."""
    return lambda run, trap: (run / "config.yaml").write_text(text)


def changed(edit):
    """A case that changes the configuration."""

    def write(run, trap):
        config = yaml.safe_load((run / "config.yaml").read_text())
        edit(config, trap)
        (run / "config.yaml").write_text(yaml.safe_dump(config))

    return write


def link(name):
    """A case with a link to a place outside of the folder."""

    def write(run, trap):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(trap)

    return write


def replaced(make):
    """A case with something other than a file as config.yaml."""

    def write(run, trap):
        (run / "config.yaml").unlink()
        make(run / "config.yaml")

    return write


def command(trap):
    return {"_target_": "os.system", "command": f"touch {trap}"}


FOLDERS = {
    "the log is a link": link("log.txt"),
    "the summary is a link": link("summary.json"),
    "a temporary file is a link": link(".summary.json.tmp"),
    "the curves are a link": link("curves.png"),
    "the analyses are a link": link("analysis"),
    "the checkpoint is a link": link("checkpoints/last.ckpt"),
    "a checkpoint's temporary file is a link": link("checkpoints/last.tmp"),
    "no configuration": replaced(lambda path: None),
    "a configuration that is a folder": replaced(lambda path: path.mkdir()),
    "a configuration that is a named pipe": replaced(os.mkfifo),
    "an empty configuration": written(""),
    "a configuration of other bytes": lambda run, trap: (run / "config.yaml").write_bytes(bytes(range(256))),
    "a configuration that is a list": written("- model\n"),
    "a model that is a number": written("model: 3\nimages: 1\n"),
    "aliases of aliases": written("a: &a [x, x]\nb: &b [*a, *a]\nmodel: {b: *b}\n"),
    "an alias of itself": written("model: &a {a: *a}\n"),
    "5,000 brackets": written("model: {a: " + "[" * 5000 + "]" * 5000 + "}\n"),
    "two megabytes": written("model: {a: " + "x" * 2_000_000 + "}\n"),
    "references in a circle": written("images: 64\nmodel: {_target_: '${model.a}', a: '${model._target_}'}\n"),
    "a tag that makes an object": written("model: !!python/object/apply:os.system ['touch trap']\n"),
    "a command as the model": changed(lambda config, trap: config.update(model=command(trap))),
    "a command as a loss": changed(lambda config, trap: config.update(loss=command(trap))),
    "a command within a list": changed(lambda config, trap: config["model"].update(extra=[[command(trap)]])),
    "a command by a reference": changed(
        lambda config, trap: (config.update(here={"name": "os.system"}),
                              config["model"]["generator"].update(_target_="${here.name}"))),
    "a data set as a loss": changed(
        lambda config, trap: config.update(loss={"_target_": "ganexp.data.sources.cifar10", "root": str(trap)})),
    "a secret of the environment": changed(lambda config, trap: config.update(notes="${oc.env:AWS_SECRET_ACCESS_KEY}")),
}  # fmt: skip

WRITING = {
    "curves elsewhere": changed(lambda config, trap: config["callbacks"]["curves"].update(folder=str(trap))),
    "checkpoints elsewhere": changed(lambda config, trap: config["callbacks"]["checkpoints"].update(folder=str(trap))),
    "metrics elsewhere": changed(lambda config, trap: config["logger"]["csv"].update(folder=f"{trap}/../x")),
    "Lightning's files elsewhere": changed(
        lambda config, trap: config["trainer"].update(default_root_dir=str(trap))),
    "a study elsewhere": changed(lambda config, trap: config["callbacks"].update(
        more={"_target_": "ganexp.callbacks.pruning.Pruning", "storage": f"sqlite:///{trap}", "trial": 0})),
}  # fmt: skip
"""Cases in which only training would write elsewhere."""
