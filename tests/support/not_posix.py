"""Trains, resumes, samples and compares without the names that only POSIX has, as a stand-in for Windows.

Third-party packages, which look at the platform instead, are imported before the names are removed.
"""

import importlib
import os
import pkgutil
import signal
import sys

import filelock  # noqa: F401
import fsspec.implementations.local  # noqa: F401
import lightning  # noqa: F401
import lightning.pytorch.trainer.connectors.signal_connector as lightning_signals
import matplotlib.pyplot  # noqa: F401
import torchvision  # noqa: F401

SIGNALS = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGALRM", "SIGQUIT", "SIGPIPE")
FUNCTIONS = (
    *("uname", "killpg", "geteuid", "sysconf", "sched_getaffinity", "mkfifo", "fork", "setsid", "getpgid"),
    *("chown", "statvfs", "getloadavg"),
)
MODULES = ("fcntl", "resource", "pwd", "grp", "termios")


def refuse_links(*_, **__):
    """Raise the error that Windows raises without the privilege."""
    raise OSError(1314, "A required privilege is not held by the client")


def remove_posix():
    """Remove names that Windows lacks from the standard library."""
    for name in SIGNALS:
        delattr(signal, name)
        del signal.Signals._member_map_[name]
    for name in FUNCTIONS:
        delattr(os, name)
    for name in MODULES:
        sys.modules[name] = None
    os.symlink = os.link = refuse_links
    lightning_signals._IS_WINDOWS = True
    lightning_signals._SignalConnector._get_current_signal_handlers = staticmethod(dict)


def import_everything():
    """Import every module of the package."""
    package = importlib.import_module("ganexp")
    for module in pkgutil.walk_packages(package.__path__, "ganexp."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def run_commands(folder):
    """Run the commands of a newcomer's first minutes."""
    main = importlib.import_module("ganexp.cli.main").main
    settings = ["data.batch_size=16", "trainer=cpu", "metric=[fid_classifier]"]
    for command in (
        [f"run_dir={folder}/first", "images=32", *settings],
        [f"resume={folder}/first", "images=64"],
        [f"run_dir={folder}/second", "images=64", *settings],
        ["sample", f"run={folder}/first", f"out={folder}/samples"],
        ["compare", f"{folder}/first", f"{folder}/second", f"out={folder}/compared"],
    ):
        assert main(command) == 0, command


if __name__ == "__main__":
    remove_posix()
    import_everything()
    run_commands(sys.argv[1])
