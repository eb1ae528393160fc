"""Health as lines: each subject with its state, the worst first.

Used by the command `health` and the console.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.backend_checks import CheckStatus, CheckView, target_text
from core.model.health import (
    UNITS,
    HealthState,
    HealthView,
    LoopBlock,
    Measure,
    MeasureView,
    SubjectLine,
    Unit,
)
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.render.backend_shapes import look_shape, look_text
from core.render.schedule_texts import downtime_text
from core.render.sizes import size_text
from core.render.times import duration_text

OK, WARNING, CRITICAL = HealthState
BLOCK_KEPT_MS = 600_000
"""How long a blocked loop is a warning."""
_CHECKED = {
    CheckStatus.UP: OK,
    CheckStatus.UNKNOWN: OK,
    CheckStatus.SLOW: WARNING,
    CheckStatus.DOWN: CRITICAL,
}
_TOLD = {
    Measure.LOAD: "{} processes for each processor, over a minute",
    Measure.MEMORY: "{} of the memory is available",
    Measure.DISK: "{} free where the data directory is",
    Measure.OUTPUTS: "{} free where the outputs are",
    Measure.INODES: "{} of the inodes are free",
    Measure.STORE: "the store has {}",
    Measure.WAL: "its write-ahead log has {}",
    Measure.LOOP: "its longest turn lately took {}",
    Measure.READER: "the oldest has read for {}",
    Measure.CLOCK: "it was set by {} within ten minutes",
}
_HINTS = {
    Measure.MEMORY: "end something, or run fewer tasks at once: 'taskdeck pools resize'",
    Measure.DISK: "free some room: claims stop before it is full",
    Measure.OUTPUTS: "free some room: claims stop before it is full",
    Measure.INODES: "remove many small files",
    Measure.WAL: "a reader of long ago keeps it from being emptied",
    Measure.LOOP: "a call in the engine holds it: see 'taskdeck events --where kind:engine.blocked'",
}


def subject_lines(view: HealthView) -> tuple[SubjectLine, ...]:
    """Return a line for each subject, the worst first; those of one state in a fixed order."""
    lines = [
        *_engine(view),
        *_tasks(view),
        *map(_backend, view.checks),
        *_limits(view),
        *_schedules(view),
        *_silence(view),
        *_measures(view),
    ]
    return tuple(sorted(lines, key=lambda line: -line.state.rank))


def worst_of(lines: tuple[SubjectLine, ...]) -> HealthState:
    """Return the state of the whole."""
    return max((line.state for line in lines), key=lambda state: state.rank, default=OK)


def value_text(value: float, unit: Unit) -> str:
    """Write a measure in its unit: `2.4`, `38%`, `1.2 GB`, `250ms`."""
    match unit:
        case Unit.SHARE:
            return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"
        case Unit.BYTES:
            return size_text(round(value))
        case Unit.MS:
            return duration_text(round(value))
        case Unit.RATIO:
            return f"{value:.2f}"


def lines_text(line: SubjectLine) -> str:
    """Say from where on a measure warns, and is critical: `soft 500ms, hard 2s`."""
    if line.unit is None:
        return ""
    named = (("soft", line.lines.soft), ("hard", line.lines.hard))
    return ", ".join(f"{word} {value_text(at, line.unit)}" for word, at in named if at is not None)


def block_text(block: LoopBlock) -> str:
    """Say when the loop was blocked last, for how long and by what."""
    by = f": {block.stack[-1]}" if block.stack else ""
    return f"it was blocked for {duration_text(block.ms)} at {to_iso(block.at)}{by}"


def health_shape(view: HealthView) -> JsonObject:
    """Return health as `health --json` has it."""
    lines = subject_lines(view)
    worst = worst_of(lines)
    block = None if view.known is None else view.known.block
    return {
        "state": worst.value,
        "exit": worst.rank,
        "at": to_iso(view.at),
        "engine": view.engine.state,
        "subjects": [_shape(line) for line in lines],
        "backends": [_check_shape(one) for one in view.checks],
        "blocked": None
        if block is None
        else {"at": to_iso(block.at), "ms": block.ms, "stack": list(block.stack)},
    }


def _engine(view: HealthView) -> Iterator[SubjectLine]:
    engine, known = view.engine, view.known
    waiting = sum(view.tasks.get(status, 0) for status in ("queued", "retrying", "running", "blocked"))
    if engine.closed:
        closed = engine.closed[0]
        text = f"nothing is claimed: {closed.message}"
        yield SubjectLine(subject="engine", state=CRITICAL, text=text, since=closed.since, hint=closed.hint)
        return
    if engine.state == "none":
        since = view.stopped_at
        tasks = "1 task waits" if waiting == 1 else f"{waiting:,} tasks wait"
        text = f"no engine is running; {tasks} for one" if waiting else "no engine is running"
        state = WARNING if waiting else OK
        hint = "'taskdeck serve' runs one" if waiting else ""
        yield SubjectLine(subject="engine", state=state, text=text, since=since, hint=hint)
        return
    if engine.state == "silent":
        hint = "'taskdeck doctor' looks at it"
        text = "an engine owns the store and does not answer"
        yield SubjectLine(subject="engine", state=CRITICAL, text=text, hint=hint)
        return
    held = f", {size_text(known.rss)} of memory" if known is not None else ""
    text = f"{engine.state}, {engine.running:,} of {engine.slots:,} slots taken{held}"
    state = OK if engine.state == "serving" else WARNING
    since = None if known is None else known.started_at
    yield SubjectLine(subject="engine", state=state, text=text, since=since)
    if known is not None and known.metrics:
        text = f"metrics are not served at {safe_line(known.metrics)}"
        hint = "give `metrics` another address, then start the engine again"
        yield SubjectLine(subject="metrics", state=WARNING, text=text, hint=hint)
    if known is not None and known.is_collector_lost:
        text = "the process that collects the output of commands is gone"
        hint = "what runs may have lost output; the next command starts another"
        yield SubjectLine(subject="collector", state=CRITICAL, text=text, hint=hint)


def _tasks(view: HealthView) -> Iterator[SubjectLine]:
    held = view.tasks.get("held", 0)
    if view.lost:
        text = f"{view.lost:,} are held because the end of their attempt was not seen"
        hint = "'taskdeck orphans' lists them"
        yield SubjectLine(subject="tasks", state=WARNING, text=text, hint=hint)
    elif held:
        yield SubjectLine(subject="tasks", state=OK, text=f"{held:,} are held by operators")


def _backend(one: CheckView) -> SubjectLine:
    change = one.changes[0] if one.changes else None
    told = change.reason if change is not None and one.status is not CheckStatus.UNKNOWN else ""
    if one.last is not None and (one.last.toward is not None or one.last.look.answered):
        told = look_text(one.last)
    text = f"{one.status}: {told}" if told else str(one.status)
    return SubjectLine(
        subject=f"backend {safe_line(one.backend)}",
        state=_CHECKED[one.status],
        text=safe_line(f"{text} ({target_text(one.check.target)})"),
        since=None if change is None else change.at,
        hint=f"'taskdeck backends close {safe_line(one.backend)}' lets its tasks start all the same"
        if one.status is CheckStatus.DOWN
        else "",
    )


def _limits(view: HealthView) -> Iterator[SubjectLine]:
    if view.is_frozen:
        yield SubjectLine(
            subject="spending",
            state=WARNING,
            text="all spending is stopped",
            hint="'taskdeck budgets unfreeze' lets it go on",
        )
    if view.spent_budgets:
        number = view.spent_budgets
        text = "1 budget is spent" if number == 1 else f"{number:,} budgets are spent"
        yield SubjectLine(subject="budgets", state=WARNING, text=text, hint="'taskdeck budgets' lists them")
    if view.shut:
        text = f"shut or tried out: {', '.join(map(safe_line, view.shut))}"
        yield SubjectLine(subject="breakers", state=WARNING, text=text, hint="'taskdeck backends' tells why")


def _schedules(view: HealthView) -> Iterator[SubjectLine]:
    if view.downtime is not None:
        yield SubjectLine(
            subject="schedules",
            state=CRITICAL,
            text=downtime_text(view.downtime),
            since=view.downtime.since,
            hint="only a running engine fires: 'taskdeck serve --install'",
        )
    elif view.overdue:
        text = f"{view.overdue:,} should have fired: no engine has looked at them"
        yield SubjectLine(
            subject="schedules",
            state=CRITICAL,
            text=text,
            since=view.overdue_since,
            hint="only a running engine fires: 'taskdeck serve --install'",
        )
    elif view.missed:
        text = f"{view.missed:,} times were missed within a day"
        hint = "'taskdeck schedules' tells which; 'schedule backfill' fills them in"
        yield SubjectLine(subject="schedules", state=WARNING, text=text, hint=hint)
    elif view.schedules:
        yield SubjectLine(subject="schedules", state=OK, text=f"{view.schedules:,} will fire")


def _silence(view: HealthView) -> Iterator[SubjectLine]:
    if view.silent:
        yield SubjectLine(
            subject="silence",
            state=CRITICAL,
            text=f"no success in time: {', '.join(map(safe_line, view.silent))}",
            since=view.silent_since,
            hint="'taskdeck schedules' tells since when, the events of its jobs tell why",
        )


def _measures(view: HealthView) -> Iterator[SubjectLine]:
    known = view.known
    for one in view.measures if known is None else known.measures:
        line = _measure(one)
        is_loop = one.measure is Measure.LOOP
        if is_loop and known is not None and known.block is not None:
            line = _with_block(line, known.block, now=view.at)
        yield line


def _measure(one: MeasureView) -> SubjectLine:
    unit = UNITS[one.measure]
    return SubjectLine(
        subject=one.measure.value,
        state=one.state,
        text=_TOLD[one.measure].format(value_text(one.value, unit)),
        since=one.since,
        value=one.value,
        unit=unit,
        lines=one.lines,
        trend=one.trend,
        hint=_HINTS.get(one.measure, "") if one.state is not OK else "",
    )


def _with_block(line: SubjectLine, block: LoopBlock, *, now: int) -> SubjectLine:
    is_recent = now - block.at - block.ms < BLOCK_KEPT_MS
    state = line.state if line.state is not OK or not is_recent else WARNING
    return SubjectLine(
        subject=line.subject,
        state=state,
        text=f"{line.text}; {safe_line(block_text(block))}",
        since=line.since,
        value=line.value,
        unit=line.unit,
        lines=line.lines,
        trend=line.trend,
        hint=_HINTS[Measure.LOOP] if state is not OK else "",
    )


def _shape(line: SubjectLine) -> JsonObject:
    return {
        "subject": line.subject,
        "state": line.state.value,
        "text": line.text,
        "since": None if line.since is None else to_iso(line.since),
        "value": line.value,
        "unit": None if line.unit is None else line.unit.value,
        "soft": line.lines.soft,
        "hard": line.lines.hard,
        "hint": line.hint,
    }


def _check_shape(one: CheckView) -> JsonObject:
    return {
        "name": one.backend,
        "target": target_text(one.check.target),
        "status": one.status.value,
        "last": None if one.last is None else look_shape(one.last),
        "changes": [
            {"at": to_iso(change.at), "status": change.status.value, "reason": change.reason}
            for change in one.changes
        ],
    }
