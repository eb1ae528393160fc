"""The schema version of this code, and that of a store file.

Used by the store, by hosting and by clients that wait for an engine.
"""

from __future__ import annotations

from pathlib import Path

SCHEMA_VERSION = 9
"""`PRAGMA user_version` of a store that this code reads and writes."""
_MAGIC = b"SQLite format 3\0"
_AT = slice(60, 64)


def stored_version(path: Path) -> int:
    """Return the schema version in the header of a store file; 0 = there is none, or it is not a store.

    A commit that is still in the write-ahead log is not seen, but an upgrade leaves none there.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return 0
    return int.from_bytes(header[_AT], "big") if header.startswith(_MAGIC) else 0


def is_older(path: Path) -> bool:
    """Return whether the next engine has to bring this store up first."""
    return 0 < stored_version(path) < SCHEMA_VERSION
