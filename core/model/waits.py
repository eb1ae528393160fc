"""Waits: facts of tasks that wait, and their reasons.

Facts are read by the store, judged by `core.rules.why`, and shown by commands and console. Times are ms UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from core.model.limits.limits import Amounts
from core.model.patterns.group_views import GroupCounts
from core.model.values import JsonObject
from core.model.views import ClaimsClosed


class WaitCode(StrEnum):
    """Why a task does not run, in the order in which the reasons of one task are told."""

    SET_ASIDE = "set_aside"
    """Its rows, or those of its job, are at fault."""
    ENDING = "ending"
    """Its job is ending: what has not begun of it is cancelled."""
    STAGE = "stage"
    """An earlier stage of its job is not over."""
    NEEDS = "needs"
    """Tasks that it needs have not ended."""
    CONDITION = "condition"
    """Its `when` has not been judged."""
    SETTLING = "settling"
    """It waits for nothing any more; the next batch queues it."""
    HELD = "held"
    """An operator holds it, or has to say what becomes of it."""
    RETRY = "retry"
    """Its next attempt is due later."""
    ANSWER = "answer"
    """It is parked until something outside answers."""
    JOB_PAUSED = "job_paused"
    PLACE = "place"
    """Its job is a child that waits for a place under a limit."""
    QUEUE_PAUSED = "queue_paused"
    KEYED = "limits_changed"
    """Pools or limits were changed, and what waits is being brought under them."""
    NO_POOL = "no_pool"
    """No pool drains its queue."""
    POOL_PAUSED = "pool_paused"
    """Every pool that drains its queue is paused."""
    CONCURRENCY = "concurrency"
    """As many attempts as a limit allows are open."""
    RATE = "rate"
    """As many began lately as a limit allows."""
    DOWN = "down"
    """The check of a backend says that it is down."""
    SHUT = "shut"
    """A backend refused, or an operator shut the gauge, until some time."""
    BREAKER = "breaker"
    """The breaker of a backend is open, or lets single probes through."""
    RETRIES = "retry_share"
    """Retries of its backend are as many of the starts as they may be."""
    QUOTA = "quota"
    """A quota has too little left in its window."""
    BUDGET = "budget"
    """A budget has too little left in its window."""
    FROZEN = "frozen"
    """An operator stopped all spending."""
    BEHIND = "behind"
    """A task before it in its lane is too dear for what is left; the order within a lane is kept."""
    NO_ENGINE = "no_engine"
    SILENT = "engine_silent"
    """An engine owns the store and does not answer."""
    STOPPING = "stopping"
    DRAINING = "draining"
    CLOSED = "claims_closed"
    """The engine claims nothing: trouble of the store, no room, a machine that is short of something."""
    SLOTS = "slots"
    """All slots are taken, or its turn is about to come."""


OF_LIMITS = (
    WaitCode.CONCURRENCY,
    WaitCode.RATE,
    WaitCode.DOWN,
    WaitCode.SHUT,
    WaitCode.BREAKER,
    WaitCode.RETRIES,
    WaitCode.QUOTA,
    WaitCode.BUDGET,
    WaitCode.FROZEN,
    WaitCode.BEHIND,
)
"""Codes of limits, backends and budgets, in the order in which they are told."""
OWN = (
    WaitCode.ENDING,
    WaitCode.STAGE,
    WaitCode.NEEDS,
    WaitCode.CONDITION,
    WaitCode.SETTLING,
    WaitCode.HELD,
    WaitCode.RETRY,
    WaitCode.ANSWER,
    WaitCode.JOB_PAUSED,
    WaitCode.PLACE,
    WaitCode.QUEUE_PAUSED,
    WaitCode.KEYED,
    WaitCode.NO_POOL,
    WaitCode.POOL_PAUSED,
    *OF_LIMITS,
    WaitCode.SLOTS,
)
"""Codes that the rows alone decide; lists are filtered by the first of them that holds for a task."""


class Reason(Struct, frozen=True, kw_only=True):
    """One reason why a task waits."""

    code: WaitCode
    short: str
    """A few words for a column."""
    text: str
    """One sentence."""
    ends: str
    """What would end it: a command, or what has to happen."""
    since: int | None = None
    until: int | None = None
    """When it ends by itself, known or predicted (`text` says which)."""
    numbers: JsonObject = {}
    """What of it programs may count with: names, amounts in their unit, tasks by id."""


class Need(Struct, frozen=True, kw_only=True):
    """A task that is needed and has not ended as it must."""

    task_id: int
    key: str
    status: str


class Holder(Struct, frozen=True, kw_only=True):
    """A task with an open attempt, since when; or one whose `child` has a place under a limit."""

    task_id: int
    key: str
    job_id: int
    since: int
    child: int | None = None


class Switch(Struct, frozen=True, kw_only=True):
    """Who keeps something back since when and why; all None = not known."""

    by: str | None = None
    at: int | None = None
    reason: str | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Where a queued task stands in the order of all that may be claimed."""

    ahead: int
    """Tasks that are claimed before it, if nothing changes."""
    at_least: bool = False
    """There are more than `ahead`; not all were looked at."""
    starts_at: int | None = None
    """When its turn comes at the present pace; None = not known."""
    is_by_pace: bool = False
    """That time is told by the pace of the last minutes: how long such tasks take is not known."""
    holders: tuple[Holder, ...] = ()
    """Tasks that have a slot, longest first, at most ten."""


