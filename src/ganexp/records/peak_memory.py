"""Peak resident memory of this process."""

import sys
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def reset_peak() -> None:
    """Reset the peak where the system can (Linux); elsewhere it remains that of the process's lifetime."""
    with suppress(OSError):
        CLEAR.write_text(RESET_PEAK)


def peak_bytes() -> int | None:
    """Return the peak of the resident memory in bytes, None where the system does not report it."""
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
