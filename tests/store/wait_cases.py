"""Tasks that wait for pools and limits, one for each reason."""

from __future__ import annotations

from collections.abc import Callable

from core.model.backend_checks import Check, CheckStatus, TcpTarget
from core.model.commands.limits import Configure, NoteCheck
from core.model.commands.work import ComeDue, Complete, FollowUp, Hold, Pause
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Backend, Dimension, Limit, LimitKind, LimitRef, Per, Pool, Spent, Window
from core.model.outcomes import RetryAt
from core.model.patterns.judgements import BeginChild, Decide
from core.model.plans import JobPlan, RetryPolicy
from core.model.records import replace
from tests.store.deck import Deck, failure, stage, task

CONCURRENCY, RATE, QUOTA, BUDGET, _ = LimitKind
DAY = Window(per=Per.DAY)
NOON = 1_700_000_000_000
MIDNIGHT = 1_700_006_400_000
USD = 1_000_000


def configure(deck: Deck, *limits: Limit, pools: tuple[Pool, ...] = ()) -> None:
    deck.do(Configure(pools=pools, limits=limits))
    deck.do(FollowUp())


def under(name: str, key: str, *, usd: int | None = None, ref: str = "", **more: object):
    cost = None if usd is None else Estimate(amounts={"usd": usd * USD})
    return task(key, limits=(LimitRef(name=name, key=ref),), cost=cost, **more)


def pending_stage(deck: Deck) -> None:
    deck.job(stage(task("x"), name="in"), stage(task("a"), name="out"))


def needs(deck: Deck) -> None:
    deck.job(stage(task("x"), task("a", "x")))


def condition(deck: Deck) -> None:
    deck.job(stage(task("a", when="${{ 1 == 1 }}")))


def held(deck: Deck) -> None:
    (number,) = deck.loose(task("a"))
    deck.do(Hold(task_ids=(number,), actor="eve", reason="not today"))


def retry(deck: Deck) -> None:
    deck.loose(task("a", retry=RetryPolicy(max_attempts=3)))
    ((number, epoch),) = deck.claim(1)
    due = RetryAt(at=deck.now + 60_000)
    deck.do(Complete(task_id=number, epoch=epoch, outcome=failure("busy", "try later"), decision=due))


def job_paused(deck: Deck) -> None:
    deck.do(Pause(job_id=deck.job(stage(task("a"))), actor="bob", reason="too dear"))


def place(deck: Deck) -> None:
    configure(deck, Limit(name="kids", kind=CONCURRENCY, max=1))
    above = (under("kids", key, waits=True, when="x") for key in ("up", "up2"))
    deck.job(stage(*(replace(one, uses="workflow") for one in above)))
    for key, inner in (("up", "b"), ("up2", "a")):
        ((above,),) = deck.db.execute("SELECT id FROM task WHERE key = ?", (key,)).fetchall()
        plan = JobPlan(name="inner", stages=(stage(task(inner)),))
        deck.do(Decide(task_id=above, verdict=BeginChild(plan=plan)))


def queue_paused(deck: Deck) -> None:
    deck.loose(task("a", queue="mail"))
    deck.do(Pause(queue="mail", actor="ann", reason="server is down"))


def no_pool(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)),))
    deck.loose(task("a", queue="mail"))


def pool_paused(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)),))
    deck.change("UPDATE pool SET paused_at = 7, paused_by = 'ann', pause_reason = 'too hot'")
    deck.loose(task("a", queue="gpu"))


def slots(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)), Pool(name="cpu", slots=2)))
    deck.job(stage(*(task(f"b{n}", queue="gpu") for n in range(4))))
    deck.claim(4)
    deck.loose(task("a", queue="gpu"))


def concurrency(deck: Deck) -> None:
    configure(deck, Limit(name="db", kind=CONCURRENCY, max=2))
    deck.job(stage(under("db", "x"), under("db", "y")))
    deck.claim(4)
    deck.loose(under("db", "a"))
    deck.claim(4)


def keyed_concurrency(deck: Deck) -> None:
    configure(deck, Limit(name="host", kind=CONCURRENCY, max=1))
    deck.loose(under("host", "x", ref="db1"), under("host", "a", ref="db1"), under("host", "z", ref="db2"))
    deck.claim(2)


