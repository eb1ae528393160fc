"""Random commands that fit a store as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from core.model.commands.answers import Answer, NoteLook, WaitRef
from core.model.commands.capacity import ChangeCapacity, SetLimit
from core.model.commands.limits import Configure
from core.model.commands.purges import (
    FilesRemoved,
    Pin,
    Purge,
    RemoveOutputs,
    SizedOutputs,
    SweepPurged,
    Unpin,
)
from core.model.commands.signals import Signal
from core.model.commands.work import (
    Cancel,
    ComeDue,
    Command,
    Complete,
    Enqueue,
    Fail,
    FollowUp,
    Force,
    Hold,
    Kill,
    Pause,
    Rerun,
    Resume,
    Submit,
    Unhold,
)
from core.model.commands.work_items import (
    ApproveItem,
    ClaimItem,
    CommentItem,
    DelegateItem,
    DenyItem,
    ReleaseItem,
)
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Cancelled,
    GiveUp,
    Interrupted,
    Lost,
    Parked,
    Requeue,
    RetryAt,
    Skipped,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.patterns.awaits import AwaitedFile, AwaitedJob, JobEnd, Poll
from core.model.patterns.children import EndJob, OnChildFailure, OnFailure, Result
from core.model.patterns.form_values import read_form
from core.model.patterns.instances import AfterThreshold, ForEach, OnInstanceFailure
from core.model.patterns.judgements import (
    Await,
    BeginChild,
    BeginWorklet,
    Decide,
    Expand,
    FailIt,
    Judgement,
    Proceed,
    SkipIt,
    TakeOutputs,
    TakeResult,
)
from core.model.patterns.judgements import GiveUp as NoWorklet
from core.model.patterns.variables import VariablePlan
from core.model.patterns.work_items import NewItem, OnDeny, OnDue
from core.model.plans import JobPlan, NeedPlan, NeedWhen, OnTaskFailure, StagePlan
from core.model.values import JsonObject, JsonValue
from tests.support.deck import Deck
from tests.support.factories import failure, job, stage, task

ENDS = 14
"""How many kinds of ends `ending` draws from."""


def plan(draw: Random) -> JobPlan:
    """Return a job of one to three stages, some empty, with needs, conditions and priorities."""
    stages: list[StagePlan] = []
    known: list[str] = []
    for number in range(draw.randint(1, 3)):
        plans = []
        for place in range(draw.choice((0, 1, 2, 3, 5))):
            needed = draw.sample(known, min(len(known), draw.choice((0, 0, 1, 2))))
            needs = [NeedPlan(key=key, when=draw.choice(tuple(NeedWhen))) for key in needed]
            more: dict[str, object] = {"priority": draw.choice((0, 0, 3))}
            if draw.random() < 0.2:
                more["when"] = "x"
            if draw.random() < 0.15:
                more |= {"uses": "workflow", "waits": True, "limits": (LimitRef(name="kids"),)}
            elif draw.random() < 0.15:
                more["on_failure"] = OnFailure(workflow="repair", max=2)
            elif draw.random() < 0.2:
                more["for_each"] = _instances(draw)
            if draw.random() < 0.2:
                more["queue"] = "other"
            if draw.random() < 0.2:
                more["continue_on_error"] = True
            plans.append(task(f"t{number}{place}", *needs, **more))
            known.append(f"t{number}{place}")
        stages.append(stage(*plans, name=f"s{number}"))
    if draw.random() < 0.3:
        last = (task("f0", **({"when": "x"} if draw.random() < 0.3 else {})), task("f1", "f0"))
        stages.append(StagePlan(name="finally", tasks=last, is_finally=True))
    url = "https://example.org" if draw.random() < 0.3 else None
    key = draw.choice("12") if draw.random() < 0.2 else None
    given: JsonObject = {"x": 1} if draw.random() < 0.3 else {}
    return job(
        *stages,
        client_key=key,
        on_task_failure=draw.choice(tuple(OnTaskFailure)),
        notify=url,
        outputs=given,
        variables=(VariablePlan(name="n"),) if draw.random() < 0.5 else (),
    )


def _instances(draw: Random) -> ForEach:
    threshold = draw.choice((None, None, "1", "2", "50%"))
    return ForEach(
        over="x",
        max_parallel=draw.choice((None, None, 1, 2)),
        threshold=threshold,
        after=draw.choice(tuple(AfterThreshold)) if threshold else AfterThreshold.CANCEL_REST,
        on_failure=draw.choice(tuple(OnInstanceFailure)),
        judges_each=draw.random() < 0.3,
    )


def limited(draw: Random) -> Command:
    """Bring children under a limit, or change or remove it."""
    if draw.random() < 0.6:
        return ChangeCapacity(change=SetLimit(name="kids", to=str(draw.randint(0, 3))), actor="ada")
    limit = Limit(name="kids", kind=LimitKind.CONCURRENCY, max=draw.choice((1, 1, 2)))
    return Configure(limits=(limit,) if draw.random() < 0.8 else ())


def ending(draw: Random, ref: tuple[int, int], now: int) -> Complete:
    """Return a completion of an attempt; half of them succeed."""
    later = RetryAt(at=now + draw.randint(0, 300))
    small: tuple[JsonValue, ...] = (None, 1, {"n": 2})
    output = "x" * 5_000 if draw.random() < 0.05 else draw.choice(small)
    ends = (
        *((Succeeded(output=output), None),) * 5,
        (Skipped(output=output, reason="exit 99"), None),
        (failure(), GiveUp()),
        (failure(), later),
        (TimedOut(after_ms=5), later),
        (Cancelled(), None),
        (Lost(reason="?"), draw.choice((later, GiveUp(), AskOperator()))),
        (Interrupted(), None),
        (Parked(poll=Poll(every_ms=50), seen={"n": 1}, within_ms=draw.choice((None, 300))), None),
        (Bounced(reason="?"), draw.choice((Requeue(), GiveUp()))),
    )
    outcome, decision = ends[draw.randrange(ENDS)]
    more = {} if decision is None else {"decision": decision}
    return Complete(task_id=ref[0], epoch=ref[1], outcome=outcome, **more)  # type: ignore[arg-type]


def commands(deck: Deck, draw: Random) -> Iterator[Command]:
    """Yield commands without end, each fit for the store as it stands now, many not allowed there."""
    makers: list[Callable[[Deck, Random], Command | None]] = [
        lambda _, chance: Submit(plan=plan(chance)),
        lambda _, chance: Enqueue(tasks=tuple(task(f"l{n}") for n in range(chance.randint(0, 3))), group="g"),
        *(_complete,) * 6,
        *(_decide,) * 2,
        _cancel,
        _switch,
        _hold,
        _rerun,
        lambda _, chance: signal(chance),
        *(on_item,) * 2,
        _answer,
        lambda *_: ComeDue(),
        lambda *_: FollowUp(),
    ]
    while True:
        command = draw.choice(makers)(deck, draw)
        if command is not None:
            yield command


def batch(deck: Deck, draw: Random, size: int) -> tuple[Command, ...]:
    """Return commands for one group, none two for one row."""
    chosen: list[Command] = []
    taken: set[tuple[str, int | str]] = set()
    source = commands(deck, draw)
    for _ in range(size):
        command = next(source)
        rows = command.rows()
        if taken.isdisjoint(rows):
            chosen.append(command)
            taken.update(rows)
    return tuple(chosen)


def _pick(deck: Deck, draw: Random, sql: str) -> tuple | None:
    rows = deck.rows(sql)
    return draw.choice(rows) if rows else None


def _some(deck: Deck, draw: Random, condition: str = "1") -> tuple[int, ...]:
    found = [row[0] for row in deck.rows(f"SELECT id FROM task WHERE {condition} ORDER BY id")]
    return tuple(draw.sample(found, min(len(found), draw.randint(1, 3))))


def _complete(deck: Deck, draw: Random) -> Command | None:
    which = "status != 'running'" if draw.random() < 0.1 else "status = 'running'"
    row = _pick(deck, draw, f"SELECT task_id, epoch FROM attempt WHERE {which} ORDER BY task_id, epoch")
    return None if row is None else ending(draw, row, deck.now)


def _decide(deck: Deck, draw: Random) -> Command | None:
    sql = (
        "SELECT id, spec->>'$.waits', spec->'$.for_each' FROM task"
        " WHERE conditional AND status = 'blocked' ORDER BY id"
    )
    row = _pick(deck, draw, sql)
    error = TaskError(code="when.type", message="no boolean")
    asking = _pick(deck, draw, "SELECT task_id, asks FROM awaited WHERE asks IS NOT NULL ORDER BY task_id")
    if asking is not None and draw.random() < 0.7:
        return Decide(task_id=asking[0], verdict=_answered(draw, asking[1]))
    if row is None:
        return None
    waits: Judgement = draw.choice((_awaited(draw, deck.now), _child(draw))) if row[1] else Proceed()
    if row[2] is not None:
        waits = Expand(items=[*range(draw.choice((0, 1, 3, 3, 5)))])
    verdict = draw.choice((waits, waits, SkipIt(), FailIt(error=error)))
    return Decide(task_id=row[0], verdict=verdict)


def _child(draw: Random) -> BeginChild:
    within = draw.choice((None, draw.randint(1, 800)))
    return BeginChild(plan=plan(draw), on_child_failure=draw.choice(tuple(OnChildFailure)), within_ms=within)


def _answered(draw: Random, asks: str) -> Judgement:
    """Return an answer to what a waiting task asks, sometimes to another question."""
    error = FailIt(error=TaskError(code="expression.type", message="no text"))
    worklet = BeginWorklet(plan=plan(draw), within_ms=draw.choice((None, 200)))
    if asks == "worklet":
        return draw.choice((worklet, worklet, NoWorklet(reason="not wanted"), error))
    result = TakeResult(
        result=draw.choice(tuple(Result)),
        variables={"n": draw.randint(1, 3)} if draw.random() < 0.5 else {},
        next=draw.choice((None, None, (), ("t01",))),
        cancel=draw.choice(((), ("t00", "t01"))),
        end=draw.choice((None, None, None, *EndJob)),
    )
    return draw.choice((TakeOutputs(outputs={"n": 1}), result, result, NoWorklet(), error))


def _awaited(draw: Random, now: int) -> Await:
    within = draw.choice((None, draw.randint(1, 400)))
    kinds: tuple[dict[str, object], ...] = (
        {"for_ms": draw.randint(0, 300)},
        {"until": now + draw.randint(-100, 300)},
        {"signal": draw.choice("xy"), "key": draw.choice("12")},
        {"item": _item(draw)},
        {"item": _item(draw)},
        {"file": AwaitedFile(path="/x")},
        {"job": AwaitedJob(id=draw.randint(1, 6), wanted=draw.choice(tuple(JobEnd)))},
        {"job": AwaitedJob(name="work", wanted=JobEnd.ENDED)},
        {"job": AwaitedJob(key=draw.choice("12"))},
    )
    return Await(within_ms=within, **draw.choice(kinds))  # type: ignore[arg-type]


def _item(draw: Random) -> NewItem:
    form: JsonObject = {"n": {"type": "integer", "default": 1}} if draw.random() < 0.5 else {"b": "boolean"}
    return NewItem(
        title="?",
        form=read_form(form),
        assignee=draw.choice((None, None, "bob")),
        due_ms=draw.choice((None, draw.randint(1, 300))),
        on_due=draw.choice(tuple(OnDue)),
        escalate_to=draw.choice((None, "cat", "tester")),
        remind_ms=draw.choice((None, draw.randint(20, 200))),
        quorum=draw.choice((1, 1, 2)),
        four_eyes=draw.random() < 0.3,
        on_deny=draw.choice(tuple(OnDeny)),
    )


def on_item(deck: Deck, draw: Random) -> Command:
    """Return what a person does with an item, open or not, in the right or not."""
    which = "outcome IS NOT NULL" if draw.random() < 0.1 else "outcome IS NULL"
    row = _pick(deck, draw, f"SELECT id FROM work_item WHERE {which} ORDER BY id")
    item, actor = 99 if row is None else int(row[0]), f"{draw.choice(('ann', 'bob', 'tester'))} (cli)"
    values: JsonObject = draw.choice((JsonObject(), JsonObject(n=2), JsonObject(b=True)))
    verbs: tuple[Command, ...] = (
        ClaimItem(item_id=item, actor=actor),
        ReleaseItem(item_id=item, actor=actor),
        DelegateItem(item_id=item, actor=actor, to=draw.choice(("ann", "bob"))),
        CommentItem(item_id=item, actor=actor, text="hm"),
        DenyItem(item_id=item, actor=actor, reason="no"),
        ApproveItem(item_id=item, actor=actor, values=values),
        ApproveItem(item_id=item, actor=actor, values=values),
    )
    return draw.choice(verbs)


def _answer(deck: Deck, draw: Random) -> Command | None:
    """Return what a look at the world brings, sometimes too late."""
    row = _pick(deck, draw, "SELECT id, generation FROM task WHERE spec->>'$.waits' OR epoch > 0 ORDER BY id")
    if row is None:
        return None
    wait = WaitRef(task_id=row[0], generation=row[1])
    if draw.random() < 0.3:
        return NoteLook(wait=wait, looks=draw.randint(2, 9), seen={"n": 2})
    error = None if draw.random() < 0.5 else TaskError(code="http.5xx", message="it broke")
    return Answer(wait=wait, output={"n": 1}, error=error, looks=draw.randint(0, 9))


def signal(draw: Random) -> Signal:
    """Return a signal that some task may wait for, sometimes one that came before."""
    uid = draw.choice((None, str(draw.randint(1, 5))))
    return Signal(
        name=draw.choice("xy"), key=draw.choice("12"), data=1, uid=uid, keep_ms=draw.choice((1, 10_000))
    )


def _job(deck: Deck, draw: Random) -> int:
    row = _pick(deck, draw, "SELECT id FROM job ORDER BY id")
    return 99 if row is None else int(row[0])


def _cancel(deck: Deck, draw: Random) -> Command:
    force = draw.choice(tuple(Force))
    if draw.random() < 0.3:
        return Cancel(job_id=_job(deck, draw), reason="enough", actor="ada", force=force)
    if draw.random() < 0.2:
        return Kill(task_ids=_some(deck, draw), actor="ada")
    return Cancel(task_ids=_some(deck, draw), actor="ada", force=force)


def _switch(deck: Deck, draw: Random) -> Command:
    kind = draw.choice((Pause, Resume, Resume))
    if draw.random() < 0.5:
        return kind(queue=draw.choice(("default", "other")))
    return kind(job_id=_job(deck, draw))


def _hold(deck: Deck, draw: Random) -> Command:
    if draw.random() < 0.5:
        return Hold(task_ids=_some(deck, draw, "status IN ('queued', 'retrying', 'running', 'waiting')"))
    kind = draw.choice((Unhold, Unhold, Fail))
    return kind(task_ids=_some(deck, draw, "status IN ('held', 'running')"), actor="ada")


def upkeep(deck: Deck, draw: Random) -> Command:
    """Pin, purge or empty anything; a job that is being purged is often gone on with."""
    begun = [row[0] for row in deck.rows("SELECT job_id FROM purge ORDER BY job_id")]
    jobs = tuple(begun) if begun and draw.random() < 0.5 else (_job(deck, draw),)
    roll = draw.randrange(8)
    if roll == 0:
        return draw.choice((Pin, Unpin, Unpin))(job_id=_job(deck, draw), actor="ada", reason="keep")
    if roll == 1:
        return draw.choice((Pin, Unpin, Unpin))(task_ids=_some(deck, draw), actor="ada")
    if roll == 2:
        return RemoveOutputs(outputs=tuple(SizedOutputs(task_id=one, size=5) for one in _some(deck, draw)))
    if roll == 3:
        return FilesRemoved(
            task_ids=tuple(row[0] for row in deck.rows("SELECT task_id FROM removal LIMIT 2"))
        )
    if roll == 4:
        return SweepPurged()
    if roll == 5:
        return Purge(task_ids=_some(deck, draw, "job_id = 1"), actor="ada", reason="old")
    return Purge(job_ids=jobs, actor="ada")


def _rerun(deck: Deck, draw: Random) -> Command:
    fresh = draw.random() < 0.2
    if draw.random() < 0.3:
        return Rerun(job_id=_job(deck, draw), fresh=fresh)
    return Rerun(task_ids=_some(deck, draw), downstream=draw.random() < 0.5, fresh=fresh)
