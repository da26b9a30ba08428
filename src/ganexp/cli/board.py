"""Command ``ganexp board``: a live page with the curves and samples of runs."""

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
    """Show runs logged with logger=trackio, also while they train, on a page that only this machine can open."""

    runs: str | None = field(default=None, metadata={"help": "folder: initially show only the runs in it or below it"})
    port: int | None = field(default=None, metadata={"help": "port of the page (default: first free from 7860)"})
    project: str = field(default=trackio_store.PROJECT, metadata={"help": "same as logger.trackio.project"})
    database: str | None = field(
        default=None, metadata={"help": "same as logger.trackio.database (default: board in the cache folder)"}
    )


def main(arguments: list[str]) -> None:
    """Serve the page until Ctrl-C."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "board")
        return
    options = parse(Arguments, arguments)
    trackio = trackio_store.import_trackio(options.database)
    run_ids = runs_below(trackio, options.project, Path(options.runs)) if options.runs is not None else []
    server, address = start(trackio, options.port)
    query = {"project": options.project, "x_axis": "images", **({"run_ids": ",".join(run_ids)} if run_ids else {})}
    print(f"the board is at {address}?{urlencode(query)} (press Ctrl-C to stop)", flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.close()


def start(trackio: Any, port: int | None) -> tuple[Any, str]:
    """Start the server; return it and its address.

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
    ids = [run.id for run in logged if Path((run.config or {}).get("run_dir", "")).is_relative_to(top)]
    if not ids:
        raise UserError(
            f"runs={folder}: no run there was trained with logger=trackio and logger.trackio.project={project}"
        )
    return ids
