"""Write `version_1.sql.gz`: a store with every kind of row.

Run once, by the code of schema version 1 (release 0.1.0), as `python -m tests.store.versions.make_version_1`.
Later code writes later stores: this script stays to say what is in the file. Times are ms from 1,000,000.
The engine of this store was killed: attempts are open, consequences are left over.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from random import Random

from core.model.commands.work import (
    Cancel,
    Complete,
    Enqueue,
    Fail,
    Hold,
    Kill,
    Pause,
    Prioritise,
    Rerun,
    Resume,
    Submit,
)
from core.model.outcomes import AskOperator, Cancelled, GiveUp, Lost, RetryAt, Succeeded
from core.model.plans import (
    JobPlan,
    NeedPlan,
    NeedWhen,
    OnLoss,
    OnTaskFailure,
    RetryPolicy,
    StagePlan,
    TaskPlan,
)
from core.store import batch as batching
from core.store.epochs import end_epoch
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import failure
from tests.support.lives import batch
from tests.support.manual_time import saved

HERE = Path(__file__).parent
NOW = 1_000_000
STORE_ID = "0123456789abcdef"
RANDOM_GROUPS = 60


def shell(key: str, *needs: str, **more: object) -> TaskPlan:
    """Return a task that any engine can carry out."""
    return TaskPlan(
        key=key,
        uses="shell",
        with_={"argv": ["true", f"größe of {key}"]},
        needs=tuple(NeedPlan(key=need) for need in needs),
        **more,  # type: ignore[arg-type]
    )


def one_stage(name: str, *tasks: TaskPlan, **more: object) -> JobPlan:
    return JobPlan(name=name, stages=(StagePlan(name="main", tasks=tasks),), **more)  # type: ignore[arg-type]


def write_jobs(deck: Deck) -> None:
    """Make a job of every status, with retries, needs, reruns, a definition and a large output."""
    body = {"name": "nightly", "tasks": {"a": {"uses": "shell"}}}
    done = deck.submit(
        one_stage(
            "nightly",
            shell("load"),
            shell("report", "load"),
            definition_hash="f" * 64,
            definition=body,  # type: ignore[arg-type]
            params={"day": "2026-01-01", "n": 3},
            client_key="nightly-1",
            metadata={"team": "data"},
        ),
        actor="ana",
    )
    deck.claim()
    deck.end("load", Succeeded(output="x" * 5_000))
    deck.claim()
    deck.end("report", Succeeded(output={"rows": 3}, partial=True, reason="the limit was reached"))
    failed = deck.submit(one_stage("failing", shell("bad"), shell("never", "bad"), shell("queued")))
    deck.claim(1)
    deck.end("bad", failure(), GiveUp())
    deck.settle()
    cancelled = deck.submit(one_stage("unwanted", shell("one"), shell("two", "one")))
    deck.operate(Cancel(job_id=cancelled, reason="wrong date", actor="bob"))
    deck.settle()
    again = deck.submit(one_stage("again", shell("first"), on_task_failure=OnTaskFailure.CONTINUE))
    deck.claim(1)
    deck.end("first", failure(), GiveUp())
    deck.settle()
    deck.operate(Rerun(job_id=again, actor="ana"))
    deck.claim(1)
    deck.end("first")
    deck.settle()
    paused = deck.submit(one_stage("paused", shell("p1"), shell("p2")))
    deck.operate(Pause(job_id=paused, reason="ask Ana", actor="bob"))
    assert [deck.job_status(number) for number in (done, failed, cancelled, again, paused)] == [
        "succeeded",
        "failed",
        "cancelled",
        "succeeded",
        "paused",
    ]


def write_live_jobs(deck: Deck) -> None:
    """Make jobs that an engine was at work on: running, ending, waiting for retries, held, lost."""
    two_stages = JobPlan(
        name="staged",
        stages=(
            StagePlan(name="first", tasks=(shell("s1"), shell("s2", when="true"))),
            StagePlan(name="second", tasks=(shell("s3"),)),
        ),
        notify="http://127.0.0.1:9/notice",
    )
    retry = RetryPolicy(max_attempts=5, base_ms=1_000)
    troubled = one_stage(
        "troubled",
        shell("r1", retry=retry, priority=9),
        shell("r2", retry=retry, on_loss=OnLoss.ASK, priority=9),
        shell("r3", priority=9),
        shell("cleanup"),
        on_task_failure=OnTaskFailure.FINISH,
    )
    deck.do(Submit(plan=two_stages, actor="ana"), Submit(plan=troubled, actor="bob"))
    deck.claim(3)
    deck.end("r1", failure(), RetryAt(at=NOW + 3_600_000))
    deck.end("r2", Lost(reason="the wrapper is gone"), AskOperator())
    deck.operate(Hold(task_ids=(deck.id("cleanup"),), reason="not now", actor="ana"))
    ending = deck.submit(one_stage("ending", shell("e1", priority=9), shell("e2")))
    deck.claim(2)
    deck.operate(Cancel(job_id=ending, actor="bob"))
    pending = deck.submit(
        one_stage(
            "pending",
            shell("q1"),
            TaskPlan(
                key="q2",
                uses="shell",
                with_={"script": "exit 3"},
                needs=(NeedPlan(key="q1", when=NeedWhen.DONE),),
            ),
        )
    )
    assert (deck.job_status(ending), deck.job_status(pending)) == ("ending", "pending")


def write_inbox(deck: Deck) -> None:
    """Make loose tasks: groups, a paused queue, priorities, one that was given up."""
    deck.do(
        Enqueue(tasks=tuple(shell(f"m{n}", queue="mail") for n in range(20)), group="map-1", actor="ana"),
        Enqueue(tasks=(shell("loose", name="a loose one"), shell("quick", priority=50)), actor="bob"),
        Enqueue(tasks=(shell("doubtful"), shell("late")), group="naïve"),
    )
    deck.operate(Pause(queue="mail", reason="server is down", actor="ana"))
    deck.operate(Prioritise(task_ids=(deck.id("late"),), priority=7, actor="bob"))
    deck.operate(Hold(task_ids=(deck.id("doubtful"), deck.id("m3")), actor="ana"))
    deck.operate(Fail(task_ids=(deck.id("doubtful"),), reason="no use", actor="ana"))
    deck.operate(Cancel(task_ids=(deck.id("m4"),), reason="double", actor="ana"))
    deck.claim(4)
    deck.operate(Kill(task_ids=(deck.id("quick"),), reason="stuck", actor="bob"))


def write_random(deck: Deck) -> None:
    """Add what random commands make, with consequences that are left over."""
    draw = Random(1)
    limit, batching.MAX_PER_BATCH = batching.MAX_PER_BATCH, 3
    for number in range(RANDOM_GROUPS):
        deck.now += draw.randint(0, 200)
        deck.ask(*batch(deck, draw, draw.randint(2, 8)), slots=6)
        if number == RANDOM_GROUPS // 2:
            end_epoch(deck.db, time=saved(deck.now), epoch=deck.epoch)
            deck.crash()
    batching.MAX_PER_BATCH = limit


def end_random(deck: Deck) -> None:
    """End what random commands left in the way of the jobs that follow; one in four keeps its task held."""
    deck.operate(Resume(queue="default"))
    for (job_id,) in deck.rows("SELECT id FROM job WHERE finished_at IS NULL AND id != 1"):
        deck.operate(Cancel(job_id=job_id, actor="bob"))
    loose = deck.rows("SELECT id FROM task WHERE job_id = 1 AND finished_at IS NULL AND id % 4")
    deck.operate(Cancel(task_ids=tuple(number for (number,) in loose), actor="bob"))
    for task_id, epoch in deck.rows("SELECT task_id, epoch FROM attempt WHERE status = 'running'"):
        deck.do(Complete(task_id=task_id, epoch=epoch, outcome=Cancelled()))
    deck.settle()
    rest = deck.rows("SELECT id FROM task WHERE job_id = 1 AND status = 'queued'")
    deck.operate(Hold(task_ids=tuple(number for (number,) in rest), actor="ana"))


def write_left_over(deck: Deck) -> None:
    """Leave consequences over, as a kill between two batches does."""
    limit, batching.MAX_PER_BATCH = batching.MAX_PER_BATCH, 3
    many = deck.submit(one_stage("many", *(shell(f"c{n}", queue="mail") for n in range(12))))
    deck.operate(Cancel(job_id=many, reason="too many", actor="ana"))
    batching.MAX_PER_BATCH = limit
    assert deck.report.left_over


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        deck = Deck(Path(folder) / "deck.db", now=NOW)
        deck.db.execute("UPDATE engine SET store_id = ?", (STORE_ID,))
        write_random(deck)
        end_random(deck)
        write_jobs(deck)
        write_live_jobs(deck)
        write_inbox(deck)
        write_left_over(deck)
        assert verify(deck.db) == ()
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        print(
            len(dump),
            {
                table: deck.value(f"SELECT count(*) FROM {table}")
                for table in ("job", "task", "attempt", "event", "edge", "followup", "payload")
            },
        )
        for table in ("job", "task", "attempt", "stage"):
            print(table, dict(deck.rows(f"SELECT status, count(*) FROM {table} GROUP BY 1")))
        deck.db.close()
    (HERE / f"version_{version}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main()
