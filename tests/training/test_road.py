"""The configuration's road from the command line to the Trainer stays short."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
from omegaconf import DictConfig

import ganexp
from ganexp.cli import main
from ganexp.cli.session import Session
from ganexp.runs.run import Run
from support.runs import TINY

SOURCE = str(Path(ganexp.__file__).parent)
MOST_STOPS, MOST_RETURNS = 12, 3


def carries_the_configuration(value: Any) -> bool:
    return isinstance(value, Run) or (isinstance(value, DictConfig | dict) and {"model", "trainer"} <= set(value))


@contextmanager
def recorded_stops() -> Iterator[list[tuple[str, str]]]:
    """Record (file, function) of every call that is given the whole configuration, the checks of its values apart."""
    stops: list[tuple[str, str]] = []
    checking: list[FrameType] = []

    def record(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if checking:
            if event == "return" and frame is checking[0]:
                checking.clear()
        elif event == "call" and code is Session.check.__code__:
            checking.append(frame)
        elif event == "call" and code.co_filename.startswith(SOURCE):
            # Resolvers of single values are given the configuration as `_root_`.
            arguments = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]} - {"_root_"}
            stop = code.co_filename, code.co_qualname
            if stop not in stops and any(carries_the_configuration(frame.f_locals.get(name)) for name in arguments):
                stops.append(stop)

    before = sys.getprofile()
    sys.setprofile(record)
    try:
        yield stops
    finally:
        sys.setprofile(before)


def returns(stops: list[tuple[str, str]]) -> int:
    files = [file for file, _ in stops]
    visits = [file for number, file in enumerate(files) if number == 0 or file != files[number - 1]]
    return len(visits) - len(set(visits))


def test_the_configuration_reaches_the_trainer_by_a_short_road(tmp_path, monkeypatch):
    def arrive(*_: Any, **__: Any) -> None:
        sys.setprofile(None)

    monkeypatch.setattr(L.Trainer, "fit", arrive)
    with recorded_stops() as stops:
        main.main([*TINY, f"run_dir={tmp_path / 'run'}"])
    assert stops[0][1] == "Session.train"
    assert stops[-1][1] == "MetricsCSV.log_hyperparams"
    assert len(stops) <= MOST_STOPS, stops
    assert returns(stops) <= MOST_RETURNS, stops
