"""Texts and exit statuses: how work ended, what an operator's command changed.

Used by `run`, `exec`, `map`, `show`, `orphans` and the operators' verbs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.cli.arguments import Common
from core.cli.output import emit, note, say, status
from core.control.api import EventQuery, Filter, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import In
from core.model.commands.work import Effect, Forecast, Operated
from core.model.errors import Conflict, TaskdeckError
from core.model.limits.usage import EXHAUSTED_EXIT
from core.model.outcomes import error_line
from core.model.text import clip, safe_line
from core.model.values import INBOX, JsonObject, JsonValue
from core.model.views import JobView, TaskView
from core.render.prediction_texts import cost_shape, starts_text

EXIT = {"succeeded": 0, "failed": 1, "cancelled": 3}
"""Exit status for the final status of a job or task."""
INCOMPLETE = 7
"""Exit status of `exec` when the program succeeded and part of its output is missing."""
EXHAUSTED = EXHAUSTED_EXIT
"""Exit status where a spent budget cut the work short, or kept it from its begin."""
_EXHAUSTED_CODE = "budget.exhausted"
SHOWN = 10
"""Failed tasks, or refusals, that are listed."""
_MESSAGE = 200
_CUT = "kind:output.cut"
_PAGE = 1_000


def counts_text(counts: Mapping[str, int]) -> str:
    """Write counts by status: `3 succeeded, 1 failed`."""
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"


def job_counts_text(counts: Mapping[str, int], tolerated: int) -> str:
    """Write the tasks of a job by status, and how many of its failures are tolerated."""
    return counts_text(counts) + (f" ({tolerated} tolerated)" if tolerated else "")


def exit_status(counts: Mapping[str, int]) -> int:
    """Return the exit status of loose tasks: 1 if one failed, else 3 if one was cancelled, else 0."""
    if counts.get("failed"):
        return EXIT["failed"]
    return EXIT["cancelled"] if counts.get("cancelled") else 0


def is_exhausted(task: TaskView) -> bool:
    """Return whether a spent budget cut a task short, or kept it from its begin."""
    code = task.error.get("code") if task.error else None
    return task.partial or (task.status == "failed" and code == _EXHAUSTED_CODE)


async def is_job_exhausted(deck: ReadingAPI, job: JobView) -> bool:
    """Return whether a spent budget brought the verdict of a job, or cut one of its tasks short."""
    if job.verdict_task is not None:
        return is_exhausted((await deck.task(job.verdict_task)).task)
    query = EventQuery(job_id=job.id, filter=parse("kind:task.exhausted", Noun.EVENTS))
    told = {event.task_id for event in (await deck.events(query)).rows}
    ids = tuple(sorted(task_id for task_id in told if task_id is not None))
    if not ids:
        return False
    found = await deck.tasks(Filter(noun=Noun.TASKS, terms=(In(field="id", values=ids),)))
    return any(map(is_exhausted, found.rows))


def is_whole(output: JsonValue) -> bool:
    """Return whether an output of a task says that nothing of it is missing."""
    return not (isinstance(output, dict) and (output.get("dropped") or output.get("lost")))


async def failed_tasks(deck: ReadingAPI, among: In) -> tuple[TaskView, ...]:
    """Return the first failed tasks of a job or group, one more than is shown if there are more.

    None where they cannot be read: the result of the work is known, and this only adds to it.
    """
    terms = (among, In(field="status", values=("failed",)))
    try:
        return (await deck.tasks(Filter(noun=Noun.TASKS, terms=terms), limit=SHOWN + 1)).rows
    except TaskdeckError:
        return ()


def say_failed(tasks: Sequence[TaskView], *, arguments: Common, where: str) -> None:
    """Write each failed task with its error and the command that shows its output."""
    for task in tasks[:SHOWN]:
        name = f" ({safe_line(clip(task.name, 60))})" if task.name and task.name != task.key else ""
        say("  ", status("failed"), f" {safe_line(task.key)}{name}: {error_text(task.error)}")
        ref = str(task.id) if task.job_id == INBOX else f"{task.job_id}/{task.key}"
        say(f"    {arguments.command('logs', ref)}")
    if len(tasks) > SHOWN:
        more = arguments.command("tasks", "--where", f"{where} status:failed")
        say(f"  and more: {more}")


async def cut_of_job(deck: ReadingAPI, job_id: int) -> tuple[int, ...]:
    """Return the ids of the tasks of a job whose last attempt left an output that is not whole.

    None where they cannot be read: the result of the work is known, and this only adds to it.
    """
    query = EventQuery(job_id=job_id, filter=parse(_CUT, Noun.EVENTS))
    try:
        return await _still_cut(deck, await _told(deck, query, after=0))
    except TaskdeckError:
        return ()


async def cut_among(deck: ReadingAPI, ids: Collection[int]) -> tuple[int, ...]:
    """Return those of some loose tasks whose output is not whole, as `cut_of_job` does."""
    first = min(ids)
    query = EventQuery(job_id=INBOX, filter=parse(f"{_CUT} task>={first}", Noun.EVENTS))
    try:
        # The events before those of the first task do not matter, and may be many.
        births = (await deck.events(EventQuery(task_id=first), limit=1)).rows
        told = await _told(deck, query, after=births[0].id if births else 0)
        wanted = frozenset(ids)
        return await _still_cut(deck, {task: attempt for task, attempt in told.items() if task in wanted})
    except TaskdeckError:
        return ()


def note_cut(ids: Sequence[int], *, arguments: Common) -> None:
    """Say on standard error how many outputs are not whole, and which commands show what is left."""
    if not ids:
        return
    whose = f"task {ids[0]}" if len(ids) == 1 else f"{len(ids)} tasks"
    note(
        f"the output of {whose} is not whole: it went over its limit, or could not be written; what is left:"
    )
    for task_id in ids[:SHOWN]:
        note(f"  {arguments.command('logs', f'#{task_id}')}")
    if len(ids) > SHOWN:
        note(f"  and more: {arguments.command('events', '--where', f'{_CUT} task>={ids[SHOWN]}')}")


async def _told(deck: ReadingAPI, query: EventQuery, *, after: int) -> dict[int, int]:
    """Return the last attempt of each task that an event of the query names."""
    told: dict[int, int] = {}
    while True:
        page = await deck.events(query, after_id=after, limit=_PAGE)
        told |= {one.task_id: one.attempt or 0 for one in page.rows if one.task_id is not None}
        if page.next is None:
            return told
        after = int(page.next)


async def _still_cut(deck: ReadingAPI, told: dict[int, int]) -> tuple[int, ...]:
    """Leave out tasks that ran again since, and whose output is another one."""
    ids = sorted(told)
    cut: list[int] = []
    for start in range(0, len(ids), _PAGE):
        some = In(field="id", values=tuple(ids[start : start + _PAGE]))
        found = await deck.tasks(Filter(noun=Noun.TASKS, terms=(some,)), limit=_PAGE)
        cut += [task.id for task in found.rows if task.attempts == told[task.id]]
    return tuple(sorted(cut))


def cause_text(by: object, reason: object) -> str:
    """Write who brought something to its status, and why."""
    who = f"by {safe_line(str(by))}" if by else ""
    why = safe_line(clip(str(reason), _MESSAGE)) if reason else ""
    return ": ".join(part for part in (who, why) if part)


def error_text(error: JsonObject | None) -> str:
    """Write the error of a task on one line."""
    if not error:
        return "no error was recorded"
    return clip(error_line(error), _MESSAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an operator's command is reported: the word for what was done, and what may follow it."""

    done: str
    effect: Effect = Effect.CHANGE
    engine_runs: bool = True
    """False = what was changed is recorded, and nothing runs it."""


