"""Two jobs compared, as lines of text and as JSON.

Used by the command `diff` and by the console.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.model.comparisons import Change, JobComparison, TaskChange, TaskRun, ValueChange
from core.model.limits.amounts import write_amount
from core.model.outcomes import error_line
from core.model.text import SafeText, clip, safe_line
from core.model.values import JsonObject, JsonValue
from core.model.views import JobView
from core.render.job_shapes import job_shape
from core.render.times import duration_text

CELLS = 120
"""Cells of one value at the most."""
_SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}


class ComparedLine(NamedTuple):
    """A line, and the sign of what it tells: `+`, `-`, `~`, `#` for a title, or nothing."""

    text: SafeText
    sign: str = ""


def comparison_lines(view: JobComparison) -> Iterator[ComparedLine]:
    """Write what differs between two jobs, the one before first."""
    yield ComparedLine(safe_line(f"{_job(view.before)}  ->  {_job(view.after)}"), "#")
    if view.before.name != view.after.name:
        yield ComparedLine(safe_line("these are runs of different workflows: tasks of one key are compared"))
    yield from _params(view)
    yield from _definition(view)
    yield from _costs(view)
    yield from _tasks(view)


def comparison_shape(view: JobComparison) -> JsonObject:
    """Return a comparison as `diff --json` has it."""
    return {
        "before": job_shape(view.before),
        "after": job_shape(view.after),
        "params": {change.name: _value_shape(change) for change in view.params},
        "definition": list(view.definition),
        "definition_cut": view.definition_cut,
        "costs": [_amounts(cost) for cost in view.costs],
        "counts": dict(view.counts),
        "searched": view.searched,
        "tasks": [_task_shape(one) for one in view.tasks],
    }


def _job(job: JobView) -> str:
    end = job.finished_at
    took = "" if job.started_at is None or end is None else f", {duration_text(end - job.started_at)}"
    return f"job {job.id} {job.name} ({job.status}{took})"


def _params(view: JobComparison) -> Iterator[ComparedLine]:
    if not view.params:
        yield ComparedLine(SafeText("params      the same"))
    for change in view.params:
        yield ComparedLine(safe_line(f"params      {_value(change)}"), "~")


def _definition(view: JobComparison) -> Iterator[ComparedLine]:
    if not view.definition:
        told = "differs, too long to be shown line by line" if view.definition_cut else "the same"
        yield ComparedLine(safe_line(f"definition  {told}"))
        return
    yield ComparedLine(SafeText("definition"), "~")
    for line in view.definition:
        sign = line[:1] if line[:1] in "+-" and line[:3] not in ("+++", "---") else ""
        yield ComparedLine(safe_line(f"  {line}"), sign)
    if view.definition_cut:
        yield ComparedLine(SafeText("  ... more lines differ"))


def _costs(view: JobComparison) -> Iterator[ComparedLine]:
    before, after = view.costs
    if before != after:
        yield ComparedLine(safe_line(f"cost        {_cost(before)} -> {_cost(after)}"), "~")
    elif before:
        yield ComparedLine(safe_line(f"cost        {_cost(before)}"))


def _tasks(view: JobComparison) -> Iterator[ComparedLine]:
    counts = ", ".join(f"{number:,} {word}" for word, number in view.counts.items() if number)
    yield ComparedLine(safe_line(f"tasks       {counts or 'none'}"))
    for one in view.tasks:
        yield ComparedLine(safe_line(f"{_SIGNS[one.change]} {one.key}: {_task(one)}"), _SIGNS[one.change])
        for change in one.outputs:
            yield ComparedLine(safe_line(f"    output {_value(change)}"))
    shown, all_changes = len(view.tasks), sum(view.counts.get(str(change), 0) for change in Change)
    if shown < all_changes:
        yield ComparedLine(safe_line(f"... and {all_changes - shown:,} more tasks that differ"))
    if view.searched is not None:
        yield ComparedLine(safe_line(f"of each job its first {view.searched:,} tasks were compared"))


def _task(one: TaskChange) -> str:
    match one.before, one.after:
        case TaskRun() as before, TaskRun() as after:
            return ", ".join(_differences(before, after, one)) or "differs"
        case (TaskRun() as run, None) | (None, TaskRun() as run):
            error = error_line(run.error)
            return ", ".join(filter(None, (run.status, f"attempts {run.attempts}", clip(error, CELLS))))
        case _:
            return ""


def _differences(before: TaskRun, after: TaskRun, one: TaskChange) -> Iterator[str]:
    if before.status != after.status:
        yield f"{before.status} -> {after.status}"
    if before.tolerated != after.tolerated:
        yield "tolerated" if after.tolerated else "not tolerated any more"
    if before.attempts != after.attempts:
        yield f"attempts {before.attempts} -> {after.attempts}"
    if one.took_differs:
        yield f"took {_took(before)} -> {_took(after)}"
    if before.cost != after.cost:
        yield f"cost {_cost(before.cost)} -> {_cost(after.cost)}"
    if before.error != after.error:
        told = (clip(error_line(run.error), CELLS) or "no error" for run in (before, after))
        yield " -> ".join(told)
    if one.output_differs and not one.outputs:
        yield "another output"


def _took(run: TaskRun) -> str:
    return "?" if run.took is None else duration_text(run.took)


def _cost(cost: Mapping[str, int]) -> str:
    return ", ".join(f"{write_amount(amount)} {unit}" for unit, amount in sorted(cost.items())) or "nothing"


def _value(change: ValueChange) -> str:
    before, after = _said(change.before), _said(change.after)
    if not change.was_there:
        return f"{change.name} added: {after}"
    told = f"{before} -> {after}" if change.is_there else f"removed: {before}"
    return f"{change.name} {told}".strip()


def _said(value: JsonValue) -> str:
    return clip(json.dumps(value, ensure_ascii=False), CELLS)


def _value_shape(change: ValueChange) -> JsonObject:
    before: JsonObject = {"before": change.before} if change.was_there else {}
    return {**before, "after": change.after} if change.is_there else before


def _task_shape(one: TaskChange) -> JsonObject:
    return {
        "key": one.key,
        "change": str(one.change),
        "before": _run_shape(one.before),
        "after": _run_shape(one.after),
        "output_differs": one.output_differs,
        "outputs": {change.name: _value_shape(change) for change in one.outputs},
    }


def _run_shape(run: TaskRun | None) -> JsonObject | None:
    if run is None:
        return None
    return {
        "task": run.task_id,
        "status": run.status,
        "attempts": run.attempts,
        "took_ms": run.took,
        "tolerated": run.tolerated,
        "error": run.error,
        "cost": _amounts(run.cost),
    }


def _amounts(cost: Mapping[str, int]) -> JsonObject:
    return {unit: write_amount(amount) for unit, amount in cost.items()}
