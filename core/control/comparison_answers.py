"""Two jobs compared, from their rows and documents.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
import json
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING

from core.model.comparisons import Change, JobComparison, TaskChange
from core.model.records import replace
from core.rules.comparisons import changed_outputs, changed_tasks, changed_values, costs_of, counts_of
from core.workflows.writer import dump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.values import JsonObject
    from core.store.reports import Reports

TASKS_MOST = 500
"""Tasks that differ, of which a comparison tells."""
OUTPUTS_MOST = 50
"""Of so many of them it tells where their outputs differ."""
LINES_MOST = 1_000
"""Lines of the difference of two documents."""
_LINES_COMPARED = 20_000
"""Documents with more lines are not compared line by line: that takes the square of them."""
_CHARACTERS = 1_000
"""Of a line of the difference at the most."""


async def compare_jobs(reports: Reports, before: int | None, after: int) -> JobComparison:
    """Return what differs between two jobs; None = the job of the same name before. Raises `NotFound`."""
    if before is None:
        before = await reports.comparisons.previous(after)
    was, old, is_old_cut = await reports.comparisons.job(before)
    now, new, is_new_cut = await reports.comparisons.job(after)
    keys = {run.key: run.task_id for run in old}
    pairs = [(keys[run.key], run.task_id) for run in new if run.key in keys]
    changes = changed_tasks(old, new, await reports.comparisons.differing(pairs))
    documents = [await reports.jobs.definition(one) for one in (before, after)]
    difference = await asyncio.to_thread(_difference, documents, names=(f"job {before}", f"job {after}"))
    return JobComparison(
        before=was,
        after=now,
        params=tuple(changed_values(was.params, now.params)),
        definition=tuple(line[:_CHARACTERS] for line in difference[:LINES_MOST]),
        definition_cut=len(difference) > LINES_MOST or (not difference and documents[0] != documents[1]),
        tasks=await _with_outputs(reports, changes[:TASKS_MOST]),
        counts=counts_of(changes, len(new)),
        costs=(costs_of(old), costs_of(new)),
        searched=max(len(old), len(new)) if is_old_cut or is_new_cut else None,
    )


async def _with_outputs(reports: Reports, changes: Sequence[TaskChange]) -> tuple[TaskChange, ...]:
    """Add where the outputs differ, of the first tasks whose outputs do."""
    chosen = [one for one in changes if one.change is Change.CHANGED and one.output_differs][:OUTPUTS_MOST]
    numbers = [run.task_id for one in chosen for run in (one.before, one.after) if run is not None]
    outputs = await reports.comparisons.outputs(numbers) if numbers else {}
    keys = {one.key for one in chosen}

    def told(one: TaskChange) -> TaskChange:
        if one.key not in keys or one.before is None or one.after is None:
            return one
        values = changed_outputs(outputs.get(one.before.task_id), outputs.get(one.after.task_id))
        return replace(one, outputs=values)

    return tuple(map(told, changes))


def _difference(documents: Sequence[JsonObject], *, names: tuple[str, str]) -> list[str]:
    if documents[0] == documents[1]:
        return []
    old, new = (_lines(document) for document in documents)
    if max(len(old), len(new)) > _LINES_COMPARED:
        return []
    lines = unified_diff(old, new, *names, lineterm="", n=2)
    return list(islice(lines, LINES_MOST + 1))


def _lines(document: JsonObject) -> list[str]:
    text = dump(document)
    if text.startswith("{"):
        # The text of a large document is one line.
        text = json.dumps(document, indent=1, ensure_ascii=False)
    return text.splitlines()