class LaneHead(Struct, frozen=True, kw_only=True):
    """The first task of a lane, which those behind it do not overtake."""

    task_id: int
    key: str
    costs: Amounts = {}


class AwaitFacts(Struct, frozen=True, kw_only=True):
    """What a task outside the slots waits for, beside moments and signals (`schema.awaited`)."""

    since: int | None = None
    job_id: int | None = None
    job_key: str | None = None
    job_name: str | None = None
    wanted: str | None = None
    path: str | None = None
    stable_ms: int | None = None
    every_ms: int | None = None
    looks: int = 0
    """As of the last one that saw something new."""
    seen: JsonObject = {}
    child_id: int | None = None
    """The job that it waits for as its child, or its worklet."""
    child_name: str | None = None
    child_status: str | None = None
    child_awaits: str | None = None
    """The limit under which that job waits for a place."""
    is_worklet: int = 0
    asks: str | None = None
    """What it asks of the engine: `outputs` of that job, whether its `worklet` begins."""


class PausedJob(Struct, frozen=True, kw_only=True):
    """A paused job; who paused it since when and why."""

    job: int
    by: str | None = None
    at: int | None = None
    reason: str | None = None


class AwaitedPlace(Struct, frozen=True, kw_only=True):
    """What a child waits for: a place under a limit of which `taken` of `most` are taken."""

    gauge: int
    limit: str
    """With its key: `db`, `host=db1`."""
    most: int
    taken: int
    above: int | None = None
    """A job above it that has one of these places, and cannot end before it."""
    holders: tuple[Holder, ...] = ()


class AskedPeople(Struct, frozen=True, kw_only=True):
    """What a task asks of people, and of whom."""

    item_id: int
    title: str
    since: int
    assignee: str | None = None
    group: str | None = None
    claimed_by: str | None = None
    due_at: int | None = None
    on_due: str = "escalate"
    missing: int = 1
    """How many people have to approve yet."""


