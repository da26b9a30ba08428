"""Checkpoint files that no checkpoint is: other formats, other pickles, and sizes that are not true."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import torch

from ganexp.files.plain_zip import END_64_BYTES, END_BYTES, LOCATOR_BYTES
from support.checkpoint_files import (
    HEADER,
    checkpoint_with,
    last_of,
    number,
    storage,
    tensor,
    text,
    write_pickle,
)

EIGHT_BYTES = {"0": bytes(8)}


class CreatesAFile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def whole(content):
    """A case that replaces the file's bytes, computed from them and the path of a trap."""

    def write(run, trap):
        last_of(run).write_bytes(content(last_of(run).read_bytes(), trap))

    return write


def holding(value, records=()):
    """A case whose checkpoint holds a value made by instructions."""
    return lambda run, trap: write_pickle(last_of(run), checkpoint_with(value), records)


def saved(value):
    """A case whose checkpoint holds an object of torch's."""
    counters = {"images_seen": 416, "batches_seen": 26, "unread_terms": {}}
    return lambda run, trap: torch.save(
        {"ganexp": counters, "state_dict": {}, "callbacks": {"Mine": {"value": value()}}}, last_of(run)
    )


def named_pipe(run, trap):
    last_of(run).unlink()
    os.mkfifo(last_of(run))


def folder(run, trap):
    last_of(run).unlink()
    last_of(run).mkdir()


def repacked(name, compression=zipfile.ZIP_STORED, pickled=None):
    """A case with the same entries, compressed, or with one more entry that has another pickle."""

    def write(run, trap):
        with zipfile.ZipFile(last_of(run)) as archive:
            entries = {entry: archive.read(entry) for entry in archive.namelist()}
            top = archive.namelist()[0].partition("/")[0]
        with zipfile.ZipFile(last_of(run), "w", compression) as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
            if name is not None:
                archive.writestr(f"{top}/{name}", pickled or b"")

    return write


def a_sum_of_functions(run, trap):
    write_pickle(last_of(run), HEADER + b"cos\nsystem\n" + b"(" + text(f"touch {trap}") + b"tR.")


def quantized():
    return torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8)


def earlier(value):
    """Return a file of torch's earlier format."""
    content = io.BytesIO()
    torch.save(value, content, _use_new_zipfile_serialization=False)
    return content.getvalue()


def zipped(value):
    """Return a file of torch's format."""
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


def with_two_tables(content, trap):
    """Return a checkpoint, found by the stated place of its table, and an empty one, found at the end of the file."""
    empty = zipped({})
    # The place of the table's record is in the last but one record.
    place = (len(content) - END_BYTES - LOCATOR_BYTES - END_64_BYTES).to_bytes(8, "little")
    return content + empty[: -END_BYTES - 12] + place + empty[-END_BYTES - 4 :]


NESTED_TUPLES = b")" + b"q\x00h\x00\x86" * 60
SHARED_LISTS = b"]" + b"q\x00]q\x01(h\x00h\x00e" * 40
CYCLE = b"]q\x00h\x00a"

ARCHIVES = {
    "an empty file": whole(lambda content, trap: b""),
    "half a file": whole(lambda content, trap: content[: len(content) // 2]),
    "a bare pickle that creates a file": whole(lambda content, trap: pickle.dumps(CreatesAFile(trap))),
    "a pickle that runs a command": a_sum_of_functions,
    "a folder": folder,
    "a named pipe": named_pipe,
    "a checkpoint of torch's earlier format before an empty one": whole(
        lambda content, trap: earlier(torch.load(io.BytesIO(content), weights_only=True)) + zipped({})),
    "a checkpoint before an empty one": whole(with_two_tables),
    "a compressed archive": repacked(None, zipfile.ZIP_DEFLATED),
    "two pickles, in capitals": repacked("DATA.PKL", pickled=HEADER + b"N."),
    "a TorchScript archive": repacked("constants.pkl", pickled=HEADER + b"N."),
    "a pickle that never ends": lambda run, trap: write_pickle(last_of(run), HEADER + b"N0" * 2_000_000 + b"N."),
    "a pickle without an end": lambda run, trap: write_pickle(last_of(run), HEADER + b"}"),
    "a pickle that takes from nothing": lambda run, trap: write_pickle(last_of(run), HEADER + b"tu."),
    "a pickle that is a number": lambda run, trap: write_pickle(last_of(run), HEADER + number(3) + b"."),
    "a tensor larger than its data": holding(tensor(storage(10**6), size=(10**6,)), EIGHT_BYTES),
    "a view beyond its data": holding(tensor(storage(2), size=(10**12,)), EIGHT_BYTES),
    "an offset beyond its data": holding(tensor(storage(2), offset=10**9), EIGHT_BYTES),
    "a negative size": holding(tensor(storage(2), size=(-2,)), EIGHT_BYTES),
    "a storage that is not there": holding(tensor(storage(2, key="7"))),
    "a storage outside of the archive": holding(tensor(storage(2, key="../../etc/passwd"))),
    "a storage named by nested tuples": holding(b"(" + text("storage") + NESTED_TUPLES + b"tQ"),
    "nested tuples as a key": holding(b"}" + NESTED_TUPLES + b"Ns"),
    "nested tuples as the attribute of a dict": holding(b"ccollections\nOrderedDict\n)R}" + NESTED_TUPLES + b"Nsb"),
    "nested tuples as what is called": holding(NESTED_TUPLES + b")R"),
    "lists of twice the same list": holding(SHARED_LISTS),
    "a list that contains itself": holding(CYCLE),
    "lists 20,000 levels deep": holding(b"]" * 20_000 + b"a" * 19_999),
    "an attribute in place of a method": holding(b"ccollections\nOrderedDict\n)R}" + text("items") + number(1) + b"sb"),
    "a tenth of a terabyte of bytes": holding(b"cbuiltins\nbytearray\n" + number(10**11) + b"\x85R"),
    "a terabyte of a tensor": holding(b"ctorch\nTensor\n" + number(10**12) + b"\x85\x81"),
    "a slow encoding": holding(b"c_codecs\nencode\n" + text("é" * 10**6) + text("punycode") + b"\x86R"),
    "a set of nested tuples": holding(b"cbuiltins\nset\n](" + NESTED_TUPLES + b"e\x85R"),
    "a sparse tensor": saved(lambda: torch.eye(3).to_sparse()),
    "a compressed sparse tensor": saved(lambda: torch.eye(3).to_sparse_csr()),
    "a quantized tensor": saved(quantized),
    "a tensor without data": saved(lambda: torch.empty(3, device="meta")),
}  # fmt: skip
