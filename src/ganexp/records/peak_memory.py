"""The largest amount of memory that this process has used."""

import sys
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"


def reset_peak() -> None:
    """Measure anew from here, where the system can (Linux); elsewhere the peak stays that of the whole process."""
    with suppress(OSError):
        CLEAR.write_text(RESET_PEAK)


def peak_bytes() -> int | None:
    """Return the peak of the resident memory in bytes, None where the system does not tell."""
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
