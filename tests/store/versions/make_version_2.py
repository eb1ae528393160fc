"""Write a store of version 2 with failures of several families.

Run once as `python -m tests.store.versions.make_version_2 version_2`, by the code of version 2 before it kept
families. Later code, still of version 2, kept families and run times: by that, `version_2_families`.
Times are ms from 1,000,000; the engine of this store was killed.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

from core.model.commands.work import Complete, Rerun
from core.model.outcomes import (
    Accept,
    AskOperator,
    Bounced,
    Failed,
    GiveUp,
    Lost,
    RetryAt,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.plans import OnTaskFailure, RetryPolicy
from core.store.verify import verify
from tests.store.versions.make_version_1 import (
    HERE,
    NOW,
    STORE_ID,
    end_random,
    one_stage,
    shell,
    write_inbox,
    write_jobs,
    write_left_over,
    write_live_jobs,
    write_random,
)
from tests.support.deck import Deck

HOUR = 3_600_000


def ended(number: int, message: str) -> Failed:
    return Failed(error=TaskError(code="shell.exit", message=message, facts={"exit": number}))


def claim(deck: Deck, job_id: int) -> None:
    """Claim until no task of a job is queued; others take their turns."""
    while deck.rows("SELECT 1 FROM task WHERE status = 'queued' AND job_id = ?", job_id):
        ((running,),) = deck.rows("SELECT count(*) FROM attempt WHERE status = 'running'")
        deck.claim(running + 1)


def end(deck: Deck, key: str, outcome: object, decision: object) -> None:
    """End the running attempt of the newest task of a key."""
    ((task_id, epoch),) = deck.rows(
        "SELECT task_id, a.epoch FROM attempt a JOIN task t ON t.id = a.task_id"
        " WHERE a.status = 'running' AND t.key = ? ORDER BY t.id DESC LIMIT 1",
        key,
    )
    deck.do(Complete(task_id=task_id, epoch=epoch, outcome=outcome, decision=decision))  # type: ignore[arg-type]


def write_successes(deck: Deck) -> None:
    """Run one workflow three times, each time longer."""
    for number in range(3):
        job_id = deck.submit(
            one_stage("hourly", shell("fetch", priority=90), shell("count", "fetch", priority=90))
        )
        for key in ("fetch", "count"):
            claim(deck, job_id)
            deck.now += 1_000 * (number + 1)
            end(deck, key, Succeeded(), Accept())
        deck.settle()


def write_families(deck: Deck) -> None:
    """Fail tasks of two jobs and the inbox in families: over hours, with retries, a rerun and a loss."""
    retry = RetryPolicy(max_attempts=5, base_ms=1_000)
    keys = ("price1", "price2", "slow", "again", "gone", "sent", "right")
    for job in range(2):
        plans = tuple(shell(f"{key}-{job}", retry=retry, priority=80) for key in keys)
        job_id = deck.submit(one_stage("import", *plans, on_task_failure=OnTaskFailure.CONTINUE))
        claim(deck, job_id)
        for number in (1, 2):
            end(deck, f"price{number}-{job}", ended(65, f"exit 65: row {number}{job} has no price"), GiveUp())
        end(deck, f"slow-{job}", TimedOut(after_ms=60_000 * (job + 4)), RetryAt(at=deck.now + 900 * HOUR))
        end(deck, f"again-{job}", ended(1, 'exit 1: größe "x" is "y"'), GiveUp())
        end(deck, f"gone-{job}", Lost(reason="the wrapper is gone"), AskOperator())
        end(deck, f"sent-{job}", Bounced(reason=f"host-{job} has no room"), GiveUp())
        end(deck, f"right-{job}", ended(65, f"exit 65: row 7{job} has no price"), RetryAt(at=deck.now + 10))
        deck.settle()
        deck.now += HOUR * (1 + 40 * job)
        deck.operate(Rerun(task_ids=(deck.id(f"again-{job}"),), actor="ana"))
        assert deck.job_status(job_id) == "running"
    end_later(deck)


def end_later(deck: Deck) -> None:
    """Carry out what is due again: it fails in another way, or succeeds."""
    deck.come_due(deck.now)
    for (job_id,) in deck.rows("SELECT id FROM job WHERE name = 'import'"):
        claim(deck, job_id)
    for (key,) in deck.rows("SELECT key FROM task WHERE status = 'running' AND key LIKE 'again-%'"):
        end(deck, key, ended(2, "exit 2: no such host db-17.example.com:5432"), GiveUp())
    for (key,) in deck.rows("SELECT key FROM task WHERE status = 'running' AND key LIKE 'right-%'"):
        end(deck, key, Succeeded(), Accept())
    deck.settle()


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deck = Deck(Path(folder) / "deck.db", now=NOW)
        deck.db.execute("UPDATE engine SET store_id = ?", (STORE_ID,))
        write_random(deck)
        end_random(deck)
        write_jobs(deck)
        write_live_jobs(deck)
        write_inbox(deck)
        write_successes(deck)
        write_families(deck)
        write_left_over(deck)
        assert verify(deck.db) == ()
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        for table in ("job", "task", "attempt", "stage"):
            print(table, dict(deck.rows(f"SELECT status, count(*) FROM {table} GROUP BY 1")))
        print(deck.rows("SELECT kind, count(*) FROM event WHERE data LIKE '%\"error\":%' GROUP BY 1"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
