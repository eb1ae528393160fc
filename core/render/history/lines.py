"""One event as a line of the history.

Used by the command `history` and by the console.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from core.model.commands.work import ENGINE
from core.model.events import BIRTHS, EventView
from core.model.status import JOB_MOVES, STAGE_MOVES, TASK_MOVES
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, JsonValue
from core.render.history.facts import filled, listed, named_in, output_told, params_told, said
from core.render.history.phrases import PHRASES, Phrase
from core.render.json_shapes import event_shape

_AFTER = {move.event: str(move.target) for moves in (JOB_MOVES, STAGE_MOVES, TASK_MOVES) for move in moves}
_TOLD_STATUS = ("job.created", "task.created", "task.rerun")
"""Kinds that tell the status they bring."""
_APART = ("from", "reason", "params", "params_left_out", "output", "family")
"""Facts that a line has a place of its own for."""
_UNKNOWN = Phrase("{kind}", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """What happened, to what, by whom and why; `before` and `after` where a status changed."""

    event: EventView
    subject: SafeText
    told: SafeText
    before: str | None = None
    after: str | None = None
    who: str | None = None
    """A person, or what acts for one; the engine is not named."""
    reason: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether it happened to the job, or to something around it."""
        return self.event.job_id is not None

    @property
    def name(self) -> SafeText:
        """Return the subject, marked with `~` where it is around the job."""
        return self.subject if self.is_own else SafeText(f"~ {self.subject}")

    @property
    def move(self) -> str:
        """Return the change of status, `queued -> running`, or `is open` of a first one; '' = none."""
        if self.after is None or self.event.kind in BIRTHS:
            return ""
        return f"{self.before} -> {self.after}" if self.before else f"is {self.after}"

    @property
    def what(self) -> SafeText:
        """Return all but subject, actor and reason."""
        return SafeText(", ".join(filter(None, (self.move, self.told))) or "happened")

    @property
    def cause(self) -> SafeText:
        """Return who and why, `by ana (cli): wrong date`."""
        who = f"by {self.who}" if self.who else ""
        return safe_line(": ".join(filter(None, (who, said(self.reason) if self.reason else ""))))

    @property
    def text(self) -> SafeText:
        """Return the whole sentence."""
        cause = f" ({self.cause})" if self.cause else ""
        return safe_line(f"{self.name}: {self.what}{cause}")


def line_of(event: EventView) -> HistoryLine:
    """Return the line of an event, whatever its facts hold."""
    phrase = PHRASES.get(event.kind, _UNKNOWN)
    known: dict[str, JsonValue] = {**event.data, **_of_row(event)}
    data = event.data
    parts = [
        filled(phrase.told, known),
        params_told(data),
        *_more(event),
        listed(data, leaving={*_APART, *phrase.hidden, *named_in(*phrase[:2])}),
        output_told(data.get("output")),
    ]
    before, reason = data.get("from"), data.get("reason")
    return HistoryLine(
        event=event,
        subject=safe_line(filled(phrase.subject, known)),
        told=safe_line(", ".join(filter(None, parts))),
        before=before if isinstance(before, str) else None,
        after=_after(event),
        who=None if event.actor in (None, ENGINE) else event.actor,
        reason=reason if isinstance(reason, str) and reason else None,
    )


def line_shape(line: HistoryLine) -> JsonObject:
    """Return a line as `history --json` has it: the event, and what the line says."""
    return {
        **event_shape(line.event),
        "noise": line.event.noise,
        "own": line.is_own,
        "subject": line.subject,
        "before": line.before,
        "after": line.after,
        "reason": line.reason,
        "text": line.text,
    }


def _of_row(event: EventView) -> Mapping[str, JsonValue]:
    """Return what the columns of an event say; they are stronger than its facts of the same names."""
    told = event.data
    stage = told.get("name") or told.get("stage")
    known: dict[str, JsonValue] = {"kind": event.kind, "job_id": event.job_id, "attempt": event.attempt}
    if event.kind.startswith("stage."):
        known["name"] = stage
    if event.task_id is not None and event.kind != "once.refused":
        known["key"] = event.key or told.get("key") or f"task {event.task_id}"
    return known


def _after(event: EventView) -> str | None:
    if event.kind in _TOLD_STATUS:
        status = event.data.get("status")
        return status if isinstance(status, str) else None
    return _AFTER.get(event.kind)


def _more(event: EventView) -> list[str]:
    """Return what some kinds say in words of their own."""
    data = event.data
    match event.kind:
        case "job.running" if data.get("reopened"):
            return ["it is open again"]
        case "job.ending":
            ends, task = data.get("ends"), data.get("task")
            by = [] if task is None else [f"brought by task {said(task)}"]
            return [*by, f"{said(ends)} {'task' if ends == 1 else 'tasks'} had not ended"] if ends else by
        case "job.took_place":
            limit = data.get("limit")
            return [f"has a place under limit {said(limit)}" if limit else "goes on without a place"]
        case "task.created":
            most = data.get("max_attempts")
            return [_needs(data), "" if most in (None, 1) else f"at most {said(most)} attempts"]
        case "task.failed" if data.get("tolerated"):
            return ["tolerated: the job goes on"]
        case "task.stop_requested":
            # A task that waits for the end of its job has no attempt that could be named.
            own = [f"attempt {event.attempt}"] if event.attempt else []
            return [*own, "its processes are killed"] if data.get("how") == "kill" else own
        case "variable.set":
            was, value = (json.dumps(data.get(name), ensure_ascii=False) for name in ("was", "value"))
            return [f"{said(was)} -> {said(value)}"]
        case "task.succeeded" | "task.failed" | "task.cancelled" | "task.skipped" if event.attempt:
            return [f"attempt {event.attempt}"]
        case _:
            return []


def _needs(data: JsonObject) -> str:
    needs = data.get("needs")
    if not isinstance(needs, list) or not needs:
        return ""
    keys = [said(need.get("key")) for need in needs if isinstance(need, dict)]
    left_out = data.get("needs_left_out")
    return "needs " + ", ".join(keys) + (f" and {left_out} more" if isinstance(left_out, int) else "")
