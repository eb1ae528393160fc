"""Comparisons of an engine with the reference, many documents at once.

`python -m tests.reference.comparisons --documents 100000` writes what differs; its exit status is 1 then.

Each call waits until it is let go, and one thing of a job ends at a time, in an order that its seed draws: so
there is one right end. An engine is waited for until it and the reference agree on what could end next.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.connectors.base import Plain
from core.connectors.child_workflow import ChildWorkflow
from core.connectors.human import Human
from core.connectors.process import skipped
from core.connectors.registry import Registry
from core.connectors.waiting import SignalWait
from core.control.api import SubmitOptions
from core.control.nouns.signals import SendSignal
from core.model.errors import TaskdeckError
from core.model.outcomes import Failed, TaskError
from core.model.ports import CallContext, InlineCall
from tests.reference.documents import make
from tests.reference.interpreter import EITHER, Job, Task
from tests.support.house import House
from tests.support.waiting import DEADLINE, ticks

SLOTS = 4_000
AT_ONCE = 250
"""Documents under way."""
BATCH = 1_000
"""Documents of one store."""
ANY = "any end"
Facts = dict[str, Any]

_AT = "SELECT json_extract(j.params, '$.at') FROM"
_OF_TASK = "JOIN task t ON t.id = {} JOIN job j ON j.id = t.job_id"
BUSY = (
    f"{_AT} task t JOIN job j ON j.id = t.job_id"
    " WHERE t.status IN ('queued', 'retrying') OR t.wait_reason = 'condition'"
    f" UNION {_AT} awaited w {_OF_TASK.format('w.task_id')} WHERE w.asks IS NOT NULL"
    f" UNION {_AT} followup f JOIN job j ON f.kind = 'job' AND j.id = f.id"
    f" UNION {_AT} followup f {_OF_TASK.format('f.id')} WHERE f.kind = 'task'"
    f" UNION {_AT} followup f JOIN stage s ON s.id = f.id JOIN job j ON j.id = s.job_id"
    " WHERE f.kind = 'stage'"
    f" UNION {_AT} followup f JOIN instance_set i ON i.id = f.id {_OF_TASK.format('i.task_id')}"
    " WHERE f.kind = 'set'"
)
"""Jobs of which something follows by itself."""
RUNNING = (
    f"{_AT} task t JOIN job j ON j.id = t.job_id WHERE t.status = 'running'".replace(
        " FROM", ", count(*) FROM", 1
    )
    + " GROUP BY 1"
)
ASKED = (
    "SELECT title, text, id FROM work_item WHERE outcome IS NULL"
    " UNION ALL SELECT key, 'yes', NULL FROM awaited WHERE name = 'go'"
)
OVER = "SELECT id FROM job WHERE status IN ('succeeded', 'failed', 'cancelled')"
JOBS = "SELECT id, json_extract(params, '$.at'), status FROM job WHERE id > 1"
TASKS = (
    "SELECT t.job_id, t.key, t.status, (SELECT count(*) FROM attempt a WHERE a.task_id = t.id), t.output,"
    " t.uses = 'workflow', coalesce(t.error, t.status_reason, '') FROM task t WHERE t.job_id > 1"
)
VARIABLES = "SELECT job_id, name, value FROM variable"


class Ended(Exception):
    """The end of an attempt that did not succeed."""

    def __init__(self, code: int, context: CallContext) -> None:
        super().__init__(f"exit {code}")
        self.code, self.context = code, context


class Scripted(Plain):
    """The connector `scripted`: a call waits until it is let go, and ends with its next exit code."""

    name = "scripted"

    def __init__(self) -> None:
        self.gates: dict[str, dict[str, asyncio.Future[None]]] = defaultdict(dict)
        self._attempts: dict[str, int] = defaultdict(int)

    def call(self, with_: Any, context: CallContext) -> InlineCall:
        return InlineCall(run=lambda: self._run(with_, context))

    async def _run(self, with_: Any, context: CallContext) -> Any:
        at: str = with_["at"]
        self._attempts[at] += 1
        script = with_["ends"][int(with_["i"])] if "i" in with_ else with_["ends"]
        code = script[min(self._attempts[at], len(script)) - 1]
        gates = self.gates[_root(at)]
        gates[at] = asyncio.get_running_loop().create_future()
        try:
            await gates[at]
        finally:
            del gates[at]
        if code in (context.success_exit_codes or (0,)):
            return {"exit": code}
        raise Ended(code, context)

    def classify(self, error: Exception) -> Any:
        if not isinstance(error, Ended):
            return super().classify(error)
        if error.code in error.context.skip_exit_codes:
            return skipped(error.code, {"exit": error.code})
        return Failed(error=TaskError(code="scripted.exit", message=str(error)))

    def conclude(self) -> None:
        """Have exit codes, as connectors have that run processes."""


class Comparison:
    """A document: its job on an engine, and the one of the reference, which end the same things in turn."""

    def __init__(self, seed: int) -> None:
        self.seed, self.name, self.documents = seed, f"s{seed}", make(seed)
        self.job = Job(self.documents, next(iter(self.documents)), name=self.name, params={})
        self.fault = ""
        self.job_id = 0
        self._draw = random.Random(seed)
        self.waits_since = 0.0

    def chosen(self, names: list[str]) -> str:
        """Return which of the things that could end does so now."""
        self.waits_since = time.monotonic()
        return self._draw.choice(sorted(names))

    def is_patient(self, names: list[str], wanted: dict[str, Task]) -> bool:
        """Return whether an engine may still come to the same; else that is a fault."""
        if time.monotonic() - self.waits_since < DEADLINE:
            return True
        self.fault = f"could end: {', '.join(names)}; by the reference: {', '.join(wanted)}"
        return False


class Comparisons:
    """An engine that runs documents in rounds."""

    def __init__(self, house: House, connector: Scripted, db: sqlite3.Connection) -> None:
        self._house, self._connector, self._db = house, connector, db
        self._folder = house.paths.home / "documents"
        self._folder.mkdir()

    async def play(self, seeds: range) -> list[Comparison]:
        """Run the documents of seeds to their ends; return them in order."""
        every, live = [Comparison(seed) for seed in seeds], list[Comparison]()
        waiting = iter(every)
        while True:
            for one in islice(waiting, AT_ONCE - len(live)):
                await self._submit(one)
                live.append(one)
            live = [one for one in live if not one.fault]
            if not live:
                return every
            over = await self._round(live)
            live = [one for one in live if one not in over]

    async def _submit(self, one: Comparison) -> None:
        for name, document in one.documents.items():
            (self._folder / name).write_text(json.dumps(document))
        options = SubmitOptions(cwd=str(self._folder))
        try:
            document = one.documents[next(iter(one.documents))]
            one.job_id = (await self._house.control.submit(document, {}, options=options)).job_id
            one.waits_since = time.monotonic()
        except TaskdeckError as error:
            one.fault = f"refused: {error.message} {error.facts}"

    async def _round(self, live: list[Comparison]) -> list[Comparison]:
        """Let one thing of each document end where nothing else goes on; return those that are over."""
        await self._house.engine.journal.settle()
        await ticks(3)
        asked, busy = self._asked(), self._busy()
        over_ids = {job_id for (job_id,) in self._db.execute(OVER)}
        over, moved = list[Comparison](), False
        for one in live:
            wanted, answers = one.job.pending(), asked[one.name]
            names = [*self._connector.gates[one.name], *answers]
            if one.job_id in over_ids and not names:
                over.append(one)
            elif one.name in busy or not names or set(names) != set(wanted):
                one.is_patient(names, wanted)
            else:
                pick, moved = one.chosen(names), True
                wanted[pick].act()
                one.job.settle()
                await self._end(one, pick, answers)
        if not moved and not over:
            await asyncio.to_thread(os.sched_yield)
        return over

    async def _end(self, one: Comparison, pick: str, answers: dict[str, Any]) -> None:
        if pick not in answers:
            self._connector.gates[one.name][pick].set_result(None)
            return
        answer, item_id = answers[pick]
        control = self._house.control
        if item_id is None:
            await control.signals.send(SendSignal(name="go", key=pick))
        elif answer == "yes":
            await control.work_items.approve(item_id)
        else:
            await control.work_items.deny(item_id, "no")

    def _busy(self) -> set[str]:
        """Return the documents of which an end is not written yet, or something follows by itself."""
        running: Counter[str] = Counter()
        for at, number in self._db.execute(RUNNING):
            running[_root(at)] += number
        written = {name for name, gates in self._connector.gates.items() if len(gates) != running[name]}
        return written | {_root(at) for (at,) in self._db.execute(BUSY) if at}

    def _asked(self) -> dict[str, dict[str, Any]]:
        """Return what waits for an answer, by document and name: the answer, and the item of a person."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for name, answer, item_id in self._db.execute(ASKED):
            found[_root(name)][name] = answer, item_id
        return found


