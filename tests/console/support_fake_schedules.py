"""What a fake control answers of schedules."""

from __future__ import annotations

from core.control.nouns import schedules
from core.filters.fields import Noun
from core.model.commands.schedules import Fired
from core.model.commands.work import Effect, Operated
from core.model.errors import NotFound
from core.model.records import replace
from core.model.timing.schedule_views import Backfilled, Downtime, ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import FireStatus
from core.model.views import Page
from core.timetables.timetable import timetable_of
from tests.console.support_fake_limits import FakeLimits
from tests.console.support_fake_rows import NOW


class FakeSchedules(FakeLimits):
    """Answers what reads schedules; `schedule_changes` = what was asked to be changed of them."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule_views: list[ScheduleView] = []
        self.fire_views: list[FireView] = []
        self.downtime: Downtime | None = None
        self.expected_views: list[ExpectationView] = []
        self.backfilled = Backfilled(times=())
        self.schedule_changes: list[object] = []

    def rows_of(self, noun: Noun) -> list:
        return list(self.schedule_views) if noun is Noun.SCHEDULES else super().rows_of(noun)

    async def answer_schedules(self, _: schedules.ListSchedules) -> tuple[ScheduleView, ...]:
        return tuple(self.schedule_views)

    async def answer_expected_workflows(self, _: schedules.ExpectedWorkflows) -> tuple[ExpectationView, ...]:
        return tuple(self.expected_views)

    async def answer_fires_to_come(self, r: schedules.FiresToCome) -> tuple[int, ...]:
        times = timetable_of(r.timing).between(NOW + 1, 2**53, 5)
        return tuple(times)

    async def answer_machine_zone(self, _: schedules.MachineZone) -> str:
        return "Europe/Berlin"

    async def answer_schedule_downtime(self, _: schedules.GetDowntime) -> Downtime | None:
        return self.downtime

    async def answer_schedule(self, r: schedules.GetSchedule) -> ScheduleView:
        for view in self.schedule_views:
            if view.schedule.name == r.name:
                return view
        raise NotFound("schedule.unknown", f"`{r.name}` is not a schedule")

    async def answer_fires(self, r: schedules.Fires) -> Page[FireView]:
        start = int(r.after or 0)
        end = start + r.limit
        return Page(
            rows=tuple(self.fire_views[start:end]), next=str(end) if end < len(self.fire_views) else None
        )

    async def answer_add_schedule(self, r: schedules.AddSchedule) -> Operated:
        return self._changed(r)

    async def answer_edit_schedule(self, r: schedules.EditSchedule) -> Operated:
        return self._changed(r)

    async def answer_switch_schedule(self, r: schedules.SwitchSchedule) -> Operated:
        return self._changed(r)

    async def answer_trigger_schedule(self, r: schedules.TriggerSchedule) -> Fired:
        self._changed(r)
        return Fired(status=FireStatus.SUBMITTED, job_id=7)

    async def answer_backfill_schedule(self, r: schedules.BackfillSchedule) -> Backfilled:
        if r.effect is Effect.CHANGE:
            self._changed(r)
        return replace(self.backfilled, done=r.effect is Effect.CHANGE)

    def _changed(self, request: object) -> Operated:
        self.schedule_changes.append(request)
        return Operated(changed=1)