class TaskFacts(Struct, frozen=True, kw_only=True):
    """What of the rows of a task and its surroundings may keep it from running."""

    task_id: int
    status: str
    job_id: int
    job_status: str
    queue: str
    needs_left: int = 0
    needs: tuple[Need, ...] = ()
    """Those of `needs_left` that were looked at."""
    awaits_condition: bool = False
    stage: str = ""
    stage_pending: bool = False
    earlier_stage: str = ""
    """The stage whose end opens that of the task, where that was asked for, and how much of it is open."""
    earlier_open: int = 0
    held: Switch | None = None
    retry_at: int | None = None
    attempt: int = 0
    """Attempts of this generation that counted, of `max_attempts`."""
    max_attempts: int = 1
    error: str = ""
    """The message of its last attempt."""
    job_paused: Switch | None = None
    queue_paused: Switch | None = None
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    fault: str = ""
    """Why it or its job is set aside."""
    place: Place | None = None
    gauges: tuple[int, ...] = ()
    """What it passes, by its queue and by itself."""
    costs: Amounts = {}
    """Its estimate, in millionths by unit."""
    prefer: tuple[str, ...] = ()
    """Pools; if one of them drains its queue, it starts in no other."""
    head: LaneHead | None = None
    """The first of its lane, where that is another task and one of these gauges is metered."""
    status_by: str | None = None
    status_reason: str | None = None
    tolerated: bool = False
    """It failed, and its job goes on as if it had succeeded."""
    signal: str | None = None
    """The name of the signal that it waits for, and its key."""
    signal_key: str = ""
    answer_at: int | None = None
    """When its wait ends (ms UTC), and when it is given up."""
    fails_at: int | None = None
    awaits: AwaitFacts | None = None
    people: AskedPeople | None = None
    instances: GroupCounts | None = None
    """Of a group, once its items are known."""
    group: GroupCounts | None = None
    """Of an instance that waits for its turn: how its group stands."""
    group_task: int | None = None
    paused_above: tuple[PausedJob, ...] = ()
    """Paused jobs above its own, of which that is a child."""
    awaited_place: AwaitedPlace | None = None
    """Its job is a child that waits for a place."""


class EngineFacts(Struct, frozen=True, kw_only=True):
    """How the engine of the store does, as far as who asks can know."""

    state: str = "none"
    """`serving`, `draining`, `stopping`, `none`, or `silent`: it owns the store and does not answer."""
    slots: int = 0
    running: int = 0
    closed: tuple[ClaimsClosed, ...] = ()
    aging_step: int = 0
    """ms of waiting that weigh as much as one priority level; 0 = not known."""


class TaskWaits(Struct, frozen=True, kw_only=True):
    """Why one task does not run: every reason that holds, in order, the one to end last at the end."""

    task_id: int
    job_id: int
    key: str
    status: str
    reasons: tuple[Reason, ...]
    """None: it runs, or has ended."""
    summary: str
    """One sentence, also for a task that does not wait."""


class ReasonGroup(Struct, frozen=True, kw_only=True):
    """Tasks of a job that wait for the same, most tasks first; `example` is the first of them."""

    reason: Reason
    tasks: int
    example: int


def waiting_text(number: int, reason: Reason) -> str:
    """Return what so many tasks do: `wait for a slot`, `needs fetch`, `are held by ann`."""
    is_one = number == 1
    verb, _, rest = reason.short.partition(" ")
    match reason.code:
        case WaitCode.NEEDS if verb == "need" and rest:
            return f"need{'s' if is_one else ''} {rest}"
        case WaitCode.HELD | WaitCode.SET_ASIDE:
            return f"{'is' if is_one else 'are'} {reason.short}"
        case WaitCode.BEHIND:
            return f"wait{'s' if is_one else ''} behind task {rest}"
        case _ if verb == "its" and not is_one:
            return f"wait for their {rest}"
        case _:
            return f"wait{'s' if is_one else ''} for {reason.short}"


class JobWaits(Struct, frozen=True, kw_only=True):
    """Why the tasks of a job that have not ended do not run."""

    job_id: int
    name: str
    status: str
    waiting: int
    """Tasks of it that wait."""
    tasks: Mapping[str, int]
    groups: tuple[ReasonGroup, ...]
    """A task with several reasons is in several groups."""
    summary: str
    searched: int | None = None
    """How many of the waiting tasks were looked at, if not all."""