def report_changes(result: Operated, outcome: Outcome, *, arguments: Common) -> int:
    """Write what changed, what was refused and how jobs will end; return the exit status.

    `Conflict` if all was refused: a script has to notice that nothing was done.
    """
    if arguments.json:
        emit(_changes_shape(result, outcome))
    else:
        _say_changes(result, outcome)
        for forecast in result.forecasts[:SHOWN]:
            note(f"  {forecast_text(forecast, arguments)}")
    if result.changed and outcome.effect is Effect.CHANGE and not outcome.engine_runs:
        serve = arguments.command("serve")
        note(f"recorded, but no engine is running, so nothing is started: run '{serve}'")
    return Conflict.exit_code if result.refused and not result.changed else 0


def forecast_text(forecast: Forecast, arguments: Common) -> str:
    """Say how a job that goes on will end at best, and what runs all of it again."""
    at_best = f"job {forecast.job_id} goes on and ends as {forecast.status} at best"
    if not forecast.reason:
        return at_best
    rest = arguments.command("retry", str(forecast.job_id))
    return f"{at_best}: {safe_line(forecast.reason)}; '{rest}' runs the rest again too"


def _say_changes(result: Operated, outcome: Outcome) -> None:
    would = "not done: would have " if outcome.effect is Effect.NONE else ""
    refused = f", refused {len(result.refused)}" if result.refused else ""
    say(f"{would}{outcome.done} {result.changed}{refused}")
    _note_starts(result)
    for refusal in result.refused[:SHOWN]:
        note(f"  {refusal.id}: {safe_line(refusal.reason)} ({safe_line(refusal.hint)})")
    if len(result.refused) > SHOWN:
        note(f"  and {len(result.refused) - SHOWN} more; all of them: --json")


def _changes_shape(result: Operated, outcome: Outcome) -> JsonObject:
    return {
        "changed": result.changed,
        "refused": [refusal._asdict() for refusal in result.refused],
        "jobs": [
            {"job": forecast.job_id, "status_at_best": forecast.status, "reason": forecast.reason}
            for forecast in result.forecasts
        ],
        **_starts_shape(result),
        "dry_run": outcome.effect is Effect.NONE,
        "engine_runs": outcome.engine_runs,
    }


def _note_starts(result: Operated) -> None:
    """Write what would start, if anything would."""
    if result.starts:
        note(f"  {starts_text(result)}")


def _starts_shape(result: Operated) -> JsonObject:
    """Return the ids of what would start, and the amounts by unit, as JSON."""
    return {"starts": list(result.starts), "costs": [cost_shape(cost) for cost in result.costs]}
