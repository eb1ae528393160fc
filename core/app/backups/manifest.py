"""The manifest of a backup: its store, files and checksums.

Written and read by this room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.files.kinds import exists
from core.files.untrusted import read_small
from core.model.errors import Invalid, NotFound, Unavailable
from core.model.text import safe_line
from core.model.values import ID_MAX, JsonObject, JsonValue

NAME = "manifest.json"
STORE = "store.db"
"""Not the name that it has in a home: a backup must not be taken for one."""
OUTPUT = "output"
SUMS = "output.sha256"
"""Checksums of all files of outputs, a line each, as `sha256sum -c` reads them."""
SETTINGS = ("config.toml", "keymap.toml", "views.toml")
FORMAT = "taskdeck-backup"
VERSION = 1
_BYTES = 2**20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STORE_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTotals:
    """The outputs of a backup; `sums` is the file of their checksums."""

    attempts: int
    files: int
    size: int
    sums: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself; times in ms UTC."""

    at: int
    """When it was begun."""
    taskdeck: str
    """The version that wrote it."""
    home: str
    store_id: str
    schema: int
    event: int
    """The last event that is in it, with all that belongs to it."""
    event_at: int | None
    is_checked: bool
    """Whether the copy was checked after it was written."""
    store: Member
    settings: dict[str, Member]
    outputs: OutputTotals | None
    """None = they were left out."""


def encode(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    outputs = manifest.outputs
    value: JsonObject = {
        "format": FORMAT,
        "version": VERSION,
        "at": manifest.at,
        "taskdeck": manifest.taskdeck,
        "home": manifest.home,
        "store_id": manifest.store_id,
        "schema": manifest.schema,
        "event": manifest.event,
        "event_at": manifest.event_at,
        "checked": manifest.is_checked,
        "files": {
            STORE: _member_shape(manifest.store),
            **{name: _member_shape(one) for name, one in manifest.settings.items()},
        },
        "outputs": None
        if outputs is None
        else {
            "attempts": outputs.attempts,
            "files": outputs.files,
            "size": outputs.size,
            "sums": _member_shape(outputs.sums),
        },
    }
    return json.dumps(value, indent=1).encode("ascii") + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises `NotFound` (`backup.missing`), `Invalid` (`backup.broken`), `Unavailable` (`backup.newer`).
    """
    data = read_small(folder / NAME, _BYTES)
    if data is None and exists(folder / NAME):
        raise broken(folder, f"its {NAME} cannot be read, or has more than 1 MiB")
    if data is None:
        raise NotFound(
            "backup.missing",
            f"{safe_line(str(folder))} is not a backup: it has no {NAME}",
            hint="name the folder that 'taskdeck backup' wrote; 'taskdeck backup --list FOLDER' finds them",
            facts={"folder": str(folder)},
        )
    try:
        value: JsonValue = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise broken(folder, f"its {NAME} is not JSON") from error
    fields = _object(folder, value)
    if fields.get("format") != FORMAT:
        raise broken(folder, f"its {NAME} is that of something else")
    if _whole(folder, fields.get("version")) > VERSION:
        raise Unavailable(
            "backup.newer",
            f"{safe_line(str(folder))} was made by a newer taskdeck",
            hint="use that version to restore it",
            facts={"folder": str(folder)},
        )
    return _decode(folder, fields)


def broken(folder: Path, reason: str) -> Invalid:
    """Say that a backup is not what was written."""
    return Invalid(
        "backup.broken",
        f"the backup {safe_line(str(folder))} is damaged: {reason}",
        hint="use another one; nothing was changed",
        facts={"folder": str(folder), "reason": reason},
    )


@contextmanager
def reading(folder: Path, path: Path) -> Iterator[None]:
    """Raise `Invalid` (`backup.broken`) where a file of a backup cannot be read; let all else pass."""
    try:
        yield
    except OSError as error:
        # What is copied also fails for its target: then the backup is as it was.
        if str(error.filename) != str(path):
            raise
        raise broken(folder, f"{path.relative_to(folder)}: {error.strerror}") from error


def _decode(folder: Path, fields: JsonObject) -> Manifest:
    files = {name: _member(folder, one) for name, one in _object(folder, fields.get("files")).items()}
    if STORE not in files or not set(files) <= {STORE, *SETTINGS}:
        raise broken(folder, "its files are not those of a backup")
    store_id, event_at = _text(folder, fields.get("store_id")), fields.get("event_at")
    if not _STORE_ID.fullmatch(store_id):
        raise broken(folder, "the name of its store is none")
    return Manifest(
        at=_whole(folder, fields.get("at")),
        taskdeck=_text(folder, fields.get("taskdeck")),
        home=_text(folder, fields.get("home")),
        store_id=store_id,
        schema=_whole(folder, fields.get("schema")),
        event=_whole(folder, fields.get("event")),
        event_at=None if event_at is None else _whole(folder, event_at),
        is_checked=fields.get("checked") is True,
        store=files.pop(STORE),
        settings=files,
        outputs=_outputs(folder, fields.get("outputs")),
    )


def _outputs(folder: Path, value: JsonValue) -> OutputTotals | None:
    if value is None:
        return None
    fields = _object(folder, value)
    return OutputTotals(
        attempts=_whole(folder, fields.get("attempts")),
        files=_whole(folder, fields.get("files")),
        size=_whole(folder, fields.get("size")),
        sums=_member(folder, fields.get("sums")),
    )


def _member_shape(member: Member) -> JsonObject:
    return {"size": member.size, "sha256": member.sha256}


def _member(folder: Path, value: JsonValue) -> Member:
    fields = _object(folder, value)
    digest = fields.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise broken(folder, "a checksum in its manifest is none")
    return Member(size=_whole(folder, fields.get("size")), sha256=digest)


def _object(folder: Path, value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise broken(folder, "its manifest has another form")
    return value


def _text(folder: Path, value: JsonValue) -> str:
    if not isinstance(value, str):
        raise broken(folder, "its manifest has another form")
    return value


def _whole(folder: Path, value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ID_MAX:
        raise broken(folder, "a number in its manifest is none")
    return value
