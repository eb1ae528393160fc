"""The contract of pools and limits, by every way to an engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.control.api import ControlAPI, Target, TaskSpec
from core.control.reading import ReadingControl
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.capacity import (
    CapacityChange,
    CloseBackend,
    CorrectGauge,
    Freeze,
    OpenBackend,
    PausePool,
    Reconcile,
    ResetBackend,
    ResetLimit,
    ResetPool,
    ResizePool,
    ResumePool,
    SetLimit,
    Span,
    Unfreeze,
)
from core.model.errors import Conflict, Invalid, NotFound
from core.model.limits.entry_views import EntryQuery
from core.model.limits.limit_views import BreakerState, GaugeView, LimitView, PoolView
from core.model.limits.limits import LimitKind, LimitRef, Per
from core.store.readers import Readers
from core.store.reports import Reports
from tests.support.actors import by
from tests.support.deck_doors import SLOTS, Door
from tests.support.waiting import within

pytestmark = pytest.mark.asyncio(loop_scope="module")

USD = 1_000_000
CONFIG = """
[pools.default]
queues = ["default"]
[pools.side]
slots = 1
queues = ["side"]

[limits.db]
kind = "concurrency"
max = 1

[limits.api]
kind = "rate"
rate = "1/hour"

[backends.steps]
match = {connector = "delay"}

