"""Operators are told at least once, and not in quiet hours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

import core
from core.engine.monitoring.notices import NoticeLoop, NoticePorts
from core.model.commands.notices import EndDelivery
from core.model.errors import NotFound, Unavailable
from core.model.notices import Email, Quiet, Signal, Sink, Topic
from core.senders import DeliveryFailed, Message
from core.store.journal import Journal
from core.store.readers import Readers
from core.store.reports import Reports
from tests.support.deck import Deck
from tests.support.factories import failure, task
from tests.support.manual_time import ManualAlarms, ManualClock
from tests.support.notice_servers import hook_server
from tests.support.waiting import until

SINK = Sink(name="ops", on=(Topic.NEW_FAILURE, Topic.NO_ROOM))


class Stage:
    """A loop on a real store and a manual clock; what is sent is kept, or refused as the test says."""

    def __init__(self, path: Path) -> None:
        self.deck = Deck(path)
        self.clock = ManualClock(self.deck.now)
        self.readers = Readers(path)
        self.reports = Reports(self.readers)
        self.sent: list[Message] = []
        self.refuses = 0
        self.error: Exception = DeliveryFailed("no")
        self.noted: dict[str, BaseException | None] = {}
        self.secrets: dict[str, str] = {}
        self.used: list[Sink] = []
        self.loop: NoticeLoop | None = None
        self.journal: Journal | None = None

    async def begin(self, *sinks: Sink) -> NoticeLoop:
        """Begin as an engine does that finds this store."""
        self.journal = Journal(self.deck.writer, clock=self.clock, listener=self._hear)
        ports = NoticePorts(
            self.reports.notices,
            self.journal,
            self.noted.__setitem__,
            self._read,
            "/home",
            "store",
            self._send,
        )
        self.loop = NoticeLoop(ports, clock=self.clock, alarms=ManualAlarms(self.clock))
        await self.loop.open(sinks)
        await self.rest()
        return self.loop

    async def die(self) -> None:
        """End as an engine that is killed: nothing is written any more."""
        self.loop.close()
        await self.journal.settle()

    async def rest(self) -> None:
        await until(lambda: not self.loop._is_looking and not self.loop._sending, "the loop rests")

    async def fail_task(self, key: str, code: str) -> None:
        """Let a task fail; the loop hears of it as of any commit."""
        self.deck.now = self.clock.now()
        self.deck.enqueue(task(key))
        self.deck.claim()
        self.deck.end(key, failure(code))
        self.loop.hear(self.deck.report)
        await self.rest()

    async def pass_time(self, ms: int) -> None:
        self.clock.advance(ms=ms)
        await self.rest()

    def _hear(self, _: object) -> None:
        return

    async def _read(self, names: Iterable[str]) -> dict[str, str]:
        if missing := set(names) - self.secrets.keys():
            raise NotFound("secret.unknown", f"no secret {missing.pop()}")
        return {name: self.secrets[name] for name in names}

    def _send(self, sink: Sink, message: Message) -> None:
        self.used.append(sink)
        if self.refuses:
            self.refuses -= 1
            raise self.error
        self.sent.append(message)

    async def close(self) -> None:
        self.loop.close()
        await self.journal.close()
        await self.readers.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path / "taskdeck.db")
    yield stage
    await stage.close()


def statuses(stage: Stage) -> list[str]:
    return [status for (status,) in stage.deck.rows("SELECT status FROM notice ORDER BY id")]


async def test_the_first_is_sent_at_once_and_what_comes_within_the_minute_goes_together(stage: Stage):
    await stage.begin(SINK)
    await stage.fail_task("a", "one")
    assert [message.subject for message in stage.sent] == ["taskdeck: a new failure, task 1 a: one: it broke"]
    await stage.fail_task("b", "one")
    assert len(stage.sent) == 1, "the family is known"
    await stage.fail_task("c", "two")
    await stage.fail_task("d", "three")
    assert (len(stage.sent), statuses(stage)) == (1, ["sent", "waiting", "waiting"])
    assert stage.loop.is_busy, "the engine does not end before they are sent"
    await stage.pass_time(SINK.every_ms)
    await until(lambda: len(stage.sent) == 2, "both are sent together")
    assert stage.sent[1].body["count"] == 2
    await stage.rest()
    assert statuses(stage) == ["sent"] * 3
    assert not stage.loop.is_busy


async def test_a_delivery_of_which_a_part_arrived_is_not_tried_again(stage: Stage):
    stage.refuses, stage.error = 1, DeliveryFailed("b@x was refused", is_final=True)
    await stage.begin(SINK)
    await stage.fail_task("a", "one")
    assert (stage.sent, statuses(stage)) == ([], ["failed"])
    assert stage.deck.rows("SELECT error FROM notice") == [("b@x was refused",)]


async def test_a_delivery_that_breaks_in_a_way_of_its_own_counts_as_a_try_and_quotes_nothing(stage: Stage):
    stage.refuses, stage.error = 1, RuntimeError("can't use s3cret")
    await stage.begin(SINK)
    await stage.fail_task("a", "one")
    assert (stage.sent, statuses(stage)) == ([], ["waiting"])
    assert stage.deck.rows("SELECT error FROM notice") == [("it could not be sent: RuntimeError",)]
    await stage.pass_time(10_000)
    await until(lambda: stage.sent, "it is tried again")


async def test_a_sink_whose_delivery_cannot_be_written_rests_for_a_minute(stage: Stage):
    await stage.begin(SINK)
    submit, refusals = stage.journal.submit, list[str]()

    def refuse(command: object) -> object:
        if isinstance(command, EndDelivery) and len(refusals) < 2:
            refusals.append("no")
            raise Unavailable("store.failed", "the store refused to write")
        return submit(command)

    stage.journal.submit = refuse  # type: ignore[method-assign]
    await stage.fail_task("a", "one")
    await stage.rest()
    assert len(stage.sent) == 1
    assert isinstance(stage.noted["sending notices to ops"], Unavailable)
    for number in (2, 3):
        await stage.pass_time(59_999)
        assert len(stage.sent) == number - 1
        await stage.pass_time(1)
        await until(lambda number=number: len(stage.sent) == number, "it is sent again after a minute")
    await stage.rest()
    assert statuses(stage) == ["sent"]
    assert stage.noted["sending notices to ops"] is None


async def test_a_look_that_breaks_is_named_and_made_again_after_a_minute(stage: Stage):
    await stage.begin(SINK)
    told, breaks = stage.reports.notices.told, [RuntimeError("odd rows")]

    async def broken(*args: object) -> object:
        if breaks:
            raise breaks.pop()
        return await told(*args)

    stage.reports.notices.told = broken  # type: ignore[method-assign]
    await stage.fail_task("a", "one")
    assert "odd rows" in str(stage.noted["telling operators of what happened"])
    assert stage.sent == []
    await stage.pass_time(60_000)
    await until(lambda: stage.sent, "it is told of")
    await stage.rest()
    assert stage.noted["telling operators of what happened"] is None


async def test_a_delivery_that_fails_is_tried_again_with_its_key_and_given_up_in_the_end(stage: Stage):
    stage.refuses = 1
    await stage.begin(SINK)
    await stage.fail_task("a", "one")
    assert (stage.sent, statuses(stage)) == ([], ["waiting"])
    await stage.pass_time(9_999)
    assert stage.sent == []
    await stage.pass_time(1)
    await until(lambda: stage.sent, "it is tried again")
    assert stage.sent[0].key == "taskdeck-store-1"
    await stage.rest()
    stage.refuses = 5
    await stage.pass_time(SINK.every_ms)
    await stage.fail_task("b", "two")
    for pause in (10_000, 40_000, 160_000, 640_000):
        assert statuses(stage)[-1] == "waiting"
        await stage.pass_time(pause)
        await until(lambda: stage.loop and not stage.loop._sending, "it was tried")
        await stage.rest()
    assert (len(stage.sent), statuses(stage)) == (1, ["sent", "failed"])


async def test_an_engine_after_a_kill_sends_what_was_under_way_with_the_same_key_and_misses_nothing(
    stage: Stage,
):
    stage.refuses = 1
    await stage.begin(SINK)
    await stage.fail_task("a", "one")
    await stage.die()
    # Written before the next engine looks at the history.
    stage.deck.now = stage.clock.now()
    stage.deck.enqueue(task("b"))
    stage.deck.claim()
    stage.deck.end("b", failure("two"))
    stage.clock.advance(ms=10_000)
    await stage.begin(SINK)
    await until(lambda: stage.sent, "the first is sent")
    assert stage.sent[0].key == "taskdeck-store-1"
    await stage.pass_time(SINK.every_ms)
    await until(lambda: len(stage.sent) == 2, "the second is sent")
    assert "task 2 b" in stage.sent[1].subject


async def test_quiet_hours_hold_everything_back_and_keep_no_engine(stage: Stage):
    hour = 3_600_000
    now = stage.clock.now() % (24 * hour)
    quiet = Quiet(begins_ms=now // 60_000 * 60_000, ends_ms=(now // 60_000 * 60_000 + 2 * hour) % (24 * hour))
    await stage.begin(Sink(name="ops", on=SINK.on, quiet=quiet))
    await stage.fail_task("a", "one")
    await stage.fail_task("b", "two")
    assert (stage.sent, stage.loop.is_busy) == ([], False)
    await stage.pass_time(2 * hour)
    await until(lambda: stage.sent, "they are sent when the hours are over")
    assert stage.sent[0].body["count"] == 2


async def test_two_sinks_get_the_same_and_one_that_fails_does_not_hold_the_other(stage: Stage):
    stage.refuses = 1
    await stage.begin(SINK, Sink(name="other", on=SINK.on))
    await stage.fail_task("a", "one")
    await until(lambda: stage.sent, "one of them is sent")
    await stage.rest()
    assert sorted(statuses(stage)) == ["sent", "waiting"]


async def test_an_engine_posts_what_happened_to_a_webhook_of_its_configuration(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with hook_server() as hook:
        (home / "config.toml").write_text(
            f'[notify.team]\nwebhook = "{hook.url}"\non = ["job_ended"]\nstatus = ["failed"]\n'
        )
        async with core.open_engine(home=home) as deck:
            for name, limit in (("fine", "30s"), ("broken", "0.05s")):
                tasks = [{"key": "a", "uses": "delay", "with": {"seconds": 0.5}, "timeout": limit}]
                job = await deck.submit({"name": name, "tasks": tasks})
                await deck.wait_job(job.id)
            await until(lambda: hook.posted, "the webhook hears of the job that failed")
            readers = Readers(home / "taskdeck.db")
            page = await Reports(readers).notices.page()
            await readers.close()
    assert b"broken failed" in hook.posted[0].body
    assert hook.posted[0].headers["Idempotency-Key"].startswith("taskdeck-")
    assert [one.sink for one in page.rows] == ["team"]


async def test_secrets_are_read_for_each_try_and_one_that_is_unknown_is_told_without_the_rest(stage: Stage):
    hook = Sink(
        name="ops",
        on=SINK.on,
        webhook="https://x/${{ secrets.A }}",
        headers={"H": "Bearer ${{secrets.b-2}}"},
        email=Email(to=("a@x",), sender="b@x", user="u", password="${{ secrets.A }}"),
    )
    stage.secrets = {"A": "canary-1"}
    await stage.begin(hook)
    await stage.fail_task("a", "one")
    assert stage.deck.rows("SELECT error FROM notice") == [("no secret b-2",)]
    stage.secrets = {"A": "canary-2", "b-2": "canary-3"}
    await stage.pass_time(10_000)
    await until(lambda: stage.used, "it is tried again")
    (used,) = stage.used
    assert (used.webhook, used.headers, used.email.password) == (
        "https://x/canary-2",
        {"H": "Bearer canary-3"},
        "canary-2",
    )
    kept = b"".join(path.read_bytes() for path in stage.deck.path.parent.glob("taskdeck.db*"))
    assert b"canary" not in kept


async def test_what_goes_to_consoles_stands_in_the_history_with_how_loud_it_is(stage: Stage):
    desk = Sink(name="desk", on=(Topic.NEW_FAILURE,), console=(Signal.TOAST, Signal.BELL))
    await stage.begin(desk, SINK)
    await stage.fail_task("a", "one")
    sent = [
        json.loads(data) for (data,) in stage.deck.rows("SELECT data FROM event WHERE kind = 'notice.sent'")
    ]
    assert {one["sink"]: one.get("signals") for one in sent} == {"desk": ["toast", "bell"], "ops": None}
    (told,) = [one["subject"] for one in sent if one["sink"] == "desk"]
    assert told.startswith("taskdeck: a new failure")
