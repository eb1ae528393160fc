"""Outputs of attempts: copied into a backup and back, with their checksums.

Used by `writing`, `checking` and `restoring`, in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import NamedTuple

from core.app.backups.manifest import OUTPUT, SUMS, Member, OutputTotals, broken, reading
from core.executors.artifacts import FILE_NAME as ARTIFACT
from core.executors.artifacts import listed as artifacts_of
from core.executors.output_files import SUMS as SUMS_OF_ARTIFACTS
from core.executors.outputs import LOST, ORDER, STREAMS, TIMES
from core.files.copying import copy_file, digest_of
from core.files.kinds import is_dir
from core.model.ports import AttemptRef
from core.store.backups.copying import stopped

KEPT = (*STREAMS, *TIMES, ORDER, LOST)
"""What a backup has of an attempt directory: nothing that tells an engine of a process."""
_FILES = "|".join((*map(re.escape, (*KEPT, SUMS_OF_ARTIFACTS)), ARTIFACT))
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({OUTPUT}/[1-9][0-9]{{0,18}}/[1-9][0-9]{{0,18}}/(?:{_FILES}))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Who is told how far a copy is, and what makes it stop."""

    tell: Callable[[str], None]
    stop: Event

    def check(self) -> None:
        """Raise `Unavailable` (`backup.stopped`) once it is to stop."""
        if self.stop.is_set():
            raise stopped()


class _ListedFile(NamedTuple):
    """A file of an output, and the checksum that it should have."""

    digest: str
    path: Path


def copy_outputs(home_output: Path, folder: Path, attempts: Iterable[AttemptRef], work: Work) -> OutputTotals:
    """Copy what attempts wrote into a backup, and write the file of checksums; raise `OSError`."""
    number = files = size = 0
    with (folder / SUMS).open("x", encoding="ascii") as sums:
        (folder / SUMS).chmod(0o600)
        (folder / OUTPUT).mkdir(mode=0o700)
        for ref in attempts:
            work.check()
            source = home_output / str(ref.task_id) / str(ref.epoch)
            if not is_dir(source):
                continue
            number += 1
            target = _directory(folder / OUTPUT, ref)
            for name in (*KEPT, SUMS_OF_ARTIFACTS, *artifacts_of(source)):
                try:
                    size += copy_file(source / name, target / name)
                except FileNotFoundError:
                    continue
                files += 1
                sums.write(f"{digest_of(target / name)}  {OUTPUT}/{ref.task_id}/{ref.epoch}/{name}\n")
            work.tell(f"outputs: {number:,}")
    listed = Member(size=(folder / SUMS).stat().st_size, sha256=digest_of(folder / SUMS))
    return OutputTotals(attempts=number, files=files, size=size, sums=listed)


def check_outputs(folder: Path, totals: OutputTotals, work: Work) -> None:
    """Raise `Invalid` (`backup.broken`) unless the outputs of a backup are those that were written."""
    for number, (digest, path) in enumerate(_listed(folder, totals), 1):
        work.check()
        with reading(folder, path):
            same = digest_of(path) == digest
        if not same:
            raise broken(folder, f"the checksum of {path.relative_to(folder)} is wrong")
        work.tell(f"outputs: {number:,} of {totals.files:,} files")


def restore_outputs(folder: Path, totals: OutputTotals, home_output: Path, work: Work) -> None:
    """Copy the outputs of a backup into a home; raise `OSError`, and as `check_outputs` does."""
    for number, (digest, path) in enumerate(_listed(folder, totals), 1):
        work.check()
        ref = AttemptRef(task_id=int(path.parts[-3]), epoch=int(path.parts[-2]))
        target = _directory(home_output, ref) / path.name
        with reading(folder, path):
            copy_file(path, target)
        if digest_of(target) != digest:
            raise broken(folder, f"the checksum of {path.relative_to(folder)} is wrong")
        work.tell(f"outputs: {number:,} of {totals.files:,} files")


def _listed(folder: Path, totals: OutputTotals) -> Iterator[_ListedFile]:
    sums = folder / SUMS
    try:
        if digest_of(sums) != totals.sums.sha256:
            raise broken(folder, f"the checksum of {SUMS} is wrong")
    except OSError as error:
        raise broken(folder, f"{SUMS}: {error.strerror}") from error
    with sums.open(encoding="ascii") as lines:
        for line in lines:
            match = _LINE.fullmatch(line.rstrip("\n"))
            # Its paths choose what is written where: only those of attempts are followed.
            if match is None:
                raise broken(folder, f"a line of {SUMS} names no file of an attempt")
            yield _ListedFile(match[1], folder / match[2])


def _directory(output: Path, ref: AttemptRef) -> Path:
    directory = output / str(ref.task_id) / str(ref.epoch)
    directory.parent.mkdir(mode=0o700, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory
