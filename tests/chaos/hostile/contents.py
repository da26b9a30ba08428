"""Contents of checkpoints that no training wrote; the weights of the first group do not fit either."""

import math
from collections import OrderedDict

import torch

from support.checkpoint_files import change_contents


def changed(edit):
    """A case that changes the contents of the last checkpoint."""
    return lambda run, trap: change_contents(run, edit)


def counters(**values):
    return changed(lambda contents: contents["ganexp"].update(values))


def without(*keys):
    def remove(contents):
        for key in keys[:-1]:
            contents = contents[key]
        del contents[keys[-1]]

    return changed(remove)


def put(value, *keys):
    def replace(contents):
        for key in keys[:-1]:
            contents = contents[key]
        contents[keys[-1]] = value

    return changed(replace)


def weight(change):
    """A case with the first weight changed."""

    def edit(contents):
        name = next(iter(contents["state_dict"]))
        contents["state_dict"][name] = change(contents["state_dict"][name])

    return changed(edit)


def versions(contents):
    weights = OrderedDict(contents["state_dict"])
    weights._metadata = {"": {"version": "two"}}
    contents["state_dict"] = weights


AVERAGE = "average._extra_state"

WEIGHTS = {
    "a negative number of images": counters(images_seen=-64),
    "a number of images that is a text": counters(images_seen="many"),
    "a number of images of 500 digits": counters(images_seen=10**500),
    "a number of images that is a fraction": counters(images_seen=1.5),
    "a number of images that is true": counters(images_seen=True),
    "no number of images": without("ganexp", "images_seen"),
    "more batches than images": counters(batches_seen=10**6),
    "a negative number of batches": counters(batches_seen=-1),
    "counters that are a list": put([1, 2], "ganexp"),
    "no ranks": counters(ranks=0),
    "a learning rate times 0": counters(rate=0.0),
    "a learning rate times no number": counters(rate=math.nan),
    "losses that are a text": counters(unread_terms={"generator": "losses"}),
    "losses that are texts": counters(unread_terms={"generator": [{"adversarial": "low"}]}),
    "no losses": without("ganexp", "unread_terms"),
    "no weights": without("state_dict"),
    "weights that are a list": put([torch.zeros(3)], "state_dict"),
    "a weight that is a text": weight(lambda tensor: "x"),
    "a weight of whole numbers": weight(lambda tensor: tensor.long()),
    "a weight of complex numbers": weight(lambda tensor: tensor.to(torch.complex64)),
    "a weight of another shape": weight(lambda tensor: tensor[:1]),
    "a weight expanded to a million times its size": weight(lambda tensor: tensor.flatten()[:1].expand(10**6)),
    "versions of layers that are a text": changed(versions),
    "callbacks that are a list": put(["Doctor"], "callbacks"),
    "a callback's state that is a text": put("well", "callbacks", "Doctor"),
    "settings that are a list": put([1], "callbacks", "Settings", "settings"),
    "a setting that is a tensor": put(torch.zeros(2), "callbacks", "Settings", "settings", "model.latent"),
    "a setting that holds a tensor": put([[torch.zeros(2)]], "callbacks", "Settings", "settings", "model.latent"),
    "a setting that is a type": put(torch.float32, "callbacks", "Settings", "settings", "model.latent"),
    "a setting of 5,000 digits": put(10**5000, "callbacks", "Settings", "settings", "model.latent"),
}

AVERAGES = {
    "a moving average of -1 updates": put({"updates": -1}, "state_dict", AVERAGE),
    "a moving average of textual updates": put({"updates": "x"}, "state_dict", AVERAGE),
    "a moving average without updates": put({}, "state_dict", AVERAGE),
    "a moving average that is a list": put([1], "state_dict", AVERAGE),
}
"""Cases that change what only a model with a moving average has."""


def moment(change):
    """A case with the first moment of the first weight changed."""

    def edit(contents):
        state = contents["optimizer_states"][0]["state"][0]
        state["exp_avg"] = change(state["exp_avg"])

    return changed(edit)


def step(value):
    return put(value, "optimizer_states", 0, "state", 0, "step")


def setting(name, value):
    return put(value, "optimizer_states", 0, "param_groups", 0, name)


LOOP = ("loops", "fit_loop", "epoch_loop.batch_progress")

