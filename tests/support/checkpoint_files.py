"""Checkpoints that torch would not write: changed contents, and pickles of single instructions."""

import zipfile

import torch

HEADER = b"\x80\x02"
FLOATS = b"ctorch\nFloatStorage\n"


def last_of(run):
    return run / "checkpoints" / "last.ckpt"


def change_contents(run, edit):
    """Change the contents of a run's last checkpoint."""
    contents = torch.load(last_of(run), weights_only=True)
    edit(contents)
    torch.save(contents, last_of(run))


def write_pickle(path, pickled, records=()):
    """Write a checkpoint with this pickle, and with these bytes of storages by their key."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
        for key, content in dict(records).items():
            archive.writestr(f"archive/data/{key}", content)


def text(value):
    """Return the instruction for a text."""
    encoded = value.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def number(value):
    """Return the instruction for a whole number."""
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def storage(count, key="0", kind=FLOATS):
    """Return the instructions for a storage."""
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(stored, offset=0, size=(2,), stride=(1,)):
    """Return the instructions for a tensor of a storage."""
    sizes = b"(" + b"".join(map(number, size)) + b"t"
    strides = b"(" + b"".join(map(number, stride)) + b"t"
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = b"(" + stored + number(offset) + sizes + strides + b"\x89" + hooks + b"t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def checkpoint_with(value):
    """Return the pickle of a checkpoint with a value, made by instructions, among its callbacks' states."""
    counters = b"}(" + text("images_seen") + number(416) + text("batches_seen") + number(26)
    counters += text("unread_terms") + b"}u"
    entries = text("ganexp") + counters + text("state_dict") + b"}" + text("callbacks")
    callbacks = b"}(" + text("Mine") + b"}(" + text("value") + value + b"uu"
    return HEADER + b"}(" + entries + callbacks + b"u."
