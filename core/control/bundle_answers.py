"""BundleAnswers: the rows of jobs in pieces, all as of one moment.

Used by `ReadingControl`. A thread writes the rows into a file without a name, which ends with its process.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import tempfile
import threading
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from core.config import describe
from core.control.wait_answers import EngineSight
from core.model.bundles import BundlePage
from core.model.errors import Bug, NotFound, TaskdeckError, Unavailable
from core.model.paths import Paths
from core.model.records import as_dict
from core.model.redaction import shareable
from core.model.version import VERSION
from core.store.bundles.rows import write_rows
from core.store.version import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from core.control.reading_api import BundleRows
    from core.model.values import JsonObject

IDLE_SECONDS = 60.0
"""Rows that are not asked for any more are forgotten after so long."""
MOST = 4
"""Snapshots that are read at the same time."""
_PIECE = 262_144
_LOOK_SECONDS = 0.01
_LOOKS = 20
_BREATH_SECONDS = 0.001


class BundleAnswers:
    """Answers with pieces of snapshots, each of which is kept until it has been read."""

    def __init__(self, home: Path, engine: EngineSight) -> None:
        self._home = home
        self._engine = engine
        self._snapshots: dict[str, _Snapshot] = {}

    async def page(self, request: BundleRows) -> BundlePage:
        """Answer with the next piece; without a snapshot, take one."""
        name, facts = request.snapshot, None
        self._forget_idle()
        if not name:
            if len(self._snapshots) >= MOST:
                raise Unavailable(
                    "bundle.busy",
                    f"{MOST} bundles are being read",
                    hint="try again in a minute",
                    facts={"most": MOST},
                )
            facts = await self._facts()
            name = secrets.token_hex(8)
            self._snapshots[name] = _Snapshot(Paths(home=self._home).db, request.job_ids)
        snapshot = self._snapshots.get(name)
        if snapshot is None:
            raise NotFound(
                "bundle.forgotten",
                "the rows that were being read are gone: another engine runs, or it took too long",
                hint="run it again",
            )
        try:
            data, is_last = await snapshot.piece(request.offset)
        except BaseException:
            self._drop(name)
            raise
        if is_last:
            self._drop(name)
        return BundlePage(
            snapshot=name,
            data=data,
            end=request.offset + len(data),
            rows=snapshot.rows,
            whole=is_last,
            facts=facts,
        )

    def close(self) -> None:
        """Forget all snapshots; threads that write one end soon."""
        for name in list(self._snapshots):
            self._drop(name)

    def _forget_idle(self) -> None:
        now = time.monotonic()
        for name, snapshot in list(self._snapshots.items()):
            if now - snapshot.asked_at > IDLE_SECONDS:
                self._drop(name)

    def _drop(self, name: str) -> None:
        self._snapshots.pop(name).close()

    async def _facts(self) -> JsonObject:
        return {
            "taskdeck": VERSION,
            "schema": SCHEMA_VERSION,
            "at": time.time_ns() // 1_000_000,
            "platform": {
                "system": platform.platform(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "host": platform.node(),
            },
            "engine": as_dict(await self._engine()),
            "config": _config(self._home),
        }


class _Bytes(NamedTuple):
    """A piece of the rows, and whether it is the last."""

    data: bytes
    is_last: bool


class _Snapshot:
    """The rows of jobs at one moment, on their way into a file."""

    def __init__(self, store: Path, jobs: Sequence[int]) -> None:
        self.rows = 0
        self.asked_at = time.monotonic()
        self._store = store
        self._jobs = tuple(dict.fromkeys(jobs))
        self._written = 0
        self._stop = threading.Event()
        self._done: Future[None] = Future()
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as it is read
        except OSError as error:
            raise _no_room(error) from error
        threading.Thread(target=self._work, name="bundle", daemon=True).start()

    async def piece(self, offset: int) -> _Bytes:
        """Wait for bytes behind an offset; they may be none."""
        self.asked_at = time.monotonic()
        for _ in range(_LOOKS):
            if offset < self._written or self._done.done():
                break
            await asyncio.sleep(_LOOK_SECONDS)
        # Asked before the bytes are counted: what was written by then is all there will be.
        is_done = self._done.done()
        if is_done:
            self._done.result()
        size = self._written
        data = os.pread(self._file.fileno(), min(_PIECE, max(0, size - offset)), offset)
        return _Bytes(data, is_last=is_done and offset + len(data) >= size)

    def close(self) -> None:
        """Stop the thread, and let go of the file when that has ended."""
        self._stop.set()
        self._done.add_done_callback(lambda _: self._file.close())

    def _work(self) -> None:
        try:
            self._write()
        except OSError as error:
            self._done.set_exception(_no_room(error))
        except TaskdeckError as error:
            self._done.set_exception(error)
        else:
            self._done.set_result(None)
        finally:
            if not self._done.done():
                # The traceback is on standard error; who asks must not wait for ever.
                self._done.set_exception(Bug("bundle.broke", "the rows of the bundle could not be read"))

    def _write(self) -> None:
        packer = zlib.compressobj(1)

        def write(line: bytes) -> None:
            self._append(packer.compress(line))

        for rows in write_rows(self._store, self._jobs, write, stop=self._stop):
            self.rows = rows
            # The loop of the engine is on this processor, too.
            time.sleep(_BREATH_SECONDS)
        self._append(packer.flush())

    def _append(self, data: bytes) -> None:
        while data:
            written = os.pwrite(self._file.fileno(), data, self._written)
            self._written += written
            data = data[written:]


def _config(home: Path) -> JsonObject:
    try:
        shown = shareable(describe(home))
    except TaskdeckError as error:
        return {"home": str(home), "error": error.message}
    return {"home": str(home), "settings": shown}


def _no_room(error: OSError) -> Unavailable:
    folder = tempfile.gettempdir()
    return Unavailable(
        "bundle.room",
        f"the rows cannot be kept in {folder} meanwhile: {error.strerror}",
        hint="free room there, or name another folder with TMPDIR",
        facts={"folder": folder, "reason": error.strerror or ""},
    )