def rate(deck: Deck) -> None:
    configure(deck, Limit(name="api", kind=RATE, max=2, step_us=30_000_000, on={Dimension.QUEUE: "web"}))
    deck.loose(*(task(key, queue="web") for key in ("x", "y", "a")))
    deck.claim(4)


def quota(deck: Deck) -> None:
    configure(deck, Limit(name="daily", kind=QUOTA, max=1, window=DAY))
    deck.loose(under("daily", "x"), under("daily", "a"))
    deck.claim(4)


def budget(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, window=DAY, on={}))
    deck.loose(task("x", cost=Estimate(amounts={"usd": 6 * USD})))
    deck.end(*deck.claim(4))
    deck.loose(
        task("y", cost=Estimate(amounts={"usd": 3 * USD})), task("a", cost=Estimate(amounts={"usd": 2 * USD}))
    )
    deck.claim(4)


def over(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD, on={}))
    deck.loose(task("x", cost=Estimate(amounts={"usd": 1 * USD})))
    deck.end(*deck.claim(4), spent=(Spent(unit="usd", amount=3 * USD),))
    deck.loose(task("a"))
    deck.claim(4)


def too_dear(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD, window=DAY, on={}))
    deck.loose(task("a", cost=Estimate(amounts={"usd": 5 * USD})))
    deck.claim(4)


def frozen(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, on={}))
    deck.loose(task("a"))
    deck.change("UPDATE engine SET frozen_at = 9, frozen_by = 'bob', freeze_reason = 'too much'")


def shut(deck: Deck) -> None:
    configure(deck, Limit(name="llm", kind=CONCURRENCY, max=5))
    deck.loose(under("llm", "a"))
    deck.change("UPDATE gauge SET shut_until = ?", deck.now + 60_000)


def down(deck: Deck) -> None:
    target = TcpTarget(host="127.0.0.1", port=1)
    one = Backend(name="api", match={Dimension.CONNECTOR: "delay"}, check=Check(target=target))
    deck.do(Configure(backends=(one,)))
    deck.do(FollowUp())
    deck.loose(task("a"))
    deck.do(NoteCheck(backend="api", target=target, status=CheckStatus.DOWN, reason="connection refused"))
    deck.claim(4)


def breaker(deck: Deck) -> None:
    backend(deck, failures=1)
    deck.loose(task("x"), task("a"))
    fail(deck, *deck.claim(1))
    deck.claim(4)


def retry_share(deck: Deck) -> None:
    backend(deck, failures=100)
    deck.loose(task("x"), task("a"))
    fail(deck, *deck.claim(4))
    deck.do(ComeDue(), slots=4)


def backend(deck: Deck, *, failures: int) -> None:
    one = Backend(name="api", match={Dimension.CONNECTOR: "delay"}, failures=failures)
    deck.do(Configure(backends=(one,)))
    deck.do(FollowUp())


def fail(deck: Deck, *attempts: tuple[int, int]) -> None:
    decision = RetryAt(at=deck.now)
    deck.do(
        *(Complete(task_id=t, epoch=epoch, outcome=failure(), decision=decision) for t, epoch in attempts)
    )


def behind(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, window=DAY))
    deck.job(stage(under("team", "x", usd=6), under("team", "y", usd=5), under("team", "a", usd=1)))
    deck.claim(4)


def being_keyed(deck: Deck) -> None:
    deck.loose(task("a"))
    deck.do(Configure(limits=(Limit(name="db", kind=CONCURRENCY, max=2),)))