[budgets.team]
unit = "usd"
max = 2
per = "day"
soft = 0.5
on = {project = "doors"}
"""


def configured(home: Path) -> Path:
    home.mkdir(parents=True, mode=0o700)
    (home / "config.toml").write_text(CONFIG)
    return home


async def pool(control: ControlAPI, name: str) -> PoolView:
    return next(one for one in (await control.limits.capacity()).pools if one.name == name)


async def limit(control: ControlAPI, name: str) -> LimitView:
    return next(one for one in (await control.limits.capacity()).limits if one.name == name)


async def gauge(control: ControlAPI, name: str, key: str = "") -> GaugeView:
    return next(one for one in (await control.limits.gauges(name)).rows if one.key == key)


def sleeps(number: int, **more: object) -> list[TaskSpec]:
    return [TaskSpec(uses="delay", with_={"seconds": 60}, key=f"t{n}", **more) for n in range(number)]  # type: ignore[arg-type]


async def end(control: ControlAPI, ids: tuple[int, ...]) -> None:
    await control.cancel(Target(task_ids=ids), actor="ann")
    await within(control.wait_tasks(ids), "they end")


async def changed(control: ControlAPI, change: CapacityChange, *, reason: str = "") -> int:
    return (await control.limits.change(change, reason=reason, actor="ann")).changed


async def running(control: ControlAPI, ids: tuple[int, ...]) -> int:
    where = parse(f"id:{','.join(map(str, ids))} status:running", Noun.TASKS)
    return (await control.count(where)).number


async def until_running(control: ControlAPI, ids: tuple[int, ...], number: int) -> None:
    await changed_until(control, lambda: running(control, ids), number)


async def changed_until(control: ControlAPI, look: Callable[[], Awaitable[int]], wanted: int) -> None:
    async def wait() -> None:
        last = 0
        while await look() != wanted:
            last = (await control.changes(last)).last_event

    await within(wait(), f"{wanted} of them")


async def waiting(control: ControlAPI, name: str) -> int:
    return sum(one.tasks for one in (await limit(control, name)).gauges)


async def test_a_pool_is_resized_paused_resumed_and_reset_and_says_what_holds_it(control: ControlAPI):
    ids = await control.enqueue(sleeps(3, queue="side"), group="side")
    await until_running(control, ids, 1)
    view = await pool(control, "side")
    assert (view.slots, view.configured_slots, view.taken, view.waiting) == (1, 1, 1, 2)
    assert [holder.task_id for holder in view.holders] == [ids[0]]
    assert await changed(control, ResizePool(name="side", slots=2), reason="more") == 1
    await until_running(control, ids, 2)
    view = await pool(control, "side")
    assert (view.slots, view.configured_slots, view.taken) == (2, 1, 2)
    assert view.changed is not None
    assert (view.changed.by, view.changed.reason) == (by("ann"), "more")
    assert await changed(control, PausePool(name="side"), reason="driver") == 1
    view = await pool(control, "side")
    assert view.paused is not None
    assert (view.paused.by, view.paused.reason) == (by("ann"), "driver")
    assert await changed(control, PausePool(name="side")) == 0
    assert await changed(control, ResumePool(name="side")) == 1
    assert await changed(control, ResetPool(name="side")) == 1
    view = await pool(control, "side")
    assert (view.slots, view.taken, view.changed, view.paused) == (1, 2, None, None)
    await end(control, ids)
    assert (await pool(control, "default")).slots == SLOTS


async def test_a_limit_is_raised_and_what_waits_starts(control: ControlAPI):
    ids = await control.enqueue(sleeps(3, limits=(LimitRef(name="db"),)))
    await until_running(control, ids, 1)
    view = await limit(control, "db")
    assert (view.kind, view.max, view.configured_max, view.keys) == (LimitKind.CONCURRENCY, 1, 1, 1)
    one = await gauge(control, "db")
    assert (one.reserved, one.left, one.tasks, one.lanes) == (1, 0, 2, 1)
    assert [holder.task_id for holder in one.holders] == [ids[0]]
    assert view.gauges == (one,)
    assert await changed(control, SetLimit(name="db", to="2"), reason="second") == 1
    await until_running(control, ids, 2)
    view = await limit(control, "db")
    assert (view.max, view.configured_max) == (2, 1)
    assert view.changed is not None
    assert (view.changed.by, view.changed.reason) == (by("ann"), "second")
    assert await changed(control, ResetLimit(name="db")) == 1
    assert (await gauge(control, "db")).left == -1
    await end(control, ids)


async def test_a_rate_says_when_the_next_start_is(control: ControlAPI):
    ids = await control.enqueue(sleeps(2, limits=(LimitRef(name="api"),)))
    await until_running(control, ids, 1)
    one = await gauge(control, "api")
    assert one.left <= 0
    assert one.next_at is not None
    assert await changed(control, SetLimit(name="api", to="1000/s")) == 1
    await until_running(control, ids, 2)
    assert (await limit(control, "api")).step_us == 1_020
    assert await changed(control, ResetLimit(name="api")) == 1
    await end(control, ids)


async def test_a_budget_is_frozen_raised_for_its_window_and_corrected(control: ControlAPI):
    assert await changed(control, Freeze(), reason="loop") == 1
    frozen = (await control.limits.capacity()).frozen
    assert frozen is not None
    assert (frozen.by, frozen.reason) == (by("ann"), "loop")
    ids = await control.enqueue(sleeps(3, project="doors", cost={"usd": 1}))
    await changed_until(control, lambda: waiting(control, "team"), 3)
    assert await changed(control, Unfreeze()) == 1
    assert (await control.limits.capacity()).frozen is None
    await until_running(control, ids, 2)
    one = await gauge(control, "team")
    assert (one.reserved, one.left, one.tasks) == (2 * USD, 0, 1)
    assert one.soft_at is not None
    assert await changed(control, SetLimit(name="team", to="+1", span=Span.WINDOW)) == 1
    await until_running(control, ids, 3)
    view = await limit(control, "team")
    assert (view.max, view.window_max, view.unit, view.window.per) == (2 * USD, 3 * USD, "usd", Per.DAY)
    assert view.window_turns == one.turns_at == one.next_at
    used = (await gauge(control, "team")).used
    assert await changed(control, CorrectGauge(name="team", amount="-0.5"), reason="refund") == 1
    assert (await gauge(control, "team")).used == used - USD // 2
    page = await control.ledger.entries(EntryQuery(limit="team"), limit=9)
    assert [(one.kind, one.amount) for one in page.rows[:4]] == [
        *[("reserved", USD)] * 3,
        ("correction", -USD // 2),
    ]
    assert sorted(one.task_id for one in page.rows[:3]) == list(ids)
    assert (page.rows[3].actor, page.rows[3].reason) == (by("ann"), "refund")
    assert await changed(control, ResetLimit(name="team")) == 1
    await end(control, ids)
    # For the next door: as it was.
    used = (await gauge(control, "team")).used
    await changed(control, CorrectGauge(name="team", amount=f"{-used / USD:f}"), reason="again")


async def test_a_backend_is_opened_and_closed_by_hand_and_says_who_and_why(control: ControlAPI):
    assert await changed(control, OpenBackend(name="steps"), reason="unpaid") == 1
    ids = await control.enqueue(sleeps(2, queue="side"))
    await changed_until(control, lambda: waiting(control, "backend:steps"), 2)
    one = await gauge(control, "backend:steps")
    assert (one.breaker, one.left, one.shut_until, one.probe) == (BreakerState.OPEN, 0, None, None)
    assert one.shut is not None
    assert (one.shut.by, one.shut.reason) == (by("ann"), "unpaid")
    assert await changed(control, OpenBackend(name="steps")) == 0
    assert await changed(control, ResetBackend(name="steps")) == 1
    await until_running(control, ids, 1)
    one = await gauge(control, "backend:steps")
    assert (one.breaker, one.probe) == (BreakerState.TRIED_OUT, ids[0])
    assert await changed(control, CloseBackend(name="steps"), reason="paid") == 1
    one = await gauge(control, "backend:steps")
    assert (one.breaker, one.shut) == (BreakerState.CLOSED, None)
    assert (await limit(control, "backend:steps")).backend.rest_ms == 30_000
    assert await changed(control, OpenBackend(name="steps", for_ms=60_000)) == 1
    one = await gauge(control, "backend:steps")
    assert one.shut_until == one.next_at is not None
    assert await changed(control, CloseBackend(name="steps")) == 1
    await end(control, ids)


@pytest.mark.parametrize(
    ("question", "kind", "code"),
    [
        (lambda c: changed(c, ResizePool(name="sied", slots=2)), NotFound, "pool.unknown"),
        (lambda c: changed(c, ResizePool(name="side", slots=-1)), Invalid, "task.slots"),
        (lambda c: changed(c, ResizePool(name="side", slots=10_001)), Invalid, "task.slots"),
        (lambda c: changed(c, PausePool(name="")), NotFound, "pool.unknown"),
        (lambda c: changed(c, SetLimit(name="bd", to="2")), NotFound, "limit.unknown"),
        (lambda c: changed(c, SetLimit(name="db", to="two")), Invalid, "limit.max"),
        (
            lambda c: changed(c, SetLimit(name="db", to="2", span=Span.WINDOW)),
            Invalid,
            "limit.no_window",
        ),
        (lambda c: changed(c, SetLimit(name="backend:steps", to="2")), Conflict, "limit.derived"),
        (lambda c: changed(c, OpenBackend(name="step")), NotFound, "backend.unknown"),
        (lambda c: changed(c, OpenBackend(name="steps", for_ms=0)), Invalid, "task.for_ms"),
        (lambda c: changed(c, ResetLimit(name="bd")), NotFound, "limit.unknown"),
        (lambda c: c.limits.gauges("bd"), NotFound, "limit.unknown"),
        (lambda c: c.ledger.entries(EntryQuery(limit="bd")), NotFound, "limit.unknown"),
        (lambda c: c.ledger.entries(EntryQuery(limit="db")), Conflict, "limit.unmetered"),
        (lambda c: c.ledger.entries(EntryQuery(limit="team"), after="x"), Invalid, "page.cursor"),
        (
            lambda c: changed(c, CorrectGauge(name="db", amount="1"), reason="x"),
            Conflict,
            "limit.unmetered",
        ),
        (
            lambda c: changed(c, CorrectGauge(name="team", amount="1"), reason=" "),
            Invalid,
            "reason.missing",
        ),
        (
            lambda c: changed(c, CorrectGauge(name="team", amount="1", key="no"), reason="x"),
            NotFound,
            "gauge.unknown",
        ),
        (lambda c: changed(c, Reconcile(task_id=999_999)), NotFound, "task.unknown"),
        (lambda c: changed(c, Reconcile()), Invalid, "target.none"),
        (lambda c: changed(c, Reconcile(task_id=1, older_ms=1)), Invalid, "target.none"),
        (lambda c: changed(c, Reconcile(older_ms=1, amount="x")), Invalid, "amount.invalid"),
    ],
)
async def test_refusals_have_the_same_class_and_code_for_everybody(control, question, kind, code):
    with pytest.raises(kind) as caught:
        await question(control)
    assert caught.value.code == code


async def test_nothing_unknown_is_reconciled_in_no_time(control: ControlAPI):
    assert await changed(control, Reconcile(older_ms=0)) == 0


async def test_pools_and_limits_are_read_without_an_engine(door: Door, tmp_path: Path):
    readers = Readers(door.home / "taskdeck.db")
    reading = ReadingControl(Reports(readers), tmp_path, readers=readers)
    try:
        assert (await reading.limits.capacity()).pools == (await door.control.limits.capacity()).pools
        assert [one.name for one in (await reading.limits.capacity()).limits] == [
            "api",
            "backend:steps",
            "db",
            "retry:steps",
            "team",
        ]
    finally:
        await reading.close()
