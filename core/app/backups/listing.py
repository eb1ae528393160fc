"""The backups in a folder, and what is not whole there.

Called by the command `backup --list`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.app.backups.manifest import NAME, Manifest, read_manifest
from core.files.kinds import exists, is_dir
from core.files.new_folder import is_left, unfinished_in
from core.model.errors import Invalid, TaskdeckError
from core.model.text import safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBackup:
    """A backup, or a folder that is not whole: then `trouble` says why."""

    folder: Path
    manifest: Manifest | None = None
    trouble: str = ""


def list_backups(parent: Path) -> list[FoundBackup]:
    """Return the backups in a folder, the oldest first, then what is not whole; reads manifests alone.

    Raises `Invalid` (`backup.folder`).
    """
    try:
        folders = sorted(path for path in parent.iterdir() if is_dir(path) and exists(path / NAME))
        unfinished = [_unfinished(path) for path in unfinished_in(parent)]
    except OSError as error:
        raise Invalid(
            "backup.folder",
            f"cannot look into {safe_line(str(parent))}: {error.strerror}",
            hint="name the folder in which the backups are",
            facts={"folder": str(parent)},
        ) from error
    found = [_found(path) for path in folders]
    whole = [one for one in found if one.manifest is not None]
    whole.sort(key=lambda one: one.manifest.at if one.manifest else 0)
    return [*whole, *(one for one in found if one.manifest is None), *unfinished]


def _found(folder: Path) -> FoundBackup:
    try:
        return FoundBackup(folder=folder, manifest=read_manifest(folder))
    except TaskdeckError as error:
        return FoundBackup(folder=folder, trouble=error.message)


def _unfinished(folder: Path) -> FoundBackup:
    if is_left(folder):
        return FoundBackup(folder=folder, trouble="left by a process that was killed: remove it")
    return FoundBackup(folder=folder, trouble="being written")
