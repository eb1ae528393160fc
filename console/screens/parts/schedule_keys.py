"""Schedule keys: ask what a verb on a schedule needs.

Owned by the screens of schedules and of one schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from console.desk import Desk
from console.dialogs.schedule_form import ScheduleDialog
from console.newjob.documents import working_folder
from console.newjob.schedule_work import Place
from console.screens.parts.hosts import VerbHost
from console.verbs.reasons import NO_ENGINE, SCHEDULES
from console.widgets.line_dialog import LineDialog
from core.model.text import SafeText, safe_line
from core.model.timing.schedule_views import ScheduleView
from core.model.timing.schedules import Schedule

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
        if action == "add_schedule":
            return SafeText("")
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

    def add(self) -> None:
        """Fill in the form of a new schedule."""
        self._host.begin(self._add, group="act")

    def edit(self) -> None:
        """Fill in the form of the schedule again; what is emptied is taken away."""
        self._act(self._edit)

    def backfill(self) -> None:
        """Fire for times that have no job, since a moment that is typed."""
        self._act(self._backfill)

    async def _backfill(self, view: ScheduleView) -> bool:
        question = safe_line(f"Fill in times of {view.schedule.name} that have no job, since when?")
        since = await self._host.ask(LineDialog(question, placeholder="3d, 2026-11-28, 2026-11-28T02:10"))
        return bool(since.strip()) and await self._desk.schedules.backfill(view, since.strip())

    async def _add(self) -> None:
        zone = await self._desk.control.schedules.machine_zone()
        await self._fill_in(None, zone=zone)
        self._host.reload_for_operator()

    async def _edit(self, view: ScheduleView) -> bool:
        return await self._fill_in(view.rule, zone=view.rule.timing.zone)

    async def _fill_in(self, before: Schedule | None, *, zone: str) -> bool:
        dialog = ScheduleDialog(
            self._desk.control,
            before,
            zone=zone,
            place=Place(folder=working_folder(), host=self._desk.host),
            confirm=self._desk.operations.confirm_change,
        )
        saved = await self._host.ask(dialog)
        if saved is None:
            return False
        how = "edited" if before is not None else "added"
        await self._desk.schedules.tell_saved(saved.name, how if saved.changed else "nothing changed")
        return saved.changed

    def _act(self, verb: Callable[[ScheduleView], Coroutine[None, None, bool]]) -> None:
        view = self._chosen()
        if view is None:
            self._host.tell(_NOTHING)
            return

        async def carry_out() -> None:
            await verb(view)
            self._host.reload_for_operator()

        self._host.begin(carry_out, group="act")
