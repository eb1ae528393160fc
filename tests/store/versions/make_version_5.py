"""Write a store of version 5, with schedules and fires.

Run once as `python -m tests.store.versions.make_version_5 version_5`, by the code of version 5. Times are ms
from 1,000,000; the engine of this store was killed.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    Fire,
    MissFires,
    Passed,
    PauseSchedule,
    RemoveSchedule,
)
from core.model.commands.work import Submit
from core.model.plans import JobPlan, StagePlan
from core.model.timing.schedules import FireKind, FirePolicy, NextFire, Overlap, Schedule, Timing, Work
from core.store.verify import verify
from tests.store.versions.make_version_1 import (
    HERE,
    NOW,
    STORE_ID,
    end_random,
    shell,
    write_inbox,
    write_jobs,
    write_live_jobs,
    write_random,
)
from tests.store.versions.make_version_2 import write_families, write_successes
from tests.store.versions.make_version_4 import write_limited
from tests.support.deck import Deck

HOUR = 3_600_000
NAMES = ("nightly", "often", "paused", "gone")


def change(deck: Deck, what: AddSchedule | PauseSchedule | RemoveSchedule) -> None:
    deck.do(ChangeSchedule(change=what, reason="as asked", actor="kim (cli)"))


def fire(deck: Deck, schedule_id: int, hour: int, **more: object) -> None:
    """Decide about the time `hour` of an hourly schedule."""
    name = NAMES[schedule_id - 1]
    plan = JobPlan(name=name, stages=(StagePlan(name="main", tasks=(shell("a", priority=80),)),))
    command = Fire(
        schedule_id=schedule_id,
        at=NOW + hour * HOUR,
        next=NextFire(at=NOW + (hour + 1) * HOUR, wake_at=NOW + (hour + 1) * HOUR),
        **({"submit": Submit(plan=plan, actor=f"schedule {name}")} | more),  # type: ignore[arg-type]
    )
    deck.do(command)


def write_schedules(deck: Deck) -> None:
    """Fire, wait, skip, miss, fail and fill in."""
    for name, overlap in zip(
        NAMES, (Overlap.SKIP, Overlap.QUEUE, Overlap.ALLOW, Overlap.REPLACE), strict=True
    ):
        rule = Schedule(
            name=name,
            timing=Timing(every_ms=HOUR),
            policy=FirePolicy(overlap=overlap),
            work=Work(text=f"name: {name}\ntasks: {{a: {{run: 'true'}}}}"),
        )
        due = NextFire(at=NOW + HOUR, wake_at=NOW + HOUR)
        change(deck, AddSchedule(schedule=rule, next=due, from_=NOW))
    for schedule_id in (1, 2, 3):
        fire(deck, schedule_id, 1, after=NOW)
        fire(deck, schedule_id, 2, after=NOW + HOUR)
    fire(deck, 1, 3, after=NOW + 2 * HOUR, submit=None, reason="flow.yaml is gone")
    fire(deck, 3, 3, kind=FireKind.MANUAL, actor="kim (cli)")
    fire(deck, 3, 0, kind=FireKind.BACKFILL, actor="kim (cli)")
    passed = Passed(number=4, first=NOW + 4 * HOUR, last=NOW + 7 * HOUR, reason="no engine ran")
    deck.do(MissFires(schedule_id=1, after=NOW + 3 * HOUR, handled=NOW + 7 * HOUR, passed=(passed,)))
    change(deck, PauseSchedule(name="paused"))
    change(deck, RemoveSchedule(name="gone"))
    deck.settle()


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deck = Deck(Path(folder) / "deck.db", now=NOW)
        deck.db.execute("UPDATE engine SET store_id = ?", (STORE_ID,))
        for write in (
            write_random,
            end_random,
            write_jobs,
            write_live_jobs,
            write_inbox,
            write_successes,
            write_families,
            write_limited,
            write_schedules,
        ):
            write(deck)
        assert verify(deck.db) == ()
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        for table in ("job", "task", "attempt", "entry", "schedule", "fire"):
            print(table, deck.rows(f"SELECT count(*) FROM {table}"))
        print(deck.rows("SELECT schedule_id, status, kind, n FROM fire"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
