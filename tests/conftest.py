"""Settings of all tests."""

import gc
import os
from collections import Counter

import pytest

pytest_plugins = ["support.command_line", "support.file_server", "support.quick_composing"]

# Tiny networks run faster on one thread, and threads that wait for a busy core cost a hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing reaches for a network, a user's cache or a user's data.
os.environ["WANDB_MODE"] = "offline"
os.environ.pop("GANEXP_DATA", None)


def pytest_addoption(parser):
    parser.addoption("--shard", metavar="I/N", help="run every N-th of the selected tests, from number I on")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Mark the cases that are left to the slow suite, and from the selected tests take those of ``--shard``."""
    thin_out(items)
    yield
    if shard := config.getoption("shard"):
        first, count = map(int, shard.split("/"))
        items[:] = items[first::count]


def thin_out(items):
    """Leave to the slow suite all but every n-th case of a test that is marked ``thinned(n)``."""
    counted = Counter()
    for item in items:
        marker = item.get_closest_marker("thinned")
        if marker is None or item.get_closest_marker("slow") is not None:
            continue
        law = item.path, item.originalname
        if counted[law] % marker.args[0]:
            item.add_marker(pytest.mark.slow)
        counted[law] += 1


def pytest_collection_finish():
    """Exempt the imported packages and the collected tests from every garbage collection that follows."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """One cache for all tests, so that a classifier is trained once; the user's own stays as it is."""
    os.environ["GANEXP_CACHE"] = str(tmp_path_factory.mktemp("cache"))
