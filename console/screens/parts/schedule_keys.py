"""Schedule keys: ask what a verb on a schedule needs.

Owned by the screens of schedules and of one schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from console.desk import Desk
from console.screens.parts.hosts import VerbHost
from console.verbs.reasons import NO_ENGINE, SCHEDULES
from console.widgets.line_dialog import LineDialog
from core.model.schedule_views import ScheduleView
from core.model.text import SafeText, safe_line

_NOTHING = SafeText("no schedule here")
_NO_NEXT = SafeText("it has no next time")


class ScheduleKeys:
    """Asks for what a verb needs to know, and carries it out on the schedule that is chosen."""

    def __init__(self, desk: Desk, host: VerbHost, *, chosen: Callable[[], ScheduleView | None]) -> None:
        self._desk = desk
        self._host = host
        self._chosen = chosen

    def why_not(self, action: str) -> SafeText:
        """Say why one of these actions cannot be taken now; '' = it can, or it is none of them."""
        if action not in SCHEDULES:
            return SafeText("")
        refusal, view = self._desk.gate.refusal, self._chosen()
        if refusal:
            return refusal
        if self._desk.feed.pulse.engine is None:
            return NO_ENGINE
        if view is None:
            return _NOTHING
        return _NO_NEXT if action == "skip" and view.due_at is None else SafeText("")

    def trigger(self) -> None:
        """Fire the schedule now."""
        self._act(self._desk.schedules.trigger)

    def pause(self) -> None:
        """Pause the schedule, or resume it."""
        self._act(self._desk.schedules.pause)

    def skip(self) -> None:
        """Pass over its next time."""
        self._act(self._desk.schedules.skip)

    def remove(self) -> None:
        """Let it fire no more."""
        self._act(self._desk.schedules.remove)

    def backfill(self) -> None:
        """Fire for times that have no job, since a moment that is typed."""
        self._act(self._backfill)

    async def _backfill(self, view: ScheduleView) -> bool:
        question = safe_line(f"Fill in times of {view.schedule.name} that have no job, since when?")
        since = await self._host.ask(LineDialog(question, placeholder="3d, 2026-11-28, 2026-11-28T02:10"))
        return bool(since.strip()) and await self._desk.schedules.backfill(view, since.strip())

    def _act(self, verb: Callable[[ScheduleView], Coroutine[None, None, bool]]) -> None:
        view = self._chosen()
        if view is None:
            self._host.tell(_NOTHING)
            return

        async def carry_out() -> None:
            await verb(view)
            self._host.reload_for_operator()

        self._host.begin(carry_out, group="act")
