"""Measures of this machine and of the files of a home.

Taken by the health of the engine, in a thread: a disk may hang.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from core.model.health import Measure
from core.model.paths import Paths

_MEMORY = Path("/proc/meminfo")
_STATUS = Path("/proc/self/statm")


def measure(paths: Paths) -> Mapping[Measure, float]:
    """Return what can be read of it; what cannot is left out."""
    found: dict[Measure, float] = {}
    processors = len(os.sched_getaffinity(0)) or 1
    found[Measure.LOAD] = os.getloadavg()[0] / processors
    share = available_share(_read(_MEMORY))
    if share is not None:
        found[Measure.MEMORY] = share
    found |= _rooms(paths)
    found[Measure.STORE] = size_of(paths.db)
    found[Measure.WAL] = size_of(wal_of(paths.db))
    return found


def resident_bytes() -> int:
    """Return the memory that this process holds."""
    fields = _read(_STATUS).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def available_share(text: str) -> float | None:
    """Return the share of the memory that is available, of the text of `/proc/meminfo`."""
    sizes = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in ("MemTotal", "MemAvailable"):
            sizes[name] = int(rest.split()[0])
    total = sizes.get("MemTotal", 0)
    return sizes["MemAvailable"] / total if total and "MemAvailable" in sizes else None


def wal_of(store: Path) -> Path:
    """Return the write-ahead log of a store."""
    return store.with_name(f"{store.name}-wal")


def size_of(file: Path) -> int:
    """Return the bytes of a file; one that is not there has none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _rooms(paths: Paths) -> Mapping[Measure, float]:
    found: dict[Measure, float] = {}
    try:
        home = os.statvfs(paths.home)
    except OSError:
        return found
    found[Measure.DISK] = home.f_bavail * home.f_frsize
    # Some file systems count none.
    if home.f_files:
        found[Measure.INODES] = home.f_favail / home.f_files
    try:
        # It is there once a task has had output.
        outputs, is_other = os.statvfs(paths.output), paths.output.stat().st_dev != paths.home.stat().st_dev
    except OSError:
        return found
    if is_other:
        found[Measure.OUTPUTS] = outputs.f_bavail * outputs.f_frsize
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""