CASES: dict[str, tuple[Callable[[Deck], None], str, str, str, str]] = {
    "stage": (
        pending_stage,
        "stage",
        "stage in",
        "its stage out begins when stage in is over",
        "of stage in",
    ),
    "needs": (needs, "needs", "need x", "it needs x (queued)", "taskdeck why --task 1"),
    "condition": (condition, "condition", "its condition", "its `when` is being judged", "the engine"),
    "held": (held, "held", "held by eve", "it is held by eve: not today", "taskdeck unhold --task 1"),
    "retry": (
        retry,
        "retry",
        "its retry",
        "attempt 2 of 3 is due later after: try later",
        "taskdeck retry --task 1",
    ),
    "job_paused": (
        job_paused,
        "job_paused",
        "paused job",
        "job 2 is paused by bob: too dear",
        "taskdeck resume 2",
    ),
    "place": (
        place,
        "place",
        "place kids",
        "its job 4 waits for one of 1 places under limit kids; 1 is taken: up (child job 3 of job 2)",
        "taskdeck limits set kids +1",
    ),
    "queue_paused": (
        queue_paused,
        "queue_paused",
        "paused queue",
        "queue mail is paused by ann: server is down",
        "taskdeck resume --queue mail",
    ),
    "no_pool": (no_pool, "no_pool", "a pool", "no pool drains queue mail", "config reload"),
    "pool_paused": (
        pool_paused,
        "pool_paused",
        "paused pool",
        "pool gpu is paused by ann: too hot",
        "taskdeck pools resume gpu",
    ),
    "slots": (
        slots,
        "slots",
        "a slot",
        "all 4 slots of pools gpu and cpu are taken; it is next; running longest: b0 (task 1 of job 2), b1 (",
        "taskdeck pools resize gpu",
    ),
    "concurrency": (
        concurrency,
        "concurrency",
        "limit db",
        "limit db allows 2 at once and 2 run: x (task 1 of job 2), y (task 2 of job 2)",
        "the end of one of them",
    ),
    "keyed": (
        keyed_concurrency,
        "concurrency",
        "limit host=db1",
        "limit host=db1 allows 1 at once and 1 runs: x (task 1)",
        "the end of one of them",
    ),
    "rate": (
        rate,
        "rate",
        "rate api",
        "rate api allows 2/min, 2 at once, and has none left now",
        "its next token",
    ),
    "quota": (
        quota,
        "quota",
        "quota daily",
        "quota daily has nothing left of 1 starts today",
        "its next window",
    ),
    "budget": (
        budget,
        "budget",
        "budget team",
        "budget team has 1 usd left of 10 usd today, and it needs 2 usd (6 usd used, 3 usd reserved)",
        "its next window",
    ),
    "over": (
        over,
        "budget",
        "budget team",
        "budget team has nothing left of 2 usd in all (3 usd used, 1 usd over)",
        "a larger `max`",
    ),
    "too_dear": (
        too_dear,
        "budget",
        "budget team",
        "budget team is 2 usd today, and it needs 5 usd: it can never start",
        "a lower `cost`",
    ),
    "frozen": (
        frozen,
        "frozen",
        "frozen budgets",
        "all spending is frozen by bob: too much; it is under budget team",
        "taskdeck budgets unfreeze",
    ),
    "shut": (shut, "shut", "llm shut", "llm is shut until then", "its time"),
    "down": (
        down,
        "down",
        "api down",
        "api is down by its check: connection refused",
        "its check, once it answers, or 'taskdeck backends close api'",
    ),
    "breaker": (
        breaker,
        "breaker",
        "api open",
        "the breaker of api is open: 1 failures (exit) within 1m; after its rest one task at a time",
        "a call that succeeds",
    ),
    "retry_share": (
        retry_share,
        "retry_share",
        "retries of api",
        "at most 20% of the starts of api may be retries, and 1 of 3 starts of the last five minutes",
        "a larger `retry_share` of backend api",
    ),
    "behind": (
        behind,
        "behind",
        "behind 2",
        "y (task 2) is before it and needs 5 usd of budget team, which has 4 usd left; the order",
        "taskdeck why --task 2",
    ),
    "being_keyed": (
        being_keyed,
        "limits_changed",
        "new limits",
        "pools or limits were changed",
        "the engine",
    ),
}
"""By name: what prepares the task `a`, the code of its reason, its short form, its text and what ends it."""


UNTIL = {
    "quota": MIDNIGHT,
    "budget": MIDNIGHT,
    "behind": MIDNIGHT,
    "rate": NOON + 30_030,
    "shut": NOON + 60_000,
    "retry": NOON + 60_020,
    "breaker": NOON + 30_040,
    "retry_share": NOON + 10_060,
}


def number(deck: Deck, key: str = "a") -> int:
    ((found,),) = deck.db.execute("SELECT id FROM task WHERE key = ?", (key,)).fetchall()
    return int(found)
