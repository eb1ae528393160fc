"""Runs of documents on an engine beside the reference, many at once.

Each call waits until it is let go, and one thing of a job ends at a time, in an order that its seed draws: so
there is one right end. An engine is waited for until it and the reference agree on what could end next.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.human import Human
from core.connectors.outside_waits import FileWait, JobWait
from core.connectors.registry import Registry
from core.connectors.waiting import SignalWait
from core.connectors.waiting import Wait as WaitConnector
from core.control.api import SubmitOptions, Target
from core.control.document_files import read_document
from core.control.nouns.signals import SendSignal
from core.model.errors import TaskdeckError
from tests.reference.interpreter import EITHER, Job, Task
from tests.reference.scripted import Scripted, root_of
from tests.support.house import House
from tests.support.waiting import DEADLINE, ticks, until

SLOTS = 4_000
AT_ONCE = 250
"""Documents under way."""
ANY = "any end"
EMPTY = {"name": "other", "stages": [{"name": "none", "tasks": []}]}
Facts = dict[str, Any]

_AT = "SELECT json_extract(j.params, '$.at') FROM"
_OF_TASK = "JOIN task t ON t.id = {} JOIN job j ON j.id = t.job_id"
BUSY = (
    f"{_AT} task t JOIN job j ON j.id = t.job_id WHERE t.wait_reason = 'condition'"
    f" UNION {_AT} task t JOIN job j ON j.id = t.job_id WHERE t.status IN ('queued', 'retrying')"
    f" UNION {_AT} awaited w {_OF_TASK.format('w.task_id')} WHERE w.asks IS NOT NULL"
    f" UNION {_AT} followup f JOIN job j ON f.kind = 'job' AND j.id = f.id"
    f" UNION {_AT} followup f {_OF_TASK.format('f.id')} WHERE f.kind = 'task'"
    f" UNION {_AT} followup f JOIN stage s ON s.id = f.id JOIN job j ON j.id = s.job_id"
    " WHERE f.kind = 'stage'"
    f" UNION {_AT} followup f JOIN instance_set i ON i.id = f.id {_OF_TASK.format('i.task_id')}"
    " WHERE f.kind = 'set'"
)
"""Jobs of which something follows by itself."""
CALLS = (
    f"{_AT} attempt a INDEXED BY attempt_open {_OF_TASK.format('a.task_id')} WHERE a.status = 'running'"
    f" UNION ALL {_AT} awaited w {_OF_TASK.format('w.task_id')}"
    " WHERE w.every_ms IS NOT NULL AND w.asks IS NULL"
)
"""Jobs by each call that runs, or a poll repeats."""
WAITS = (
    "SELECT json_extract(j.params, '$.at') || '/' || t.key, t.uses, t.id, w.is_held, w.path, i.id,"
    f" coalesce(w.due_at, w.fails_at, i.due_at) FROM awaited w {_OF_TASK.format('w.task_id')}"
    " LEFT JOIN work_item i ON i.task_id = t.id AND i.outcome IS NULL"
    " WHERE w.child_id IS NULL AND w.asks IS NULL AND w.every_ms IS NULL"
)
JOBS = "SELECT id, json_extract(params, '$.at'), status FROM job WHERE json_extract(params, '$.at') NOT NULL"
TASKS = (
    "SELECT t.job_id, t.key, t.status, (SELECT count(*) FROM attempt a WHERE a.task_id = t.id), t.output,"
    " coalesce(t.error, t.status_reason, '') FROM task t WHERE t.job_id > 1"
)
VARIABLES = "SELECT job_id, name, value FROM variable"
_INDEX = re.compile(r"\[[0-9]+\]")
TICK = 1.0
"""Seconds by which the clock moves where something waits for it: a poll, a file, a deadline."""
PAUSE = 0.05
"""Seconds between two ticks, and between two looks where nothing changed."""


class Wait(NamedTuple):
    """A task that waits for an answer."""

    name: str
    uses: str
    task_id: int
    is_held: int
    path: str | None
    item_id: int | None
    due_at: int | None
    """When time answers it, as long as it is not held."""


class Comparison:
    """A document: its job on an engine, and the one of the reference, which end the same things in turn."""

    def __init__(self, name: str, documents: dict[str, Any], *, order: str = "") -> None:
        self.name, self.documents = name, documents
        self.job = Job(documents, next(iter(documents)), name=name, params={})
        self.wanted = self.job.pending()
        self.fault = ""
        self.is_race = False
        """What the page leaves open came otherwise on the engine: the rest is not compared."""
        self.job_id = 0
        self._draw = random.Random(order or name)
        self.waits_since = 0.0

    def choose(self) -> str:
        """Let one of the things that could end do so in the reference; return its name."""
        self.waits_since = time.monotonic()
        pick = self._draw.choice(sorted(self.wanted, key=self._order))
        self.wanted[pick].act()
        self.job.settle()
        self.wanted = self.job.pending()
        return pick

    def _order(self, name: str) -> str:
        """Return what the ends of documents that differ in their names alone are sorted by."""
        return name.removeprefix(self.name)

    def is_patient(self, names: Iterable[str], deadline: float) -> bool:
        """Return whether an engine may still come to the same; else that is a fault, or an open order."""
        if time.monotonic() - self.waits_since < deadline:
            return True
        if self._is_one_of_a_group(names) or begins_at_a_verdict(self.job):
            self.is_race = True
        else:
            self.fault = f"could end: {', '.join(names)}; by the reference: {', '.join(self.wanted)}"
        return False

    def _is_one_of_a_group(self, names: Iterable[str]) -> bool:
        """Return whether other instances of the same groups are under way: those ready at one moment."""
        return names != self.wanted.keys() and _groups(names) == _groups(self.wanted)


class Comparisons:
    """An engine that runs documents in rounds."""

    def __init__(self, house: House, connector: Scripted, *, deadline: float) -> None:
        self._house, self._connector, self._deadline = house, connector, deadline
        self._db = sqlite3.connect(f"file:{house.paths.db}?mode=ro", uri=True, isolation_level=None)
        self._folder = house.paths.home / "documents"
        self._released: set[int] = set()
        """Waits that are to be answered: nothing keeps them from it any more."""
        self._seen: object = None
        self._look_at = self._tick_at = 0.0

    def close(self) -> None:
        self._db.close()

    async def play(self, every: list[Comparison]) -> None:
        """Run documents to their ends."""
        waiting, live = iter(every), list[Comparison]()
        while True:
            for one in islice(waiting, AT_ONCE - len(live)):
                await self._submit(one)
                live.append(one)
            live = [one for one in live if not one.fault and not one.is_race]
            if not live:
                return
            await self._house.engine.journal.settle()
            await ticks(3)
            await until(self._is_news, "something changes, or time passes")
            live = await self._round(live)

    def _is_news(self) -> bool:
        """Return whether something has changed since the last round; now and then that is taken for so."""
        now = time.monotonic()
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        seen = version, self._connector.begun
        if seen == self._seen and now < self._look_at:
            return False
        self._seen, self._look_at = seen, now + PAUSE
        return True

    async def _submit(self, one: Comparison) -> None:
        folder = self._folder / one.name
        folder.mkdir(parents=True)
        for name, document in one.documents.items():
            (folder / name).write_text(json.dumps(document))
        try:
            file = next(iter(one.documents))
            first = one.documents[file]
            if "include" in first:
                first = read_document(folder / file)
            options = SubmitOptions(cwd=str(folder))
            one.job_id = (await self._house.control.submit(first, {}, options=options)).job_id
            one.waits_since = time.monotonic()
        except TaskdeckError as error:
            one.fault = f"refused: {error.message} {error.facts}"

    async def _round(self, live: list[Comparison]) -> list[Comparison]:
        """Let one thing of each document end where nothing else goes on; return those that are not over."""
        self._db.execute("BEGIN")
        busy, waits = self._busy(), [Wait(*row) for row in self._db.execute(WAITS)]
        over = {one.name for one in live if not one.wanted and self._is_over(one)}
        self._db.execute("COMMIT")
        timed = [one for one in waits if one.due_at is not None]
        loose = [one for one in timed if not one.is_held and one.task_id not in self._released]
        slow = [one for one in timed if one.is_held and one.due_at > self._house.clock.now()]
        slow += [one for one in waits if one.task_id in self._released]
        busy |= {root_of(one.name) for one in (*loose, *slow)}
        asked: dict[str, dict[str, Wait]] = defaultdict(dict)
        for wait in waits:
            asked[root_of(wait.name)][wait.name] = wait
        for one in live:
            names = {*self._connector.gates[one.name], *asked[one.name]}
            if one.name in over and not names:
                continue
            if one.name in busy or not names or names != one.wanted.keys():
                one.is_patient(names, self._deadline)
            else:
                await self._end(one, asked[one.name])
        if loose:
            await self._house.control.hold(Target(task_ids=tuple(one.task_id for one in loose)))
        elif (slow or self._is_polled()) and time.monotonic() > self._tick_at:
            self._tick_at = time.monotonic() + PAUSE
            self._house.clock.advance(seconds=TICK)
        return [one for one in live if one.name not in over]

    def _is_over(self, one: Comparison) -> bool:
        return self._db.execute(
            "SELECT 1 FROM job WHERE id = ? AND finished_at NOT NULL", (one.job_id,)
        ).fetchone()

    def _is_polled(self) -> bool:
        """Return whether a poll waits for its next look."""
        return self._db.execute("SELECT 1 FROM awaited WHERE every_ms NOT NULL AND asks IS NULL").fetchone()

    async def _end(self, one: Comparison, waits: dict[str, Wait]) -> None:
        task_of = one.wanted
        pick = one.choose()
        if pick in waits:
            await self._answer(waits[pick], task_of[pick])
        else:
            self._connector.gates[one.name][pick].set_result(None)

    async def _answer(self, wait: Wait, task: Task) -> None:
        control = self._house.control
        if wait.due_at is not None:
            self._released.add(wait.task_id)
            await control.unhold(Target(task_ids=(wait.task_id,)))
        elif wait.uses == "signal":
            await control.signals.send(SendSignal(name="go", key=wait.name, data=task.data))
        elif wait.uses == "job":
            await control.submit(EMPTY, {}, options=SubmitOptions(client_key=wait.name))
        elif wait.path is not None:
            self._released.add(wait.task_id)
            Path(wait.path).parent.mkdir(parents=True, exist_ok=True)
            Path(wait.path).touch()
        elif wait.item_id is not None and task.with_["text"] == "yes":
            await control.work_items.approve(wait.item_id, actor=f"person {task.calls}")
        elif wait.item_id is not None:
            await control.work_items.deny(wait.item_id, "no")

    def _busy(self) -> set[str]:
        """Return the documents of which an end is not written yet, or something follows by itself."""
        running = Counter(root_of(at) for (at,) in self._db.execute(CALLS))
        written = {name for name, gates in self._connector.gates.items() if len(gates) != running[name]}
        unbegun = {name for name, number in running.items() if len(self._connector.gates[name]) != number}
        return written | unbegun | {root_of(at) for (at,) in self._db.execute(BUSY) if at}


def told(job: Job) -> Facts:
    """Return what a job of the reference came to, by names."""
    facts: Facts = {f"job {job.name}": job.status}
    facts |= {f"variable {job.name} {name}": value for name, value in job.vars.items()}
    for task in job.tasks.values():
        # What needs the instances of a group that ends its job is cut by the verdict, or ends just before it.
        is_open = job.verdict is not None and bool(task.each)
        if task.stage > job.cut and task.status == "skipped":
            task.status = EITHER
        for one in (task, *(task.instances or [])):
            facts[one.name] = ANY if is_open else one.status
            facts[f"attempts {one.name}"] = ANY if is_open or one.status == "cancelled" else one.attempts
            if one.status == "succeeded" and one.uses in ("scripted", "workflow") and one.instances is None:
                facts[f"output {one.name}"] = one.output
            for child in one.children:
                facts |= told(child)
    return facts


def seen(house: House) -> dict[str, Facts]:
    """Return what the jobs of a store came to in the same form, by document."""
    found: dict[str, Facts] = defaultdict(dict)
    names = {}
    for job_id, at, status in house.rows(JOBS):
        names[job_id] = at
        found[root_of(at)][f"job {at}"] = status
    for job_id, name, value in house.rows(VARIABLES):
        found[root_of(names[job_id])][f"variable {names[job_id]} {name}"] = json.loads(value)
    for job_id, key, status, attempts, output, why in house.rows(TASKS):
        if job_id in names:
            facts, name = found[root_of(names[job_id])], f"{names[job_id]}/{key}"
            facts |= {name: status, f"attempts {name}": attempts, f"why {name}": why}
            if status == "succeeded":
                facts[f"output {name}"] = _bare(json.loads(output or "null"))
    return found


def _bare(output: Any) -> Any:
    return {name: value for name, value in output.items() if name != "json"} if output else output


def races(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what ended by itself with the act that brought the verdict on its job, or the end of its group.

    Which of them comes first the page does not say, nor whether what needs the instances of a group that
    ends its job does so before it.
    """
    for task in job.tasks.values():
        for one in (task, *(task.instances or [])):
            cuts = {job.verdict_at, *([] if one is task else [task.ended_at])} - {-1, one.acted_at}
            if one.ended_at in cuts or (job.verdict_at >= 0 and task.each):
                yield one.name, "cancelled" if one.status == EITHER else one.status
            for child in one.children:
                yield from races(child)