def _root(at: str) -> str:
    return at.partition("/")[0]


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
            if one.child is not None:
                facts |= told(one.child)
                if one.status == "succeeded" == one.child.status:
                    facts[f"output {one.name}"] = one.output
    return facts


def seen(house: House) -> dict[str, Facts]:
    """Return what the jobs of a store came to in the same form, by document."""
    found: dict[str, Facts] = defaultdict(dict)
    names = {}
    for job_id, at, status in house.rows(JOBS):
        names[job_id] = at
        found[_root(at)][f"job {at}"] = status
    for job_id, name, value in house.rows(VARIABLES):
        found[_root(names[job_id])][f"variable {names[job_id]} {name}"] = json.loads(value)
    for job_id, key, status, attempts, output, is_parent, why in house.rows(TASKS):
        facts, name = found[_root(names[job_id])], f"{names[job_id]}/{key}"
        facts |= {name: status, f"attempts {name}": attempts, f"why {name}": why}
        if is_parent and status == "succeeded":
            facts[f"output {name}"] = json.loads(output or "null")
    return found


def _are(want: Any, have: Any, *ends: str) -> bool:
    return want in ends and have in ends


def differences(one: Comparison, got: Facts) -> Iterator[str]:
    """Yield what an engine made otherwise of a document than the reference."""
    if one.fault:
        yield one.fault
        return
    wanted = told(one.job)
    for name in sorted({*wanted, *got}):
        want, have = wanted.get(name), got.get(name)
        if name.startswith("why") or (name.startswith("output") and want is None):
            continue
        # Rows of instances are made as they are needed; those of no group that ended early.
        is_unmade = have is None and want in ("cancelled", "skipped", 0)
        # Of instances that did not begin: the end of their group, or that of their need, came first.
        is_cut = "[" in name and got.get(f"attempts {name}") == 0 and _are(want, have, "skipped", "cancelled")
        is_either = want == EITHER and have in ("skipped", "cancelled")
        if want not in (have, ANY) and not (is_unmade or is_cut or is_either):
            yield f"{name}: {have}, by the reference {want}; {got.get(f'why {name}', '')}"


