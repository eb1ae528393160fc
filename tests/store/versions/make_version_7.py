"""Write a store of version 7, with children, a group, people.

It begins as that of version 6, brought up. Run once as
`python -m tests.store.versions.make_version_7 version_7`, by the code of version 7.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path
from threading import Event

from core.model.commands.limits import Configure
from core.model.commands.work import Claimed
from core.model.commands.workflows import AddWorkflow
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.outcomes import Succeeded
from core.model.patterns.children import PinnedDocument
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Await, BeginChild, Decide, Expand, TakeOutputs
from core.model.patterns.work_items import NewItem
from core.model.plans import TaskPlan
from core.rules.families import family_of
from core.store.upgrade import Progress, upgrade_store
from core.store.verify import verify
from tests.store.versions.make_version_1 import HERE, NOW
from tests.support.deck import Deck
from tests.support.factories import failure, flat, task
from tests.support.old_stores import write_old_store

DAY = 86_400_000


def child(key: str, *needs: str) -> TaskPlan:
    """Return a task that waits for a child, under the limit."""
    return task(key, *needs, uses="workflow", waits=True, limits=(LimitRef(name="db"),))


def claim(deck: Deck, *keys: str) -> list[Claimed]:
    """Claim all that is queued; return the attempts of these tasks, in their order."""
    found = {one.key: one for one in deck.claim()}
    return [found[key] for key in keys]


def write_children(deck: Deck) -> None:
    """End one child and begin two more, under a limit of one, which binds no child of this version."""
    deck.do(Configure(limits=(Limit(name="db", kind=LimitKind.CONCURRENCY, max=1),)))
    deck.settle()
    pinned = PinnedDocument(
        reference="file:inner.yaml", hash="h-inner", source="inner.yaml", text="name: inner"
    )
    for name in ("inner", "other"):
        kept = {"hash": f"h-{name}", "text": f"name: {name}", "source": f"/{name}.yaml", "folder": "/"}
        deck.do(AddWorkflow(name=name, actor="ann", **kept))
    deck.submit(flat(child("s1"), child("s2"), child("s3"), name="above", documents=(pinned,)))
    for key in ("s1", "s2", "s3"):
        plan = flat(task(f"{key}a"), name="inner", outputs={"n": 1} if key == "s1" else {})
        deck.do(Decide(task_id=deck.id(key), verdict=BeginChild(plan=plan)))
    deck.end_all(claim(deck, "s1a"))
    deck.do(Decide(task_id=deck.id("s1"), verdict=TakeOutputs(outputs={"n": 1})))
    deck.settle()


def write_patterns(deck: Deck) -> None:
    """Make a group of three, one of which fails; ask people; leave one item open."""
    each = task("each", for_each=ForEach(over="x"))
    deck.submit(flat(each, task("after", "each"), name="fan"))
    deck.do(Decide(task_id=deck.id("each"), verdict=Expand(items=["a", "b", "c"])))
    deck.settle()
    claimed = claim(deck, "each[0]", "each[1]")
    deck.end_all(claimed[:1], Succeeded(output=1))
    deck.end_all(claimed[1:], failure())
    deck.settle()
    asks = [task(key, uses="human", waits=True) for key in ("ask1", "ask2")]
    deck.submit(flat(*asks, name="people"))
    for key in ("ask1", "ask2"):
        item = NewItem(title="Go?", form=(), due_ms=DAY)
        deck.do(Decide(task_id=deck.id(key), verdict=Await(item=item)))


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_old_store(Path(folder) / "deck.db", "6")
        upgrade_store(path, Progress(tell=print, stop=Event()), family_of=family_of)
        deck = Deck(path, now=NOW + 4 * DAY)
        for write in (write_children, write_patterns):
            write(deck)
        assert verify(deck.db) == (), verify(deck.db)
        (version,) = deck.db.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*deck.db.iterdump(), f"PRAGMA user_version = {version};"])
        for table in (
            "job",
            "task",
            "attempt",
            "awaited",
            "instance_set",
            "work_item",
            "workflow_text",
            "gauge",
        ):
            print(table, deck.rows(f"SELECT count(*) FROM {table}"))
        print(deck.rows("SELECT status, count(*) FROM task GROUP BY 1"))
        print(
            deck.rows(
                "SELECT id, name, status, parent_task, documents FROM job WHERE name IN ('above', 'inner')"
            )
        )
        print(deck.rows("SELECT name, reserved FROM gauge"))
        deck.db.close()
    (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
