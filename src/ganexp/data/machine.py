"""Processors and memory that this process may use."""

import os
from pathlib import Path

ASSUMED_MEMORY = 8 * 2**30
"""The machine's memory in bytes where the system cannot be asked (Windows)."""


def available_cpus() -> int:
    """Return the number of processors available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_memory() -> int:
    """Return the bytes of memory available to this process: the machine's, or its container's limit."""
    if not hasattr(os, "sysconf"):
        return ASSUMED_MEMORY
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text()))
        except (OSError, ValueError):
            continue
    return total
