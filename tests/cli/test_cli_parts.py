"""Parts below the commands: waiting, progress, tables, counting of groups, output sinks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

import pytest

from core.app.signals import Interrupted
from core.cli.claim_watch import ClaimWatch, OutOfPatience
from core.cli.group_counts import GroupCounts
from core.cli.output import Painted, say
from core.cli.output_sinks import TextSink
from core.cli.progress import Meter
from core.cli.summary import error_text, exit_status
from core.cli.waiting import Interrupts, interrupts, wait_with
from core.control.api import EventQuery
from core.model.errors import Unavailable
from core.model.events import EventView
from core.model.orphans import OrphanKind
from core.model.records import replace
from core.model.views import ClaimsClosed, LogChunk, Page
from tests.console.support_fake_control import INFO, FakeControl
from tests.support.waiting import DEADLINE


async def _nothing() -> bool:
    return False


async def test_a_wait_returns_its_result_though_progress_cannot_be_read() -> None:
    begun = asyncio.Event()

    async def work() -> int:
        await begun.wait()
        return 7

    async def tick() -> bool:
        begun.set()
        raise Unavailable("engine.busy", "not now")

    assert await wait_with(work(), tick, Interrupts()) == 7


async def test_a_wait_shows_progress_again_after_it_could_not_be_read() -> None:
    shown: list[str] = []
    done = asyncio.Event()

    async def work() -> int:
        await done.wait()
        return 7

    async def tick() -> bool:
        shown.append("asked")
        if len(shown) == 1:
            raise Unavailable("engine.busy", "not now")
        done.set()
        return True

    async with asyncio.timeout(DEADLINE):
        assert await wait_with(work(), tick, Interrupts()) == 7


async def test_a_wait_ends_with_the_patience_of_its_command() -> None:
    async def tick() -> bool:
        raise OutOfPatience("no room", code="output.quota")

    with pytest.raises(OutOfPatience):
        await wait_with(asyncio.Event().wait(), tick, Interrupts())


def test_why_nothing_is_claimed_is_told_at_once_each_minute_and_when_it_is_over() -> None:
    now = [0.0]
    closed = ClaimsClosed(code="output.quota", message="outputs are full", hint="purge some", since=0)
    full = replace(INFO, trouble="outputs are full", closed=(closed,))
    watch = ClaimWatch(patience="3m", now=lambda: now[0])
    told = []
    for second, engine in (
        (0, INFO),
        (1, full),
        (30, full),
        (61, full),
        (100, full),
        (122, full),
        (123, INFO),
    ):
        now[0] = second
        told.append(watch.look(engine))
    why = "outputs are full (purge some)"
    assert told == [
        None,
        f"nothing is claimed: {why}",
        None,
        f"nothing is claimed for 1 min: {why}",
        None,
        f"nothing is claimed for 2 min: {why}",
        "tasks are claimed again",
    ]
    # Patience begins when it closes again.
    for second in (200, 379):
        now[0] = second
        watch.look(full)
    now[0] = 380
    with pytest.raises(OutOfPatience, match="purge some") as over:
        watch.look(full)
    assert over.value.code == "output.quota"


async def test_a_wait_ends_when_what_it_shows_cannot_be_written() -> None:
    async def tick() -> bool:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await wait_with(asyncio.Event().wait(), tick, Interrupts())


async def test_a_wait_does_not_wait_for_a_slow_progress() -> None:
    asked = asyncio.Event()

    async def work() -> int:
        await asked.wait()
        return 7

    async def tick() -> bool:
        asked.set()
        return await asyncio.Event().wait()

    async with asyncio.timeout(DEADLINE):
        assert await wait_with(work(), tick, Interrupts()) == 7


async def test_a_wait_raises_what_the_work_raised() -> None:
    async def work() -> int:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await wait_with(work(), _nothing, Interrupts())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_a_wait_and_gives_the_work_up(number: signal.Signals) -> None:
    given_up = False

    async def work() -> None:
        nonlocal given_up
        try:
            await asyncio.Event().wait()
        finally:
            given_up = True

    async def tick() -> bool:
        os.kill(os.getpid(), number)
        return False

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as caught, interrupts() as received:
        await wait_with(work(), tick, received)
    assert caught.value.number is number
    assert given_up
    assert signal.getsignal(signal.SIGTERM) == before


def test_progress_away_from_a_terminal_is_a_line_each_five_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("core.cli.progress.time.monotonic", lambda: now[0])
    meter = Meter("job 2")
    for second in range(11):
        now[0] = 100.0 + second
        meter.show({"succeeded": 1, "running": 1, "queued": 2})
    assert capsys.readouterr().err.splitlines() == [
        "job 2: 1/4  running 1  5s  ETA 15s",
        "job 2: 1/4  running 1  10s  ETA 30s",
    ]


def test_quiet_progress_away_from_a_terminal_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter("job 2", quiet=True)
    meter.remark("one")
    meter.show({"running": 1})
    assert capsys.readouterr().err == ""


async def test_lost_tasks_of_a_job_that_are_held_are_counted_each_time_their_number_changes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    for number in (1, 2):
        control.add_task(job, f"t{number}", status="held")
        control.add_orphan(number, kind=OrphanKind.LOST)
    meter = Meter("job 2", quiet=True)
    await meter.warn_lost(control, job, {"running": 1})
    await meter.warn_lost(control, job + 1, {"held": 2})
    assert capsys.readouterr().err == ""
    for _ in range(2):
        await meter.warn_lost(control, job, {"held": 2})
    said = "lost and held: 2; how their attempts ended was not seen (taskdeck orphans --plan)\n"
    assert capsys.readouterr().err == said


async def test_trouble_of_the_engine_is_told_once_and_its_end_however_quiet_the_rest_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    control = FakeControl()
    meter = Meter("job 2", quiet=True)
    for trouble in ("", "the disk\x1b is full", "the disk\x1b is full", "", ""):
        control.engine = replace(INFO, trouble=trouble)
        await meter.warn(control)
    assert capsys.readouterr().err == "nothing is claimed: the disk␛ is full\ntasks are claimed again\n"


def test_painted_text_is_safe_and_plain_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    say(Painted(text="a\x1bb", colour="red"), "\u202ec")
    assert capsys.readouterr().out == "a␛b‹U+202E›c\n"


def _chunk(data: bytes, offset: int) -> LogChunk:
    return LogChunk(data=data, offset=offset, end=offset + len(data), final=False, epoch=1)


def test_a_character_cut_by_a_chunk_is_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    sink = TextSink()
    for offset, byte in enumerate("ä\u202e".encode()):
        sink.write(_chunk(bytes([byte]), offset))
    sink.finish()
    assert capsys.readouterr().out == "ä‹U+202E›"


def test_bytes_that_are_no_text_are_written_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    sink = TextSink()
    sink.write(_chunk(b"\x9b2J\xe2", 0))
    sink.finish()
    assert capsys.readouterr().out == "\\x9b2J\\xe2"


@pytest.mark.parametrize(
    ("counts", "status"),
    [({"succeeded": 2}, 0), ({"succeeded": 1, "failed": 1, "cancelled": 1}, 1), ({"cancelled": 1}, 3)],
)
def test_loose_tasks_end_with_the_worst_of_them(counts: dict[str, int], status: int) -> None:
    assert exit_status(counts) == status


def test_an_error_is_one_short_safe_line() -> None:
    text = error_text({"code": "x.y", "message": "a\nb\x1b" + "c" * 500})
    assert text.startswith("x.y: a␊b␛ccc")
    assert text.endswith("…")
    assert len(text) < 220


class _History:
    """The events of a store, as `GroupCounts` asks for them."""

    def __init__(self, events: Sequence[EventView]) -> None:
        self.all = list(events)
        self.asked: list[int] = []

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = 100
    ) -> Page[EventView]:
        self.asked.append(after_id)
        wanted = query.task_id if query else None
        rows = [row for row in self.all if row.id > after_id and (wanted is None or row.task_id == wanted)][
            : min(limit, 2)
        ]
        more = bool(rows) and rows[-1].id < self.all[-1].id
        return Page(rows=tuple(rows), next=str(rows[-1].id) if more else None)


def _event(number: int, kind: str, task_id: int) -> EventView:
    return EventView(
        id=number, at=0, kind=kind, job_id=1, task_id=task_id, key="k", attempt=None, actor=None, data={}
    )


async def test_groups_are_counted_from_what_is_new() -> None:
    history = _History(
        [
            _event(1, "task.succeeded", 3),
            _event(2, "task.created", 7),
            _event(3, "task.created", 8),
            _event(4, "task.claimed", 7),
            _event(5, "task.claimed", 9),
            _event(6, "task.succeeded", 7),
        ]
    )
    counts = GroupCounts(history, [7, 8])
    assert await counts.update() == {"succeeded": 1, "queued": 1}
    history.all.append(_event(7, "task.claimed", 8))
    history.asked.clear()
    assert await counts.update() == {"succeeded": 1, "running": 1}
    assert history.asked == [6]
