"""Benchmark of reads: totals, counts, previews, pulse, queues, orphans, pages, the past.

    python tests/bench/reads.py [--tasks 100000] [--rounds 9] [--home DIR]

Fills a store through the journal's own transactions (four queues; of ten tasks seven end well, one fails,
one is held, one stays queued), or takes the one of `--home`; then asks each question several times and
prints the least and the median time in ms, hops to the reader's thread included.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.filters.fields import FIELDS, Noun
from core.filters.parser import parse
from core.model.commands.work import Command, Complete, Enqueue, Hold
from core.model.outcomes import Failed, Succeeded, TaskError
from core.model.plans import TaskPlan
from core.model.views import Page
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.past.past import EVENTS_MAX
from tests.bench.handwritten import folder
from tests.bench.journal import make, send

BITE = 1_000
V = TypeVar("V")
QUEUES = ("default", "gpu", "net", "slow")
FILTERS = ("", "status:queued", "status:failed", "key:key7", "status:failed err:broke")
PAGE = 200
"""Rows of a page, as the console reads them."""
LISTED = {
    Noun.TASKS: (
        "",
        "status:queued",
        "status:failed",
        "queue:parked",
        "key:key7",
        "nothing",
        "age>1s",
        "job:1",
    ),
    Noun.JOBS: ("", "name:nothing", "status:failed"),
    Noun.EVENTS: ("", "kind:task.failed", "kind:job.created", "job:1", "key:nothing"),
}


def plans(first: int, count: int) -> tuple[TaskPlan, ...]:
    """Return plans whose input is as long as a short command line."""
    return tuple(
        TaskPlan(key=f"key{n % 100}", uses="mark", queue=QUEUES[n % 4], with_={"argv": ["x" * 100]})
        for n in range(first, first + count)
    )


def fill(home: Path, tasks: int) -> None:
    """Store tasks and bring most of them to their end."""
    writer = make(home)
    for first in range(0, tasks, BITE):
        send(writer, Enqueue(tasks=plans(first, min(BITE, tasks - first)), group="bench"))
    for first in range(1, tasks + 1, 10 * BITE):
        send(writer, Hold(task_ids=tuple(range(first, min(first + BITE, tasks + 1)))))
    left = tasks * 8 // 10
    while left > 0:
        report = send(writer, slots=min(BITE, left))
        send(writer, *(_end(claimed.task_id) for claimed in report.claimed))
        left -= max(1, len(report.claimed))
    writer.connection.close()


def _end(task_id: int) -> Command:
    error = TaskError(code=f"http.{task_id % 12}", message="it broke: " + "y" * 150)
    outcome = Failed(error=error) if task_id % 8 == 0 else Succeeded()
    return Complete(task_id=task_id, epoch=1, outcome=outcome)


def questions(reports: Reports, last: int) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    """Yield what is asked, by name."""
    yield "totals", reports.totals.current
    yield "pulse", reports.pulse.last
    yield "queues", reports.queues.all
    yield "lost", reports.lost.orphans
    for text in FILTERS:
        where = parse(text, Noun.TASKS)
        yield f"count tasks {text}", lambda where=where: reports.totals.count(where)  # type: ignore[misc]
        yield f"preview {text}", lambda where=where: reports.targets.preview(where)  # type: ignore[misc]
        yield (
            f"preview {text} as of 3,000 events ago",
            lambda where=where: reports.targets.preview(where, as_of=last - 3_000),  # type: ignore[misc]
        )
    for noun, text in ((Noun.EVENTS, "kind:task.claimed"), (Noun.JOBS, "status:running")):
        where = parse(text, noun)
        yield f"count {noun} {text}", lambda where=where: reports.totals.count(where)  # type: ignore[misc]


async def pages(reports: Reports) -> AsyncIterator[tuple[str, Callable[[], Awaitable[object]]]]:
    """Yield the first page, and the one that follows, of lists in every order."""
    verbs = {Noun.TASKS: reports.tasks.page, Noun.JOBS: reports.jobs.page}
    for noun, verb in verbs.items():
        texts = [*LISTED[noun]]
        for field in FIELDS[noun].fields:
            texts += [f"sort:{field.name}", f"sort:-{field.name}"]
        for text in (*texts, "status:failed sort:-finished", "nothing sort:name"):
            where = parse(text, noun)
            first = await verb(where, limit=PAGE)
            name = f"{noun} {text}{_told(first)}"
            yield name, lambda verb=verb, where=where: verb(where, limit=PAGE)  # type: ignore[misc]
            if first.next is not None:  # type: ignore[attr-defined]
                yield (
                    f"{name}, next page",
                    lambda verb=verb, where=where, at=first.next: verb(where, after=at, limit=PAGE),  # type: ignore[misc, attr-defined]
                )
    for text in LISTED[Noun.EVENTS]:
        for order in ("", "sort:-id"):
            where = parse(f"{text} {order}", Noun.EVENTS)
            name = f"events {text} {order}{_told(await reports.events.page(where, limit=PAGE))}"
            yield name, lambda where=where: reports.events.page(where, limit=PAGE)  # type: ignore[misc]


def _told(page: Page[V]) -> str:
    searched = getattr(page, "searched", None)
    return f" [{len(page.rows)}{'+' if page.next else ''}{f' of {searched}' if searched else ''}]"


async def ask(path: Path, rounds: int) -> None:
    """Ask every question several times over one pool of readers."""
    readers = Readers(path)
    reports = Reports(readers)
    last = (await reports.totals.current()).last_event
    print(f"{'question':<50}{'least ms':>10}{'median':>10}")
    for name, question in questions(reports, last):
        await _measure(name, question, rounds)
    async for name, question in pages(reports):
        await _measure(name, question, rounds)
    await readers.close()
    await ask_past(path, last)


async def ask_past(path: Path, last: int) -> None:
    """Undo as many events as may be, on a new connection; then ask for pages of that moment."""
    readers = Readers(path)
    past = Reports(readers).past
    event = max(1, last - EVENTS_MAX)
    await _measure(f"past: {last - event:,} events undone", lambda: past.counts(event), 1)
    await _measure("past: counts again", lambda: past.counts(event), 9)
    for text in ("", "status:failed", "status:running", "job:1 status:queued", "key:nothing"):
        where = parse(text, Noun.TASKS)
        await _measure(
            f"past: tasks {text}",
            lambda where=where: past.tasks(event, where, limit=PAGE),  # type: ignore[misc]
            3,
        )
    await _measure("past: jobs", lambda: past.jobs(event, limit=PAGE), 3)
    await readers.close()


async def _measure(name: str, question: Callable[[], Awaitable[object]], rounds: int) -> None:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await question()
        times.append((time.perf_counter() - started) * 1_000)
    print(f"{name:<50}{min(times):>10.2f}{statistics.median(times):>10.2f}", flush=True)


def main() -> None:
    """Fill a store and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--home", type=Path, help="a data directory with a store to ask")
    args = parser.parse_args()
    if args.home is not None:
        asyncio.run(ask(args.home / "taskdeck.db", args.rounds))
        return
    with folder() as home:
        fill(home, args.tasks)
        asyncio.run(ask(home / "deck.db", args.rounds))


if __name__ == "__main__":
    main()
