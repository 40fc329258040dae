"""Memory and time that a proof takes, predicted from its number of gates; memory that is left.

Measured with bb 5.0.0 on two cores (docs/proof.md): cost follows the gates that are really there,
not the next power of two.
"""

import os
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import NotEnoughMemory

_BYTES_PER_GATE: Final = 1_750
_BYTES_ALWAYS: Final = 32 * 2**20
_CORE_SECONDS_PER_GATE: Final = 42e-6
_SECONDS_ALWAYS: Final = 0.2
_CGROUP: Final = Path("/sys/fs/cgroup")


def predict_memory(gates: int, witness_bytes: int = 0) -> int:
    """Bytes that proving needs at most at a time."""
    return _BYTES_ALWAYS + gates * _BYTES_PER_GATE + witness_bytes


def predict_seconds(gates: int) -> float:
    """How long proving will take here, roughly."""
    return _SECONDS_ALWAYS + gates * _CORE_SECONDS_PER_GATE / (os.cpu_count() or 1)


def available_memory() -> int | None:
    """Bytes that a process could still get; None where the system does not say."""
    found = [amount for amount in (_machine_memory(), _cgroup_memory()) if amount is not None]
    return min(found, default=None)


def require_memory(needed: int) -> None:
    """Raises NotEnoughMemory, naming both numbers."""
    available = available_memory()
    if available is not None and available < needed:
        raise NotEnoughMemory(needed, available)


def _machine_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup_memory() -> int | None:
    """What a container may still use (cgroup v2). Cached files count as used; they give way."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - used + int(stat.get("inactive_file", 0))
