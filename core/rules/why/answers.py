"""Say what a task outside the slots waits for.

Called for tasks that are `waiting`.
"""

from __future__ import annotations

from core.model.text import safe_line
from core.model.timing.durations import write_duration
from core.model.values import JsonObject, JsonValue, to_iso
from core.model.waits import AwaitFacts, Reason, TaskFacts, WaitCode
from core.rules.why.people import people_reason


def answer_reason(task: TaskFacts) -> Reason:
    """Return what a waiting task waits for, since when, and until when at the latest."""
    if task.people is not None:
        return people_reason(task, task.people)
    text, ends, short, numbers = _awaited(task)
    since = None if task.awaits is None else task.awaits.since
    if task.fails_at is not None:
        text = f"{text}, and fails at {to_iso(task.fails_at)}"
    return Reason(
        code=WaitCode.ANSWER,
        short=short,
        text=text,
        ends=ends,
        since=since,
        until=task.answer_at or task.fails_at,
        numbers=numbers,
    )


def _awaited(task: TaskFacts) -> tuple[str, str, str, JsonObject]:
    """Return the sentence, what would end the wait, a few words for a column, and numbers."""
    awaits = task.awaits
    if task.signal is not None:
        of = f" with the key {safe_line(task.signal_key)}" if task.signal_key else ""
        key = f" --key {safe_line(task.signal_key)}" if task.signal_key else ""
        name = safe_line(task.signal)
        told: JsonObject = {"signal": task.signal, "key": task.signal_key}
        return f"it waits for the signal {name}{of}", f"'taskdeck signal {name}{key}'", f"signal {name}", told
    if awaits is not None and awaits.wanted is not None:
        return _job(awaits)
    if awaits is not None and (awaits.child_id is not None or awaits.asks is not None):
        return _child(awaits)
    if task.answer_at is not None:
        return f"it waits until {to_iso(task.answer_at)}", "that moment", "a moment", {}
    if awaits is not None and awaits.path is not None:
        path = safe_line(awaits.path)
        still = f" and has not changed for {write_duration(awaits.stable_ms)}" if awaits.stable_ms else ""
        text = f"it waits until the file {path} is there{still}"
        return text, f"that file: {path}", f"file {path.rpartition('/')[2]}", {"path": awaits.path}
    if awaits is not None and awaits.every_ms is not None:
        return _poll(awaits, awaits.every_ms)
    return "it is parked until something outside answers", "that answer", "an answer", {}


def _job(awaits: AwaitFacts) -> tuple[str, str, str, JsonObject]:
    how = "has ended" if awaits.wanted == "ended" else f"has ended {awaits.wanted}"
    if awaits.job_id is not None:
        told: JsonObject = {"job": awaits.job_id}
        text = f"it waits until job {awaits.job_id} {how}"
        ends = f"the end of that job: 'taskdeck why {awaits.job_id}' says what it waits for"
        return text, ends, f"job {awaits.job_id}", told
    if awaits.job_key is not None:
        what, told = f"with the key {safe_line(awaits.job_key)}", {"key": awaits.job_key}
        ends = f"a job that is submitted with --key {safe_line(awaits.job_key)}"
    else:
        what, told = f"named {safe_line(awaits.job_name or '')}", {"name": awaits.job_name}
        ends = f"a job of the workflow {safe_line(awaits.job_name or '')}"
    text = f"it waits until a job {what} {how}; no such job was submitted yet"
    return text, ends, f"a job {what}", told


def _child(awaits: AwaitFacts) -> tuple[str, str, str, JsonObject]:
    soon = "the engine, as soon as it has done so"
    if awaits.child_id is None:
        return "its attempt failed; the engine is about to begin its worklet", soon, "its worklet", {}
    number, what = awaits.child_id, "worklet" if awaits.is_worklet else "child"
    job = f"job {number} {safe_line(awaits.child_name or '')}".rstrip()
    told: JsonObject = {"job": number, "name": awaits.child_name, "status": awaits.child_status}
    if awaits.asks is not None:
        text = f"its {what}, {job}, has {awaits.child_status}; the engine works out what that gives out"
        return text, soon, f"{what} job {number}", told
    text = f"it waits for its {what}, {job} ({awaits.child_status or 'it is gone'})"
    if awaits.child_awaits is not None:
        text = f"{text}, which waits for a place under limit {safe_line(awaits.child_awaits)}"
    ends = (
        f"the end of that job: 'taskdeck show {number}' shows it, 'taskdeck why {number}' says why it waits"
    )
    return text, ends, f"{what} job {number}", told


def _poll(awaits: AwaitFacts, every_ms: int) -> tuple[str, str, str, JsonObject]:
    looks = "1 look" if awaits.looks == 1 else f"{awaits.looks:,} looks"
    seen = ", ".join(f"{safe_line(name)} {_shown(value)}" for name, value in awaits.seen.items())
    text = f"it asks again every {write_duration(every_ms)} until the answer is the one that is waited for"
    if seen:
        text = f"{text}; after {looks} that was: {seen}"
    told: JsonObject = {"looks": awaits.looks, "every_ms": every_ms, "seen": awaits.seen}
    return text, "an answer for which `poll.until` is true", "an answer", told


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else safe_line(str(value))
