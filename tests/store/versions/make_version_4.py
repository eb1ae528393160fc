"""Write a store of version 4, with limits, ledger and keys.

Run once as `python -m tests.store.versions.make_version_4 version_4`, by the code of version 4. Times are ms
from 1,000,000; the engine of this store was killed.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

from core.model.commands.limits import Configure
from core.model.commands.work import Complete, Enqueue
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, LimitRef, Per, Pool, Spent, Window
from core.model.limits.once import Once
from core.model.outcomes import Lost, Succeeded
from core.model.plans import TaskPlan
from core.store.verify import verify
from tests.store.versions.make_version_1 import (
    HERE,
    NOW,
    STORE_ID,
    end_random,
    write_inbox,
    write_jobs,
    write_live_jobs,
    write_random,
)
from tests.store.versions.make_version_2 import write_families, write_successes
from tests.support.deck import Deck

USD = 1_000_000
LIMITS = (
    Limit(name="team", kind=LimitKind.BUDGET, max=90 * USD, unit="usd", on={}, window=Window(per=Per.DAY)),
    Limit(name="db", kind=LimitKind.CONCURRENCY, max=2),
)
_ASKED = (
    "SELECT a.task_id, a.epoch FROM attempt a JOIN task t ON t.id = a.task_id"
    " WHERE a.status = 'running' AND t.grp = 'asked' ORDER BY 1"
)
POOLS = (Pool(name="default", slots=500),)


def write_limited(deck: Deck) -> None:
    """Spend, lose and wait under limits."""
    deck.do(Configure(pools=POOLS, limits=LIMITS))
    plans = [
        TaskPlan(
            key=f"ask{number}",
            uses="shell",
            with_={"script": "true"},
            cost=Estimate(amounts={"usd": USD}),
            limits=(LimitRef(name="db"),),
            priority=95,
            once=Once(key=f"ask{number}", for_="ever"),
        )
        for number in range(6)
    ]
    deck.do(Enqueue(tasks=tuple(plans), group="asked"))
    deck.settle()
    for number, outcome in enumerate((Succeeded(), Lost(reason="the wrapper is gone"))):
        while not (open_ := deck.rows(_ASKED)):
            ((running,),) = deck.rows("SELECT count(*) FROM attempt WHERE status = 'running'")
            deck.claim(running + 20)
        task_id, epoch = open_[0]
        deck.now += 500 * (number + 1)
        spent = (Spent(unit="usd", amount=USD // 2),)
        deck.do(Complete(task_id=task_id, epoch=epoch, outcome=outcome, spent=spent))
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
        write_limited(deck)
        assert verify(deck.db) == ()
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        for table in ("job", "task", "attempt", "gauge", "entry", "once_key"):
            print(table, deck.rows(f"SELECT count(*) FROM {table}"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
