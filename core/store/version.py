"""The schema version of this code, and that of a store file.

Used by the store, by hosting and by clients that wait for an engine.
"""

from __future__ import annotations

from pathlib import Path

from core.model.errors import Unavailable

SCHEMA_VERSION = 9
"""`PRAGMA user_version` of a store that this code reads and writes."""
_MAGIC = b"SQLite format 3\0"
_AT = slice(60, 64)
_RESTORE = "run 'taskdeck doctor', then restore a backup; the file is untouched"


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


def broken(path: Path, error: BaseException | str, *, hint: str = _RESTORE) -> Unavailable:
    """Say that the file cannot be used as a store."""
    return Unavailable(
        "store.broken",
        f"{path} cannot be used as a store: {error}",
        hint=hint,
        facts={"store": str(path), "reason": str(error)},
    )


def refuse_version(path: Path, version: int) -> Unavailable:
    """Say that a store of another version is left untouched, and what to do."""
    if version <= 0:
        return broken(path, "it is not a store of taskdeck")
    if version > SCHEMA_VERSION:
        return Unavailable(
            "store.newer",
            f"{path} was written by a newer taskdeck: its schema version is {version}, ours {SCHEMA_VERSION}",
            hint="install the newer taskdeck; the store is untouched",
            facts={"version": version, "known": SCHEMA_VERSION},
        )
    return Unavailable(
        "store.older",
        f"{path} was written by an older taskdeck: schema version {version}, this one reads {SCHEMA_VERSION}",
        hint="run 'taskdeck serve --until-idle': its engine keeps a copy and brings the store up",
        facts={"version": version, "known": SCHEMA_VERSION},
    )
