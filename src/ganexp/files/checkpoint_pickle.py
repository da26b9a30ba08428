"""The pickle within a checkpoint, checked before torch reads it: plain values and dense tensors, and their size.

torch.load with weights_only runs no code of the pickle. But it hashes whatever is the key of a dict, which for nested
tuples takes forever, it builds sparse, quantized and wrapped tensors, and it believes the sizes that the pickle states.
"""

import io
import pickletools
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ganexp.files.plain_zip import is_zip, require_plain_zip

MAX_OPERATIONS = 2_000_000
"""Bound on the pickle's instructions, of which a tensor takes about 30."""
ITEM_SIZES = {
    "BoolStorage": 1,
    "ByteStorage": 1,
    "CharStorage": 1,
    "UntypedStorage": 1,
    "BFloat16Storage": 2,
    "HalfStorage": 2,
    "ShortStorage": 2,
    "FloatStorage": 4,
    "IntStorage": 4,
    "ComplexFloatStorage": 8,
    "DoubleStorage": 8,
    "LongStorage": 8,
    "ComplexDoubleStorage": 16,
}
"""Bytes of an element, by the class of a tensor's storage."""
DATA_TYPE = re.compile(r"torch (bool|(bfloat|float|complex|u?int)\d+\w*)")
CALLABLE = (
    "torch Size",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
)
EARLIER_PICKLES = 5
"""The number of pickles in a file of torch's earlier format."""
WHOLE: tuple[list[None], ...] = ([], [None])
"""What a storage has after its size if it is no part of another one: in the earlier format, that."""
ORDERED_DICT = "collections OrderedDict"
ENCODE = "_codecs encode"


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names."""

    path: str


@dataclass(frozen=True, eq=False)
class Built:
    """An object that the pickle builds, of which only the kind matters here."""

    kind: str


LIST, DICT, OBJECT = Built("list"), Built("dict"), Built("object")


def require_plain_file(path: Path) -> None:
    """Raise ValueError unless a file is in one of torch.save's two formats, and its pickle plain.

    That also keeps torch before 2.6 from its still earlier format, a tar archive, whose reader runs code
    (CVE-2025-32434). Also raises IndexError or KeyError for a malformed pickle, and zipfile.BadZipFile for damage.
    """
    if is_zip(path):
        require_plain_zip(path)
        require_plain_pickle(path)
    else:
        require_plain_pickles(path)


def require_plain_pickle(path: Path) -> None:
    """Raise ValueError unless a checkpoint's pickle makes only plain values, and dense tensors as large as their data.

    Also raises IndexError or KeyError for a malformed pickle.
    """
    with zipfile.ZipFile(path) as archive:
        # torch finds an entry without regard to case.
        sizes = {entry.filename.lower(): entry.file_size for entry in archive.infolist()}
        if len(sizes) != len(archive.infolist()):
            raise ValueError("it has two entries of one name")
        pickles = [entry.filename for entry in archive.infolist() if entry.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].count("/") != 1:
            raise ValueError("it has no single data.pkl")
        folder = pickles[0].partition("/")[0]
        Machine(lambda key: sizes[f"{folder}/data/{key}".lower()]).run(io.BytesIO(archive.read(pickles[0])))


def require_plain_pickles(path: Path) -> None:
    """Raise as `require_plain_pickle` does for a file of torch's earlier format: a pickle of the contents among others.

    Before them are a magic number, a version and facts of the system, after them the keys of the storages and their
    data.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for _ in range(EARLIER_PICKLES):
            Machine(lambda _: size).run(file)


