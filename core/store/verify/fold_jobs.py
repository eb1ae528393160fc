"""Fold the events of a job into its row.

Used by `findings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.model.status import JOB, JOB_FINAL
from core.model.values import JsonValue
from core.store.verify.fold import Fact

_VERDICT, _PAUSE = JOB["verdict"].event, JOB["pause"].event


@dataclass(slots=True, kw_only=True)
class FoldedJob:
    """A job's row as its events tell it."""

    COLUMNS: ClassVar = (
        "status",
        "verdict",
        "reason",
        "verdict_by",
        "verdict_task",
        "verdict_ends",
        "paused_at",
        "paused_by",
        "pause_reason",
        "pinned_at",
        "pinned_by",
        "pin_reason",
        "paused_above",
        "parent_task",
        "root_id",
        "depth",
        "place_set",
        "place_gauge",
    )
    """The columns of `job` that the events tell."""
    status: str | None = None
    verdict: tuple[JsonValue, ...] = (None,) * 5
    pause: tuple[JsonValue, ...] = (None,) * 3
    pin: tuple[JsonValue, ...] = (None,) * 3
    above: int = 0
    link: tuple[JsonValue, ...] = (None, None, 0)
    place: tuple[JsonValue, ...] = (0, None)

    @property
    def columns(self) -> list[JsonValue]:
        """Return what the row holds, in the order of `COLUMNS`."""
        return [self.status, *self.verdict, *self.pause, *self.pin, self.above, *self.link, *self.place]

    def take(self, fact: Fact) -> None:
        """Take what the next event says."""
        values = fact.values
        if fact.kind in ("job.pinned", "job.unpinned"):
            is_pinned = fact.kind == "job.pinned"
            self.pin = (fact.at, fact.actor, values.get("reason", "")) if is_pinned else (None,) * 3
            return
        if fact.kind == "job.purged":
            return
        if fact.kind in ("job.paused_above", "job.resumed_above"):
            self.above = int(fact.kind == "job.paused_above")
            return
        if fact.kind in ("job.took_place", "job.awaits_place"):
            self.place = (values.get("set", 0), values.get("gauge"))
            return
        self.status = fact.kind.partition(".")[2]
        if fact.kind == "job.created":
            self.status = str(values.get("status"))
            self.above = int(bool(values.get("paused_above")))
            self.link = (values.get("parent_task"), values.get("root"), values.get("depth", 0))
        elif fact.kind == _VERDICT:
            told = (values.get(name) for name in ("task", "ends"))
            self.verdict = (values.get("verdict"), values.get("reason"), fact.actor, *told)
            self.place = (self.place[0], None)
        elif values.get("reopened"):
            self.verdict = (None,) * 5
        if self.status in JOB_FINAL:
            self.place = (0, None)
        paused = fact.kind == _PAUSE
        self.pause = (fact.at, fact.actor, values.get("reason")) if paused else (None,) * 3
