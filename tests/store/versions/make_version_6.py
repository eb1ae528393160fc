"""Write a store of version 6, with waits, pins and notices.

It begins as that of version 5, brought up. Run once as
`python -m tests.store.versions.make_version_6 version_6`, by the code of version 6.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path
from threading import Event

from core.model.commands.notices import BeginDelivery, ConfigureNotices, DraftNotices
from core.model.commands.purges import Pin, Purge
from core.model.commands.signals import Signal
from core.model.notices import Draft, Topic
from core.model.patterns.judgements import Await, Decide
from core.model.plans import OnTaskFailure, StagePlan
from core.rules.families import family_of
from core.store.upgrade import Progress, upgrade_store
from core.store.verify import verify
from tests.store.versions.make_version_1 import HERE, NOW
from tests.support.deck import Deck
from tests.support.factories import failure, flat, job, stage, task
from tests.support.old_stores import write_old_store

DAY = 86_400_000


def write_waits(deck: Deck) -> None:
    """Wait for times and signals; answer one, keep one, let two wait."""
    waits = [task(key, uses="signal", waits=True) for key in ("w1", "w2", "w3", "w4")]
    deck.submit(flat(*waits, task("after", "w1"), name="waits"))
    deck.do(
        Decide(task_id=deck.id("w1"), verdict=Await(signal="go", key="7")),
        Decide(task_id=deck.id("w2"), verdict=Await(signal="go", key="8", within_ms=DAY)),
        Decide(task_id=deck.id("w3"), verdict=Await(for_ms=DAY)),
        Decide(task_id=deck.id("w4"), verdict=Await(until=NOW + 9 * DAY)),
    )
    for key in ("7", "9"):
        deck.do(Signal(name="go", key=key, data={"n": 1}, uid=f"u{key}", keep_ms=DAY, actor="ada"))


def write_endings(deck: Deck) -> None:
    """Tolerate a failure; open a stage `finally` of a job that fails."""
    deck.submit(flat(task("soft", continue_on_error=True, priority=90), task("next", "soft"), name="soft"))
    last = StagePlan(name="finally", tasks=(task("last"),), is_finally=True)
    deck.submit(
        job(stage(task("hard", priority=91)), last, name="ends", on_task_failure=OnTaskFailure.CONTINUE)
    )
    deck.end_all(deck.claim(2), failure())


def write_upkeep(deck: Deck) -> None:
    """Pin, purge, tell sinks."""
    ended = [number for (number,) in deck.rows("SELECT id FROM job WHERE finished_at IS NOT NULL AND id > 1")]
    deck.do(Pin(job_id=ended[0], reason="the audit", actor="ada"))
    deck.do(Purge(job_ids=(ended[1],), reason="as asked", actor="ada"))
    deck.do(ConfigureNotices(sinks=("mail", "chat")))
    (newest,) = deck.rows("SELECT max(id) FROM event")[0]
    deck.submit(flat(task("late"), name="late"))
    drafts = tuple(
        Draft(sink=sink, topic=Topic.LOST, event=newest + 1, at=NOW, text="lost") for sink in ("mail", "chat")
    )
    deck.do(DraftNotices(after=newest, upto=newest + 1, drafts=drafts))
    deck.do(BeginDelivery(sink="mail"))
    deck.settle()


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_old_store(Path(folder) / "deck.db", "5")
        upgrade_store(path, Progress(tell=print, stop=Event()), family_of=family_of)
        deck = Deck(path, now=NOW + 2 * DAY)
        for write in (write_waits, write_endings, write_upkeep):
            write(deck)
        assert verify(deck.db) == ()
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        for table in ("job", "task", "attempt", "schedule", "awaited", "signal", "purged", "notice"):
            print(table, deck.rows(f"SELECT count(*) FROM {table}"))
        print(deck.rows("SELECT status, count(*) FROM task GROUP BY 1"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