def begins_at_a_verdict(job: Job, verdicts: frozenset[int] = frozenset()) -> bool:
    """Return whether a child began with the act that brought the verdict on a job above it.

    Which of them comes first the page does not say: a child that began has its `finally`.
    """
    above = verdicts | {job.verdict_at}
    children = [
        child
        for task in job.tasks.values()
        for one in (task, *(task.instances or []))
        for child in one.children
    ]
    return any(child.begun_at in above or begins_at_a_verdict(child, above) for child in children)


def _groups(names: Iterable[str]) -> list[str]:
    """Return names without the numbers of their instances."""
    return sorted(_INDEX.sub("[]", name) for name in names)


def _are(want: Any, have: Any, *ends: str) -> bool:
    return want in ends and have in ends


def differences(one: Comparison, got: Facts) -> Iterator[str]:
    """Yield what an engine made otherwise of a document than the reference."""
    wanted = told(one.job)
    if one.is_race:
        return
    for name, status in races(one.job):
        have = got.get(name)
        if have not in (None, status) and "cancelled" in (have, status):
            one.is_race = True
            return
    if one.fault:
        yield one.fault
        return
    for name in sorted({*wanted, *got}):
        want, have = wanted.get(name), got.get(name)
        if name.startswith("why") or (name.startswith("output") and want is None):
            continue
        # Rows of instances are made as they are needed; those of no group that ended early.
        of_unmade = name.startswith("variable ") and f"job {name.split()[1]}" not in got
        is_unmade = have is None and (of_unmade or want in ("cancelled", "skipped", EITHER, 0))
        # Of instances that did not begin: the end of their group, or that of their need, came first.
        is_instance = name.endswith("]") and got.get(f"attempts {name}") == 0
        is_cut = is_instance and _are(want, have, "skipped", "cancelled")
        is_either = want == EITHER and have in ("skipped", "cancelled")
        if want not in (have, ANY) and not (is_unmade or is_cut or is_either):
            yield f"{name}: {have}, by the reference {want}; {got.get(f'why {name}', '')}"


async def compare(
    documents: dict[str, dict[str, Any]],
    *,
    deadline: float = DEADLINE,
    order: str = "",
    open_order: list[str] | None = None,
) -> dict[str, list[str]]:
    """Run documents, by name, on one engine; return what differs by name. The store is recounted, too.

    `order` draws which things end first; by default the name does. `open_order` gets the names of those
    that came to an order which the page leaves open, and are not compared to their ends.
    """
    every = [Comparison(name, files, order=order) for name, files in documents.items()]
    with tempfile.TemporaryDirectory() as folder:
        house, connector = House(Path(folder) / "home"), Scripted()
        waits = [SignalWait(), Human(), ChildWorkflow(), FileWait(), JobWait(), WaitConnector()]
        house.registry = lambda: Registry([connector, *waits])
        await house.open(slots=SLOTS)
        comparisons = Comparisons(house, connector, deadline=deadline)
        try:
            await comparisons.play(every)
            facts = seen(house)
        finally:
            comparisons.close()
            await house.close()
    found = {one.name: [*differences(one, facts[one.name])] for one in every}
    if open_order is not None:
        open_order += [one.name for one in every if one.is_race]
    return {name: lines for name, lines in found.items() if lines}