TRAINING = {
    "no optimizers": without("optimizer_states"),
    "optimizers that are a text": put("Adam", "optimizer_states"),
    "one optimizer too few": changed(lambda contents: contents["optimizer_states"].pop()),
    "no groups of weights": put([], "optimizer_states", 0, "param_groups"),
    "weights in another order": changed(
        lambda contents: contents["optimizer_states"][0]["param_groups"][0]["params"].reverse()),
    "weights numbered alike": changed(
        lambda contents: contents["optimizer_states"][0]["param_groups"][0]["params"].__setitem__(1, 0)),
    "a tensor among the numbers of weights": changed(
        lambda contents: contents["optimizer_states"][0]["param_groups"][0]["params"].__setitem__(0, torch.zeros(2))),
    "a weight whose number is a fraction": changed(
        lambda contents: contents["optimizer_states"][0].update(state={0.0: {}})),
    "the state of an unknown weight": put({"step": torch.tensor(1.0)}, "optimizer_states", 0, "state", 999),
    "states that are a list": put([{}], "optimizer_states", 0, "state"),
    "a moment of one element": moment(lambda tensor: tensor.flatten()[:1].clone()),
    "a moment of no element": moment(lambda tensor: tensor.flatten()[:0].clone()),
    "a moment of twice the size": moment(lambda tensor: torch.cat([tensor, tensor])),
    "a moment whose elements are one": moment(lambda tensor: tensor.flatten()[0].expand(tensor.shape)),
    "a moment with gaps": moment(lambda tensor: tensor.repeat(1, 1, 1, 2)[..., ::2]),
    "a moment of whole numbers": moment(lambda tensor: tensor.long()),
    "a moment of true and false": moment(lambda tensor: tensor > 0),
    "a moment of complex numbers": moment(lambda tensor: tensor.to(torch.complex64)),
    "a moment of 8-bit numbers": moment(lambda tensor: tensor.to(torch.float8_e4m3fn)),
    "a moment that is a number": moment(lambda tensor: 0.0),
    "no moment": without("optimizer_states", 0, "state", 0, "exp_avg"),
    "no step": without("optimizer_states", 0, "state", 0, "step"),
    "a negative step": step(torch.tensor(-5.0)),
    "a step that is no number": step(torch.tensor(math.nan)),
    "two steps": step(torch.ones(2)),
    "a step that is a text": step("first"),
    "a learning rate that is a text": setting("lr", "fast"),
    "a negative learning rate": setting("lr", -1.0),
    "an infinite initial learning rate": setting("initial_lr", math.inf),
    "two initial learning rates": setting("initial_lr", torch.ones(2)),
    "a single beta": setting("betas", (0.5,)),
    "betas of 1": setting("betas", (1.0, 1.0)),
    "betas that are texts": setting("betas", ("a", "b")),
    "a setting that Adam does not have": setting("momentum", 0.9),
    "a step that is differentiated": setting("differentiable", True),
    "maxima that are not there": setting("amsgrad", True),
    "no loops": without("loops"),
    "loops that are a list": put([], "loops"),
    "a negative count of a loop": put(-1, *LOOP, "current", "ready"),
    "a count of a loop that is a text": put("x", *LOOP, "current", "ready"),
    "a loop's counts that are a number": put(3, *LOOP, "current"),
    "a count in place of a loop's method": put(3, *LOOP, "current", "reset"),
    "a loop without a count's total": without(*LOOP, "total"),
    "no version of Lightning": without("pytorch-lightning_version"),
    "a version of Lightning that is a text": put("latest", "pytorch-lightning_version"),
    "a version before the first migration": put("0.0.1", "pytorch-lightning_version"),
    "schedules of Lightning": put([{"last_epoch": 1}], "lr_schedulers"),
    "no schedules": without("lr_schedulers"),
    "seconds that are a text": put("long", "callbacks", "Curves", "seconds"),
    "no seconds": put({"minutes": 1}, "callbacks", "Curves"),
    "findings that are a text": put("none", "callbacks", "Doctor", "said"),
    "a history of texts": put(["well"] * 12, "callbacks", "Doctor", "history"),
    "a history without signs": put([{}] * 12, "callbacks", "Doctor", "history"),
}  # fmt: skip
