"""Write a bundle: rows, outputs and settings, through whatever reads.

Called by the command `bundle` and by the console's session. Rows and outputs come in pieces.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar, cast

from core.app.bundles.archive import Archive, MemberWriter, Sink
from core.app.bundles.manifest import KeptPiece, Manifest, Output, encode
from core.control.api import LogLines, ReadingAPI
from core.control.reading_api import BundleRows
from core.model.bundles import CONFIG, KEPT, LEFT_OUT, MANIFEST, ROWS, BundlePage
from core.model.log_views import LogPage, OutputTime
from core.model.ports import AttemptRef
from core.model.ranges import Range
from core.model.records import replace
from core.model.values import JsonObject, JsonValue
from core.model.views import LogStream

T = TypeVar("T")
_TIME = struct.Struct("<QQ")
_LINES = 2_000
_AT_ONCE = 16
"""Outputs that are asked for at a time."""
_BLOCK = 4_096
_MOST_AT_ONCE = 2**20
_TELL_SECONDS = 0.25
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What goes into a bundle, and who is told how far it is."""

    jobs: tuple[int, ...]
    max_log: int | None = None
    """Bytes that are kept of an output at most, half of them from its end; None = all."""
    tell: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a bundle holds."""

    manifest: Manifest
    rows: int
    size: int
    """Bytes of the bundle."""
    unpacked: int
    """Bytes of what is in it."""


async def write_bundle(control: ReadingAPI, wanted: Wanted, sink: Sink) -> Written:
    """Write a bundle to a sink; who owns that makes it whole, or removes it.

    Raises what the control refuses, and `OSError` of the sink.
    """
    archive = Archive(sink)
    try:
        return await _Writing(control, wanted, archive).run()
    except BaseException:
        archive.abandon()
        raise


class _Writing:
    def __init__(self, control: ReadingAPI, wanted: Wanted, archive: Archive) -> None:
        self._control = control
        self._wanted = wanted
        self._archive = archive
        self._outputs: dict[str, Output] = {}
        self._told_at = 0.0
        self._bytes = 0

    async def run(self) -> Written:
        rows = _Rows()
        await self._write_rows(rows)
        for begin in range(0, len(rows.attempts), _AT_ONCE):
            self._tell(f"output {begin + 1:,} of {len(rows.attempts):,}, {self._bytes / _MIB:,.1f} MiB")
            await self._write_attempts(rows.attempts[begin : begin + _AT_ONCE])
        facts = dict(rows.facts)
        config = json.dumps(facts.pop("config", {}), indent=1).encode("ascii")
        await _in_thread(lambda: self._archive.put(CONFIG, config))
        manifest = Manifest(
            jobs=tuple(dict.fromkeys(self._wanted.jobs)),
            facts=facts,
            files=dict(self._archive.files),
            outputs=self._outputs,
            max_log=self._wanted.max_log,
        )
        more: JsonObject = {"left_out": list(LEFT_OUT), "kept": KEPT}
        await _in_thread(lambda: self._archive.put(MANIFEST, encode(manifest, more)))
        await _in_thread(self._archive.finish)
        unpacked = sum(one.size for one in manifest.files.values())
        return Written(manifest=manifest, rows=rows.number, size=self._archive.size, unpacked=unpacked)

    async def _write_rows(self, rows: _Rows) -> None:
        jobs = self._wanted.jobs
        page = await self._control.bundle_rows(BundleRows(job_ids=jobs))
        rows.facts = page.facts or {}
        with self._archive.member(ROWS) as member:
            while True:
                await _in_thread(_unpacking(page, rows, member))
                self._tell(f"rows: {page.rows:,}")
                if page.whole:
                    break
                page = await self._control.bundle_rows(
                    BundleRows(job_ids=jobs, snapshot=page.snapshot, offset=page.end)
                )
        rows.number = page.rows

    async def _write_attempts(self, attempts: Sequence[AttemptRef]) -> None:
        """Write outputs in order; their first pages are asked for at once, as most have no other."""
        requests = [LogLines(task_id=one.task_id, epoch=one.epoch, lines=_LINES) for one in attempts]
        pages = await _all_of([self._control.logs.lines(request) for request in requests])
        whole: list[_WholeOutput] = []
        for request, page in zip(requests, pages, strict=True):
            name = _name_of(request)
            if self._is_whole(page):
                whole.append(_WholeOutput(name, page))
            else:
                await self._put(whole)
                await self._write_output(request, page)
            if page.facts.stderr:
                await self._put(whole)
                errors = replace(request, stream=LogStream.ERR)
                await self._write_output(errors, await self._control.logs.lines(errors))
        await self._put(whole)

    def _is_whole(self, page: LogPage) -> bool:
        """Return whether a page is a whole output that is kept as it is."""
        size = page.facts.size
        return bool(size) and page.end >= size and not page.missing and size <= (self._wanted.max_log or size)

    async def _put(self, outputs: list[_WholeOutput]) -> None:
        """Write small outputs, which are taken from the list."""
        taken = outputs[:]
        outputs.clear()
        for name, page in taken:
            size = len(page.data)
            self._outputs[name] = Output(
                size=page.facts.size, pieces=(KeptPiece(0, size),), cut=0, lost=page.facts.lost
            )
            self._bytes += size
        if taken:
            await _in_thread(partial(self._put_all, taken))

    def _put_all(self, outputs: Sequence[_WholeOutput]) -> None:
        for name, page in outputs:
            self._archive.put(f"output/{name}", page.data)
            if page.times:
                self._archive.put(f"output/{name}.times", _packed(page.times))

    async def _write_output(self, request: LogLines, first: LogPage) -> None:
        """Write an output as it is now, whose first page was read."""
        size, name = first.facts.size, _name_of(request)
        if not size:
            if first.facts.lost:
                self._outputs[name] = Output(size=0, pieces=(), lost=True)
            return
        pieces, times = _Pieces(), list[OutputTime]()
        windows = _windows(size, self._wanted.max_log)
        with self._archive.member(f"output/{name}") as member:
            for window in windows:
                await self._write_window(request, window, member, pieces=pieces, times=times)
        if times:
            await _in_thread(partial(self._archive.put, f"output/{name}.times", _packed(times)))
        self._outputs[name] = Output(
            size=size,
            pieces=tuple(pieces.all),
            cut=size - sum(end - begin for begin, end in windows),
            lost=first.facts.lost,
        )

    async def _write_window(
        self,
        request: LogLines,
        window: Range,
        member: MemberWriter,
        *,
        pieces: _Pieces,
        times: list[OutputTime],
    ) -> None:
        at, end = window
        while at < end:
            page = await self._control.logs.lines(replace(request, offset=at))
            if page.end <= at:
                return
            if not page.missing:
                data = page.data[at - page.begin : end - page.begin]
                await _in_thread(_appending(member, data))
                pieces.add(at, len(data))
                times.extend(one for one in page.times if not times or one > times[-1])
                self._bytes += len(data)
                self._tell(f"output of task {request.task_id}, {self._bytes / _MIB:,.1f} MiB")
            at = page.end

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._wanted.tell(text)


class _WholeOutput(NamedTuple):
    """A small output, in one page, and its name in the bundle."""

    name: str
    page: LogPage


class _AttemptColumns(NamedTuple):
    """Where in a row of `attempt` its task and its epoch stand."""

    task_id: int
    epoch: int


class _Rows:
    """Looks at rows as they pass, for the attempts whose output is to be fetched."""

    def __init__(self) -> None:
        self.facts: JsonObject = {}
        self.number = 0
        self.attempts: list[AttemptRef] = []
        self._unpacker = zlib.decompressobj()
        self._rest = b""
        self._at: _AttemptColumns | None = None

    def unpack(self, page: BundlePage) -> Iterator[bytes]:
        data = page.data
        while data:
            yield self._unpacker.decompress(data, _MOST_AT_ONCE)
            data = self._unpacker.unconsumed_tail
        if page.whole:
            yield self._unpacker.flush()

    def look(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                self._at = self._columns(json.loads(line))
            elif self._at is not None:
                row = json.loads(line)
                self.attempts.append(AttemptRef(task_id=row[self._at.task_id], epoch=row[self._at.epoch]))

    @staticmethod
    def _columns(head: JsonObject) -> _AttemptColumns | None:
        columns: JsonValue = head.get("columns")
        if head.get("table") != "attempt" or not isinstance(columns, list):
            return None
        return _AttemptColumns(columns.index("task_id"), columns.index("epoch"))


class _Pieces:
    """The bytes of an output that were written; those without a gap are one piece."""

    def __init__(self) -> None:
        self.all: list[KeptPiece] = []

    def add(self, offset: int, length: int) -> None:
        if self.all and sum(self.all[-1]) == offset:
            offset, before = self.all.pop()
            length += before
        self.all.append(KeptPiece(offset, length))


def _name_of(request: LogLines) -> str:
    return f"{request.task_id}/{request.epoch}/{request.stream.value}"


def _packed(times: Iterable[OutputTime]) -> bytes:
    return b"".join(_TIME.pack(*one) for one in times)


def _windows(size: int, most: int | None) -> list[Range]:
    """Return which bytes of an output are kept; the gap begins and ends with a block of the file system."""
    if most is None or size <= most:
        return [Range(0, size)]
    half = most // 2 // _BLOCK * _BLOCK
    behind = -(-(size - half) // _BLOCK) * _BLOCK
    return [Range(0, half), Range(behind, size)] if behind < size else [Range(0, half)]


def _unpacking(page: BundlePage, rows: _Rows, member: MemberWriter) -> Callable[[], None]:
    def work() -> None:
        for data in rows.unpack(page):
            rows.look(data)
            member.write(data)

    return work


def _appending(member: MemberWriter, data: bytes) -> Callable[[], None]:
    return lambda: member.write(data)


async def _all_of(reads: Iterable[Awaitable[T]]) -> list[T]:
    """Return what all reads find, in order; raise what the first of them that was refused did."""
    found = await asyncio.gather(*reads, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return cast("list[T]", found)


async def _in_thread(work: Callable[[], T]) -> T:
    """Do what takes long beside the loop; a cancel waits for its end, so that nothing is written any more."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
