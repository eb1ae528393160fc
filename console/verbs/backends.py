"""BackendVerbs: open, close and try out breakers: ask, apply, report.

Made by the app; called by the capacity keys through the desk.
"""

from __future__ import annotations

from console.rows.backend_rows import BackendRow, why_text
from console.verbs.apply import ACTOR
from console.verbs.noun_verbs import NounVerbs
from core.control.api import ChangeCapacity
from core.model.commands.capacity import CloseBackend, OnBackend, OpenBackend, ResetBackend
from core.model.errors import TaskdeckError
from core.model.limits.limit_views import BreakerState
from core.model.text import safe_line
from core.render.backend_shapes import look_text


class BackendVerbs(NounVerbs):
    """Verbs on the breaker and the check of one backend."""

    async def switch(self, row: BackendRow) -> bool:
        """Open the breaker of a backend at once, which can be undone; close one that is not closed, asked."""
        name = row.name
        if row.gauge.breaker is not BreakerState.CLOSED:
            return await self._asked(row, "close", CloseBackend(name=name), "all that waits for it starts")
        if not await self._operations.confirm_change("open", f"the breaker of {name}"):
            return False
        change, inverse = _asked(OpenBackend(name=name)), _asked(CloseBackend(name=name))
        title = f"open the breaker of {name}: nothing of it starts"
        return await self._operations.change(title, change, inverse=inverse)

    async def look(self, name: str) -> None:
        """Look at a backend now, and say what it answered."""
        try:
            last = await self._control.health.look(name, actor=ACTOR)
        except TaskdeckError as error:
            self._notices.warn(safe_line(f"look at {name}: {error.message}"))
            return
        show = self._notices.inform if last.look.answered else self._notices.warn
        show(safe_line(f"{name}: {look_text(last)}"))

    async def reset(self, row: BackendRow) -> bool:
        """Let one task try out a backend now, and forget the failures that were counted."""
        is_closed = row.gauge.breaker is BreakerState.CLOSED
        then = "its failures are forgotten" if is_closed else "one task tries it out"
        return await self._asked(row, "reset", ResetBackend(name=row.name), then)

    async def _asked(self, row: BackendRow, verb: str, change: OnBackend, then: str) -> bool:
        title, state = f"{verb} the breaker of {row.name}", row.gauge.breaker
        if self._operations.asks_little:
            why = why_text(row.gauge)
            stands = f"{state} {why}" if why else str(state)
            question = f"{title[:1].upper()}{title[1:]} ({stands}): {then}? [y/N]"
            confirmed = await self._questions.confirm(safe_line(question))
        else:
            confirmed = await self._operations.confirm_change(verb, f"the breaker of {row.name}")
        return confirmed and await self._operations.change(f"{title}: {then}", _asked(change))


def _asked(change: OnBackend) -> ChangeCapacity:
    return ChangeCapacity(change=change, actor=ACTOR)
