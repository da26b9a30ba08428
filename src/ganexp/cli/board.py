"""Command ``ganexp board``: a live page with the curves and samples of runs."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.errors import UserError
from ganexp.records import trackio_store
from ganexp.serving.hosts import HostCheck, require_host_names
from ganexp.serving.waiting import until_interrupted

HOST = "127.0.0.1"


@dataclass
class Arguments:
    """Show runs logged with logger=trackio, also while they train, on a page that only this machine can open."""

    runs: str | None = field(default=None, metadata={"help": "folder: initially show only the runs in it or below it"})
    port: int | None = field(default=None, metadata={"help": "port of the page (default: first free from 7860)"})
    hosts: list[str] = field(
        default_factory=list,
        metadata={"help": "names of proxies of yours that show the page, such as gpu.example.org"},
    )
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
    require_host_names(options.hosts)
    trackio = trackio_store.import_trackio(options.database)
    run_ids = runs_below(trackio, options.project, Path(options.runs)) if options.runs is not None else []
    server, address = start(trackio, options.port, options.hosts)
    query = {"project": options.project, "x_axis": "images", **({"run_ids": ",".join(run_ids)} if run_ids else {})}
    print(f"the board is at {address}?{urlencode(query)} (press Ctrl-C to stop)", flush=True)
    until_interrupted()
    server.should_exit = True


def start(trackio: Any, port: int | None, hosts: Sequence[str]) -> tuple[Any, str]:
    """Start the server, which responds under this machine's own names and ``hosts``; return it and its address.

    Raises UserError if the port is taken.
    """
    from trackio.launch import launch_trackio_dashboard

    try:
        with redirect_stdout(io.StringIO()):
            app, _ = trackio.build_starlette_app_only()
            address, _, _, server = launch_trackio_dashboard(
                HostCheck(app, hosts), server_name=HOST, server_port=port, share=False, quiet=True
            )
    except (OSError, OverflowError) as error:
        raise UserError(f"port={port}: cannot be used; choose another, or leave it out") from error
    return server, str(address)


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
