"""ArtifactStore: copies of the files that tasks leave for others.

Used by the engine in threads. A copy lies in the directory of its attempt, and once more by its hash, so that
files with the same content take their room once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from core.executors.output_files import SUMS
from core.files.beneath import FoundFiles
from core.files.writing import sync_path
from core.model.errors import Invalid, Unavailable
from core.model.patterns.artifacts import PREFIX, ArtifactFile, copy_name
from core.model.text import safe_line

FILES_MAX = 1_000
"""Files of one artifact."""
FILE_NAME = r"artifact-[A-Za-z_][A-Za-z0-9_]{0,99}-[0-9]{1,4}(?:\.[A-Za-z0-9]{1,16})?"
"""What the names of copies look like."""
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({FILE_NAME})\n")
_PIECE = 2**20
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where artifacts are looked for: the folder of the task, and the data directory."""

    cwd: Path
    home: Path


class ArtifactStore:
    """The tree `artifacts/`: copies by hash, and `part` with those that are under way."""

    def __init__(self, home: Path) -> None:
        self.root = home / "artifacts"

    def open(self) -> None:
        """Remove what a former engine did not finish, and copies that no attempt has any more."""
        shutil.rmtree(self.root / "part", ignore_errors=True)
        for path in self.orphans():
            path.unlink(missing_ok=True)

    def orphans(self) -> list[Path]:
        """Return copies that no attempt has."""
        return [path for path in self.root.glob("[0-9a-f][0-9a-f]/*") if _links(path) == 1]

    def forget(self, hashes: Iterable[str]) -> None:
        """Remove copies that no attempt has any more."""
        for one in hashes:
            path = self.root / one[:2] / one
            if _links(path) == 1:
                path.unlink(missing_ok=True)

    def keep(
        self, patterns: Mapping[str, str], folders: Folders, attempt: Path, *, most: int, stop: Event
    ) -> tuple[ArtifactFile, ...]:
        """Copy what fits into the directory of an attempt, and bring it to the disk.

        Raises `Invalid` (`artifact.*`) for what is missing or cannot be kept, `Unavailable` for trouble that
        may be over later.
        """
        copying = _Copying(self.root / "part" / f"{attempt.parent.name}-{attempt.name}", most=most, stop=stop)
        try:
            found = copying.all(patterns, folders)
            return self._place(found, attempt)
        except OSError as error:
            message = f"the artifacts cannot be written: {error.strerror or error}"
            raise Unavailable("artifact.write", message, hint="see the disk of the data directory") from error
        finally:
            copying.discard()

    def _place(self, found: Sequence[tuple[ArtifactFile, Path]], attempt: Path) -> tuple[ArtifactFile, ...]:
        for old in (*attempt.glob(f"{PREFIX}*"), attempt / SUMS):
            old.unlink(missing_ok=True)
        folders, lines = {attempt}, []
        numbers: dict[str, int] = {}
        for file, copy in found:
            position = numbers.setdefault(file.name, 0)
            numbers[file.name] += 1
            target = attempt / copy_name(file, position)
            folders.add(self._link(copy, file, target))
            lines.append(f"{file.hash}  {target.name}\n")
        if found:
            with (attempt / SUMS).open("x", encoding="ascii") as sums:
                sums.writelines(lines)
                sums.flush()
                os.fsync(sums.fileno())
        for folder in folders:
            sync_path(folder)
        return tuple(file for file, _ in found)

    def _link(self, copy: Path, file: ArtifactFile, target: Path) -> Path:
        """Give a copy its name in the directory of the attempt, and by its hash if it is the first."""
        folder = self.root / file.hash[:2]
        folder.mkdir(mode=0o700, exist_ok=True)
        by_hash = folder / file.hash
        if _is_kept(by_hash, target, size=file.size):
            return folder
        try:
            os.link(copy, by_hash)
        except FileExistsError:
            # Another attempt with the same content was quicker just now.
            if _is_kept(by_hash, target, size=file.size):
                return folder
        except OSError:
            pass
        copy.replace(target)
        return folder


