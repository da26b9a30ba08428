"""A snapshot equals what it was taken of, whatever happens to the original afterwards."""

import io
from collections import OrderedDict

import torch
from torch import nn

from ganexp.callbacks.snapshot import Snapshot
from ganexp.runs.checkpoint_diff import differences


def contents():
    """What a checkpoint holds: weights with their versions, optimizer states, views, plain values."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, fused=True)
    network(torch.rand(2, 2, 5, 5)).square().mean().backward()
    optimizer.step()
    weights = network.state_dict()
    row = torch.arange(4.0)
    return network, {
        "state_dict": weights,
        "again": weights["0.weight"],
        "optimizer_states": [optimizer.state_dict()],
        "row": row,
        "expanded": row.expand(3, 4),
        "part": row[1:3],
        "none": torch.empty(0),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "plain": {"number": 3, "text": "a", "pair": (1.5, None), "list": [1, [2]], "set": {1}},
    }


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file)


def take(snapshot, contents, later=()):
    taken = snapshot.take(contents, later)
    snapshot.complete()
    return taken


def change(network, contents):
    with torch.no_grad():
        for tensor in [*network.state_dict().values(), contents["row"], contents["half"]]:
            tensor.add_(1)
        for state in contents["optimizer_states"][0]["state"].values():
            state["exp_avg"].add_(1)
    contents["plain"]["list"][1].append(3)


def test_a_snapshot_is_what_the_contents_were():
    network, original = contents()
    _, expected = contents()
    snapshot = Snapshot()
    taken = take(snapshot, original)
    change(network, original)
    assert differences(saved(taken), saved(expected)) == []
    assert taken["plain"] == expected["plain"]
    assert isinstance(taken["state_dict"], OrderedDict)
    assert taken["state_dict"]._metadata["1"] == {"version": 2}
    assert taken["state_dict"]["0.weight"].stride() == expected["state_dict"]["0.weight"].stride()
    # The next snapshot has the changes.
    assert differences(saved(take(snapshot, original)), saved(original)) == []


def test_what_is_left_for_later_is_copied_when_the_snapshot_is_completed():
    network, original = contents()
    _, expected = contents()
    state = original["optimizer_states"][0]["state"]
    snapshot = Snapshot()
    taken = snapshot.take(original, [state[0]["exp_avg"]])
    with torch.no_grad():
        for tensor in [*network.state_dict().values(), original["row"]]:
            tensor.add_(1)
    state[0]["exp_avg"].fill_(7)
    state[1]["exp_avg"].fill_(7)
    snapshot.complete()
    state[0]["exp_avg"].fill_(8)
    assert differences(saved(taken["state_dict"]), saved(expected["state_dict"])) == []
    assert torch.equal(taken["row"], expected["row"])
    moments = [taken["optimizer_states"][0]["state"][number]["exp_avg"] for number in (0, 1)]
    assert (moments[0] == 7).all()
    assert not (moments[1] == 7).any()


def test_what_shares_memory_shares_it_in_the_snapshot():
    _, original = contents()
    taken = take(Snapshot(), original)
    assert taken["again"] is taken["state_dict"]["0.weight"]


def test_memory_is_used_again_where_shapes_are_the_same():
    _, original = contents()
    snapshot = Snapshot()
    before = take(snapshot, original)
    pointer, other = before["state_dict"]["0.bias"].data_ptr(), before["row"].data_ptr()
    original["row"] = torch.arange(5.0)
    after = take(snapshot, original)
    assert after["state_dict"]["0.bias"].data_ptr() == pointer
    assert after["row"].data_ptr() != other
    assert torch.equal(after["row"], torch.arange(5.0))
