"""Open a bundle: checked, unpacked into a private folder, read-only.

Called by the commands that read and by the console's sessions.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO

from core.app.bundles.contents import Contents, open_contents
from core.app.bundles.folder import private_folder
from core.app.bundles.manifest import Manifest, Output
from core.app.signals import cancelling_on_signal
from core.control.reading import ReadingControl
from core.control.sights import Sights
from core.executors.outputs import LOST
from core.host import free_bytes
from core.model.bundles import CONFIG, ROWS, broken, engine_of
from core.model.errors import Unavailable
from core.model.paths import Paths
from core.model.present import standing_at
from core.model.waits import EngineFacts
from core.rules.families import family_of
from core.store.bundles.rebuild import Making, rebuild_store
from core.store.readers import Readers
from core.store.reports import Reports

_TELL_BYTES = 64 * 2**20
_MARGIN = 16 * 2**20
_LINE_MOST = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBundle:
    """A bundle that can be read; `home` is where it is unpacked, until it is closed."""

    file: Path
    home: Path
    manifest: Manifest
    control: ReadingControl
    reports: Reports


@asynccontextmanager
async def open_bundle(path: Path, *, tell: Callable[[str], None]) -> AsyncIterator[OpenBundle]:
    """Lend what reads a bundle; `tell` gets a line for what takes long.

    Raises `NotFound` (`bundle.missing`), `Invalid` (`bundle.file`, `bundle.broken`, `bundle.expands`),
    `Unavailable` (`bundle.newer`, `bundle.room`), and `Interrupted` once the folder is removed.
    """
    with cancelling_on_signal(), _folder() as folder:
        paths = Paths(home=folder / "deck")
        manifest = await _unpacked(path, paths, tell)
        readers = Readers(paths.db)
        reports = Reports(readers)
        sight = partial(_as_it_did, engine_of(manifest.facts))
        reading = ReadingControl(reports, paths.output, sights=Sights(engine=sight), readers=readers)
        # Ages count to the moment that the bundle shows.
        with standing_at(manifest.at):
            async with reading as control:
                home = paths.home
                yield OpenBundle(file=path, home=home, manifest=manifest, control=control, reports=reports)


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        with private_folder() as folder:
            yield folder
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise no_room(error.strerror or "it cannot be used") from error


def no_room(reason: str) -> Unavailable:
    """Return the refusal of a bundle that cannot be unpacked where temporary files go."""
    folder = tempfile.gettempdir()
    return Unavailable(
        "bundle.room",
        f"the bundle cannot be unpacked in {folder}: {reason}",
        hint="free room there, or name another folder with TMPDIR",
        facts={"folder": folder, "reason": reason},
    )


async def _as_it_did(engine: EngineFacts) -> EngineFacts:
    return engine


async def _unpacked(path: Path, paths: Paths, tell: Callable[[str], None]) -> Manifest:
    stop = Event()
    work = asyncio.ensure_future(asyncio.to_thread(_Unpacking(paths, tell, stop).run, path))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # The folder is removed when nothing is written there any more.
        stop.set()
        await asyncio.wait([work])
        raise


class _Unpacking:
    """Unpacks one bundle, in a thread; ends with `Unavailable` once `stop` is set."""

    def __init__(self, paths: Paths, tell: Callable[[str], None], stop: Event) -> None:
        self._paths = paths
        self._tell = tell
        self._stop = stop
        self._done = 0

    def run(self, path: Path) -> Manifest:
        with open_contents(path) as contents:
            manifest = contents.manifest
            self._check_room(contents)
            self._paths.home.mkdir(mode=0o700)
            self._paths.output.mkdir(mode=0o700)
            rebuild_store(
                self._paths.db,
                _lines(self._watched(contents.pieces(ROWS))),
                Making(schema=schema_of(manifest), tell=lambda _: self._check_stop(), family_of=family_of),
            )
            names = set(manifest.files) - {ROWS, CONFIG}
            for name, output in manifest.outputs.items():
                self._unpack_output(contents, name, output)
                names -= {f"output/{name}", f"output/{name}.times"}
            if names:
                raise broken(f"{min(names)} belongs to no output")
            for _ in contents.pieces(CONFIG):
                pass
        return manifest

    def _unpack_output(self, contents: Contents, name: str, output: Output) -> None:
        target = self._paths.output / name
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        if output.lost:
            (target.parent / LOST).touch(mode=0o600)
        member = contents.manifest.files.get(f"output/{name}")
        if (0 if member is None else member.size) != output.kept:
            raise broken(f"output/{name} has another size than its pieces")
        if member is not None:
            with _new(target) as file:
                _write_pieces(file, self._watched(contents.pieces(f"output/{name}")), output)
        if f"output/{name}.times" in contents.manifest.files:
            with _new(target.with_name(f"{target.name}.times")) as file:
                for data in self._watched(contents.pieces(f"output/{name}.times")):
                    file.write(data)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for data in pieces:
            self._check_stop()
            before, self._done = self._done, self._done + len(data)
            if before // _TELL_BYTES != self._done // _TELL_BYTES:
                self._tell(f"unpacked {self._done // 2**20:,} MiB")
            yield data

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Unavailable("bundle.stopped", "unpacking the bundle was stopped")

    def _check_room(self, contents: Contents) -> None:
        rows = contents.manifest.files.get(ROWS)
        # Its indexes make the store larger than its rows.
        needed = contents.unpacked + 2 * (0 if rows is None else rows.size) + _MARGIN
        free = free_bytes(self._paths.home.parent)
        if free < needed:
            raise no_room(f"it needs {needed // 2**20:,} MiB, {free // 2**20:,} are free")


def schema_of(manifest: Manifest) -> int:
    """Return the schema version of the rows of a bundle; raise `Invalid` (`bundle.broken`)."""
    schema = manifest.facts.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise broken("it does not say of which version its rows are")
    return schema


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for data in pieces:
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        if len(rest) > _LINE_MOST:
            raise broken("a line of its rows is too long")
    if rest:
        raise broken("its rows end in the middle of a line")


def _write_pieces(file: IO[bytes], data: Iterator[bytes], output: Output) -> None:
    """Write the pieces of an output where they were; what is not there stays a hole."""
    ready = b""
    for offset, length in output.pieces:
        file.seek(offset)
        left = length
        while left:
            ready = ready or next(data, b"")
            if not ready:
                raise broken("an output is shorter than its pieces")
            part, ready = ready[:left], ready[left:]
            file.write(part)
            left -= len(part)
    if ready or next(data, b""):
        raise broken("an output is longer than its pieces")
    file.truncate(output.size)


def _new(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")
