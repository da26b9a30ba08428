"""``ganexp board``: a page with the curves and samples of runs, while they train."""

import io
import threading
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.errors import UserError
from ganexp.records import trackio_store

HOST = "127.0.0.1"


@dataclass
class Arguments:
    """Show runs of logger=trackio, also while they train, on a page that only this machine can open."""

    runs: str | None = field(default=None, metadata={"help": "a folder: at first only the runs in it or below it"})
    port: int | None = field(default=None, metadata={"help": "of the page; the first free one from 7860 if left out"})
    project: str = field(default=trackio_store.PROJECT, metadata={"help": "as logger.trackio.project"})
    database: str | None = field(
        default=None, metadata={"help": "as logger.trackio.database; the cache's folder board if left out"}
    )


def main(arguments: list[str]) -> None:
    """Serve the page until Ctrl-C."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "board")
        return
    wanted = parse(Arguments, arguments)
    trackio = trackio_store.import_trackio(wanted.database)
    chosen = runs_below(trackio, wanted.project, Path(wanted.runs)) if wanted.runs is not None else []
    server, address = start(trackio, wanted.port)
    shown = {"project": wanted.project, "x_axis": "images", **({"run_ids": ",".join(chosen)} if chosen else {})}
    print(f"the board is at {address}?{urlencode(shown)} (Ctrl-C ends it)", flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.close()


def start(trackio: Any, port: int | None) -> tuple[Any, str]:
    """Start serving; return the server and its address.

    Raises UserError if the port is taken.
    """
    try:
        with redirect_stdout(io.StringIO()):
            server, address, *_ = trackio.show(
                open_browser=False, block_thread=False, host=HOST, share=False, server_port=port
            )
    except (OSError, OverflowError) as error:
        raise UserError(f"port={port}: cannot be used; choose another, or leave it out") from error
    return server, address


def runs_below(trackio: Any, project: str, folder: Path) -> list[str]:
    """Return the ids of the project's runs in a folder or below it.

    Raises UserError if there are none.
    """
    top = folder.resolve()
    try:
        logged = list(trackio.Api().runs(project))
    except ValueError:
        logged = []
    found = [run.id for run in logged if Path((run.config or {}).get("run_dir", "")).is_relative_to(top)]
    if not found:
        raise UserError(
            f"runs={folder}: no run there was trained with logger=trackio and logger.trackio.project={project}"
        )
    return found
