"""Worker process of one rank, started by ``launcher.launch``: ``python -m ganexp.training.worker REPORT``."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from ganexp.distributed.environment import is_rank_zero
from ganexp.distributed.heartbeat import heartbeat
from ganexp.runs import run_log
from ganexp.training import launcher, rank_process, remote_errors


def main(report: Path) -> int:
    """Run the job given on standard input; a failure is written to ``report``."""
    job = json.loads(sys.stdin.buffer.readline() or b"null")
    if job is None:
        return 1
    threading.Thread(target=end_with_parent, daemon=True).start()
    heartbeat.record_in(rank_process.heartbeat_path(report))
    sys.path[:] = job["path"]
    # Errors must stay out of the log here: the launcher reports the earliest one of all ranks.
    logs = is_rank_zero() and not job["quiet"]
    with run_log.logged(Path(job["folder"])) if logs else run_log.silenced():
        try:
            train(job)
        except (Exception, KeyboardInterrupt) as error:
            unfinished = report.with_suffix(".tmp")
            unfinished.write_text(json.dumps(remote_errors.to_dict(error, int(os.environ["RANK"]))), encoding="utf-8")
            unfinished.replace(report)
            return 1
    return 0


def train(job: dict[str, Any]) -> None:
    """Train the run that the job describes."""
    from ganexp.config import composition
    from ganexp.training import fit

    composition.register_resolvers()
    fit.train(launcher.run_from_dict(job))


def end_with_parent() -> None:
    """End this process when standard input closes, which happens when the parent process ends."""
    # Unbuffered, as the buffer's lock would still be held when the interpreter exits.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    if status:
        sys.stderr.flush()
        # Threads of a broken process group would keep the interpreter waiting.
        os._exit(status)
