"""A progress line on standard error.

Used by `run`, `exec` and `map`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from core.cli.claim_watch import ClaimWatch
from core.cli.output import draw, is_live, note, width
from core.control.api import ControlAPI
from core.model.orphans import OrphanKind
from core.model.status import TASK_FINAL, TASK_PACED, TaskStatus
from core.model.text import clip, safe_line
from core.render.times import duration_text

_CELLS = 24
_LINE_SECONDS = 5.0
_ETA_AFTER = 2.0


class Meter:
    """The progress of one piece of work; `show` it with counts by status as often as they are known."""

    def __init__(self, title: str, *, quiet: bool = False, claims: ClaimWatch | None = None) -> None:
        self.live = is_live(sys.stderr)
        self.silent = quiet and not self.live
        self._title = title
        self._begun = time.monotonic()
        self._line_at = self._begun
        self._drawn = False
        self._claims = claims or ClaimWatch()
        self._lost = 0
        self._set_aside = ""

    @property
    def elapsed_ms(self) -> int:
        """How long the work has taken."""
        return round((time.monotonic() - self._begun) * 1000)

    def show(self, counts: Mapping[str, int]) -> None:
        """Show the counts: at once on a terminal, else each five seconds."""
        if self.silent:
            return
        if self.live:
            bar = f"{_bar(counts)} {self._summary(counts)}"
            draw(f"\r{clip(bar, width() - 1)}\x1b[K")
            self._drawn = True
            return
        if time.monotonic() - self._line_at >= _LINE_SECONDS:
            self._line_at = time.monotonic()
            note(f"{self._title}: {self._summary(counts)}")

    def remark(self, text: str) -> None:
        """Write a line between the rewritten ones."""
        if self.silent:
            return
        self.clear()
        note(text)

    async def warn(self, deck: ControlAPI) -> None:
        """Write that nothing is claimed and why, each minute, and that it is over, also where it is silent.

        Raises `OutOfPatience`.
        """
        engine = await deck.status()
        if engine.set_aside != self._set_aside:
            self._set_aside = engine.set_aside
            self.clear()
            note(safe_line(engine.set_aside))
        line = self._claims.look(engine)
        if line is not None:
            self.clear()
            note(line)

    async def warn_lost(self, deck: ControlAPI, job_id: int, counts: Mapping[str, int]) -> None:
        """Write, each time their number changes, that lost tasks of a job wait for a decision."""
        orphans = await deck.orphans.all() if counts.get(TaskStatus.HELD) else ()
        lost = sum(one.kind is OrphanKind.LOST and one.job_id == job_id for one in orphans)
        if lost and lost != self._lost:
            self.clear()
            note(f"lost and held: {lost}; how their attempts ended was not seen (taskdeck orphans --plan)")
        self._lost = lost

    def clear(self) -> None:
        """Remove the rewritten line."""
        if self._drawn:
            draw("\r\x1b[K")
            self._drawn = False

    def _summary(self, counts: Mapping[str, int]) -> str:
        done, total = _done(counts), sum(counts.values())
        parts = [f"{done}/{total}"]
        parts += [
            f"{word} {counts[word]}" for word in ("running", "retrying", "held", "failed") if counts.get(word)
        ]
        parts.append(duration_text(self.elapsed_ms))
        seconds = self.elapsed_ms / 1000
        if 0 < done < total and seconds > _ETA_AFTER and any(map(counts.get, TASK_PACED)):
            parts.append(f"ETA {duration_text(round(seconds / done * (total - done) * 1000))}")
        return "  ".join(parts)


def _done(counts: Mapping[str, int]) -> int:
    return sum(counts.get(word, 0) for word in TASK_FINAL)


def _bar(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    filled = _CELLS * _done(counts) // total if total else 0
    return f"[{'#' * filled}{'-' * (_CELLS - filled)}]"