def _is_kept(by_hash: Path, target: Path, *, size: int) -> bool:
    """Give the copy by hash a second name, and tell whether it is there and whole."""
    try:
        os.link(by_hash, target)
    except OSError as error:
        # None is there, it has all the names that a file can have, or this disk knows no links.
        if error.errno not in (errno.ENOENT, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP):
            raise
        return False
    if target.stat().st_size == size:
        return True
    target.unlink()
    by_hash.unlink(missing_ok=True)
    return False


class _Copying:
    """Copies of one attempt under way, below a folder of their own."""

    def __init__(self, folder: Path, *, most: int, stop: Event) -> None:
        self._folder = folder
        self._most = self._left = most
        self._stop = stop
        self._number = 0

    def all(self, patterns: Mapping[str, str], folders: Folders) -> list[tuple[ArtifactFile, Path]]:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.parent.parent.mkdir(mode=0o700, exist_ok=True)
        self._folder.parent.mkdir(mode=0o700, exist_ok=True)
        self._folder.mkdir(mode=0o700)
        found: list[tuple[ArtifactFile, Path]] = []
        for name, pattern in patterns.items():
            files = self._of(name, pattern, folders)
            if not files:
                message = f"the artifact `{name}` is missing: nothing fits `{safe_line(pattern)}`"
                raise Unavailable("artifact.missing", message, hint="see what the task wrote")
            found += sorted(files, key=lambda one: one[0].path)
        return found

    def discard(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _of(self, name: str, pattern: str, folders: Folders) -> list[tuple[ArtifactFile, Path]]:
        folder, below = _root_of(pattern, folders)
        files: dict[str, tuple[ArtifactFile, Path]] = {}
        for path, descriptor in FoundFiles(folder, below):
            if path in files:
                continue
            if len(files) == FILES_MAX:
                raise _refused("many", f"the artifact `{name}` has more than {FILES_MAX:,} files")
            files[path] = self._copy(name, path, descriptor)
        return list(files.values())

    def _copy(self, name: str, path: str, descriptor: int) -> tuple[ArtifactFile, Path]:
        self._number += 1
        target = self._folder / str(self._number)
        before, digest, size = os.fstat(descriptor), hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o400), "wb", buffering=0) as file:
            while piece := os.read(descriptor, _PIECE):
                if self._stop.is_set():
                    raise Unavailable("artifact.stopped", "the engine stopped while artifacts were copied")
                size += len(piece)
                self._left -= len(piece)
                if self._left < 0:
                    message = f"its artifacts are larger than {self._most // _MIB:,} MiB (`artifact_cap`)"
                    raise _refused("too_large", message)
                digest.update(piece)
                file.write(piece)
            os.fsync(file.fileno())
        after = os.fstat(descriptor)
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size):
            message = f"{safe_line(path)} was written while it was copied"
            raise Unavailable("artifact.changed", message, hint="see what still writes it")
        return ArtifactFile(name=name, path=path, size=size, hash=digest.hexdigest()), target


def listed(attempt: Path) -> dict[str, str]:
    """Return the copies in the directory of an attempt, by name, with their hashes."""
    try:
        with (attempt / SUMS).open(encoding="ascii") as lines:
            matches = [_LINE.fullmatch(line) for line in lines]
    except (OSError, UnicodeDecodeError):
        return {}
    return {match[2]: match[1] for match in matches if match is not None}


def _root_of(pattern: str, folders: Folders) -> tuple[Path, str]:
    """Return the folder to look in, and the pattern below it."""
    if not pattern.startswith("/"):
        return folders.cwd, pattern
    for folder in (folders.cwd, folders.home):
        if pattern.startswith(f"{folder}/"):
            return folder, pattern.removeprefix(f"{folder}/")
    raise _refused("path", f"`{safe_line(pattern)}` is neither below {folders.cwd} nor below {folders.home}")


def _links(path: Path) -> int:
    try:
        return path.lstat().st_nlink
    except OSError:
        return 0


def _refused(code: str, message: str) -> Invalid:
    return Invalid(f"artifact.{code}", message, hint="fix `artifacts`, or what the task leaves")
