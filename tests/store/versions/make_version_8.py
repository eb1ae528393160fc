"""Write a store of version 8, with children under a limit.

It has their documents and instances that are judged, too. It begins as that of
version 7, brought up. Run once as
`python -m tests.store.versions.make_version_8 version_8`, by the code of version 8.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path
from threading import Event

from core.model.commands.limits import Configure
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.patterns.children import PinnedDocument
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import BeginChild, Decide, Expand
from core.rules.families import family_of
from core.store.upgrade import Progress, upgrade_store
from core.store.verify import verify
from tests.store.versions.make_version_1 import HERE, NOW
from tests.support.deck import Deck
from tests.support.factories import flat, task
from tests.support.old_stores import write_old_store

DAY = 86_400_000


def write_places(deck: Deck) -> None:
    """Begin three children of a limit of one: one has its place, two wait for it."""
    deck.do(Configure(limits=(Limit(name="kids", kind=LimitKind.CONCURRENCY, max=1),)))
    deck.settle()
    pinned = PinnedDocument(reference="file:kid.yaml", hash="h-kid", source="kid.yaml", text="name: kid")
    keys = ("k1", "k2", "k3")
    waits = [task(key, uses="workflow", waits=True, limits=(LimitRef(name="kids"),)) for key in keys]
    deck.submit(flat(*waits, name="counted", documents=(pinned,)))
    for key in keys:
        plan = flat(task(f"{key}a", when="x"), name="kid")
        deck.do(Decide(task_id=deck.id(key), verdict=BeginChild(plan=plan)))


def write_judged(deck: Deck) -> None:
    """Make a group of five, of which two at once are judged."""
    said = ForEach(over="x", max_parallel=2, judges_each=True)
    deck.submit(flat(task("judged", when="x", for_each=said), name="judges"))
    deck.do(Decide(task_id=deck.id("judged"), verdict=Expand(items=[*range(5)])))
    deck.settle()


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_old_store(Path(folder) / "deck.db", "7")
        upgrade_store(path, Progress(tell=print, stop=Event()), family_of=family_of)
        deck = Deck(path, now=NOW + 5 * DAY)
        for write in (write_places, write_judged):
            write(deck)
        assert verify(deck.db) == (), verify(deck.db)
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        print(deck.rows("SELECT id, name, status, place_set, place_gauge FROM job WHERE name = 'kid'"))
        print(deck.rows("SELECT * FROM pinned_text"))
        print(deck.rows("SELECT key, status, wait_reason FROM task WHERE set_id IS NOT NULL"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