class Machine:
    """Follows a pickle's instructions without building anything.

    ``size`` maps the key of a storage to the bytes that the checkpoint has of it.
    """

    def __init__(self, size: Callable[[str], int]) -> None:
        self.size = size
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, pickled: IO[bytes]) -> None:
        """Follow the instructions; raises ValueError at the first that a checkpoint does not have."""
        for number, (instruction, argument, _) in enumerate(pickletools.genops(pickled)):
            if number > MAX_OPERATIONS:
                raise ValueError("it is endless")
            name = instruction.name
            if name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in VALUES:
                self.stack.append(argument)
            else:
                try:
                    step = STEPS[name]
                except KeyError:
                    raise ValueError(f"it has the instruction {name}") from None
                step(self, argument)

    def mark(self, _: Any) -> None:
        """Begin a sequence."""
        self.outer.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """Return what was put on the stack since the last mark, and remove it."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    def put(self, number: int) -> None:
        """Remember the last object under a number."""
        self.memo[number] = self.stack[-1]

    def get(self, number: int) -> None:
        """Repeat an object."""
        self.stack.append(self.memo[number])

    def make_tuple(self, _: Any) -> None:
        """Join the marked objects."""
        items = self.marked()
        self.stack.append(tuple(items))

    def make_short_tuple(self, length: int) -> None:
        """Join the last objects."""
        if len(self.stack) < length:
            raise ValueError("it is malformed")
        self.stack[-length:] = [tuple(self.stack[-length:])]

    def append(self, _: Any) -> None:
        """Add the last object to a list."""
        self.stack.pop()
        self.require_last(LIST)

    def extend(self, _: Any) -> None:
        """Add the marked objects to a list."""
        self.marked()
        self.require_last(LIST)

    def set_item(self, _: Any) -> None:
        """Add one entry to a dict."""
        del self.stack[-1]
        require_key(self.stack.pop())
        self.require_last(DICT)

    def set_items(self, _: Any) -> None:
        """Add the marked entries to a dict."""
        for key in self.marked()[::2]:
            require_key(key)
        self.require_last(DICT)

    def require_last(self, kind: Built) -> None:
        """Raise ValueError unless the last object is of this kind."""
        if self.stack[-1] is not kind:
            raise ValueError("it is malformed")

    def name(self, path: str) -> None:
        """Name a class or function."""
        if not (is_storage(path) or path in (ORDERED_DICT, ENCODE, *CALLABLE) or DATA_TYPE.fullmatch(path)):
            raise ValueError(f"it names {path}")
        self.stack.append(Name(path))

    def call(self, _: Any) -> None:
        """Call a function, of which the arguments are on the stack."""
        arguments, function = self.stack.pop(), self.stack.pop()
        match function, arguments:
            case Name(path), () if path == ORDERED_DICT:
                self.stack.append(DICT)
            # Bytes; other encodings than this one may take forever.
            case Name(path), (str(text), "latin1") if path == ENCODE:
                self.stack.append(text)
            case Name(path), tuple() if path in CALLABLE:
                self.stack.append(OBJECT)
            case _:
                raise ValueError("it calls something else")

    def set_attributes(self, _: Any) -> None:
        """Give an OrderedDict attributes, as a state_dict has with its metadata."""
        if self.stack.pop() is not DICT:
            raise ValueError("it is malformed")
        self.require_last(DICT)

    def storage(self, _: Any) -> None:
        """Read a storage, of which the checkpoint must have all bytes."""
        match self.stack.pop():
            case ("storage", Name(path), str(key), str(), int(count), *view) if is_storage(path) and view in WHOLE:
                if not 0 <= count * ITEM_SIZES[path.partition(" ")[2]] <= self.size(key):
                    raise ValueError("a tensor is larger than its data")
            case _:
                raise ValueError("it is malformed")
        self.stack.append(OBJECT)


def is_storage(path: str) -> bool:
    """Return whether a name is that of a tensor's storage."""
    module, _, name = path.partition(" ")
    return module in ("torch", "torch.storage") and name in ITEM_SIZES


def require_key(key: Any) -> None:
    """Raise ValueError for the key of a dict that is not a plain value."""
    if not isinstance(key, str | bytes | int | float | None):
        raise ValueError("a dict has a key that is no plain value")


CONSTANTS = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
    "EMPTY_LIST": LIST,
    "EMPTY_DICT": DICT,
}
VALUES = frozenset({"BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "LONG1"})
STEPS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": Machine.mark,
    "BINPUT": Machine.put,
    "LONG_BINPUT": Machine.put,
    "BINGET": Machine.get,
    "LONG_BINGET": Machine.get,
    "TUPLE": Machine.make_tuple,
    "TUPLE1": lambda machine, _: machine.make_short_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_short_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_short_tuple(3),
    "APPEND": Machine.append,
    "APPENDS": Machine.extend,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "GLOBAL": Machine.name,
    "REDUCE": Machine.call,
    "BUILD": Machine.set_attributes,
    "BINPERSID": Machine.storage,
}