async def compare(seeds: range) -> dict[int, list[str]]:
    """Run the documents of seeds on one engine; return what differs by seed. The store is recounted, too."""
    with tempfile.TemporaryDirectory() as folder:
        house, connector = House(Path(folder) / "home"), Scripted()
        house.registry = lambda: Registry([connector, SignalWait(), Human(), ChildWorkflow()])
        await house.open(slots=SLOTS)
        db = sqlite3.connect(f"file:{house.paths.db}?mode=ro", uri=True)
        try:
            played = await Comparisons(house, connector, db).play(seeds)
            facts = seen(house)
        finally:
            db.close()
            await house.close()
    found = {one.seed: [*differences(one, facts[one.name])] for one in played}
    return {seed: lines for seed, lines in found.items() if lines}


def main() -> None:
    """Compare as many documents as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--show", action="store_true", help="write the documents that differ")
    asked = parser.parse_args()
    begun, different = time.monotonic(), 0
    seeds = range(asked.first, asked.first + asked.documents)
    for at in range(0, len(seeds), BATCH):
        batch = seeds[at : at + BATCH]
        for seed, lines in asyncio.run(compare(batch)).items():
            different += 1
            print(f"--- seed {seed}", *lines[:10], sep="\n  ")
            if asked.show:
                print(json.dumps(make(seed), indent=1))
        done = at + len(batch)
        print(
            f"{done:,} documents, {different} differ, {done / (time.monotonic() - begun):.1f} a second",
            flush=True,
        )
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
