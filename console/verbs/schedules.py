"""ScheduleVerbs: fire, pause, skip, backfill, remove: ask, apply, report.

Made by the app; called by the schedule keys through the desk.
"""

from __future__ import annotations

from console.verbs.apply import ACTOR
from console.verbs.noun_verbs import NounVerbs
from console.verbs.questions import CountQuestion, Plan
from console.verbs.tiers import BOUNDED, Scope
from core.control.api import Switch, SwitchSchedule
from core.model.commands.schedules import Fired
from core.model.commands.work import Effect
from core.model.errors import TaskdeckError
from core.model.present import present_ms
from core.model.text import SafeText, safe_line
from core.model.timing.moments import parse_past
from core.model.timing.schedule_views import Backfilled, ScheduleView
from core.model.timing.schedules import FireStatus, Overlap
from core.render.schedule_texts import moment_text, schedule_facts, silent_gap

_NOT_LASTING = SafeText(
    "the engine that runs ends with this console or at log-out: `taskdeck serve --install` has one that lasts"
)
_LISTED = 20
"""Times of a backfill that its question lists."""


class ScheduleVerbs(NounVerbs):
    """Verbs on one schedule."""

    async def trigger(self, view: ScheduleView) -> bool:
        """Fire now, after one key; what its overlap makes of that is told before."""
        name = view.schedule.name
        if not await self._confirmed("trigger", name, f"Trigger {name} now{_beside(view)}? [y/N]"):
            return False
        try:
            fired = await self._control.schedules.trigger(name, actor=ACTOR)
        except TaskdeckError as error:
            self._refuse(f"trigger {name}", error)
            return False
        is_fine = fired.status in (FireStatus.SUBMITTED, FireStatus.WAITING)
        show = self._notices.inform if is_fine else self._notices.warn
        show(safe_line(f"trigger {name}: {_fired_text(fired)}"))
        return is_fine

    async def pause(self, view: ScheduleView) -> bool:
        """Pause a schedule, or resume it; either can be undone."""
        name = view.schedule.name
        switches = (Switch.PAUSE, Switch.RESUME)
        switch, inverse = switches if view.paused is None else switches[::-1]
        if not await self._operations.confirm_change(switch, f"schedule {name}"):
            return False
        return await self._operations.change(
            f"{switch} schedule {name}", _switched(name, switch), inverse=_switched(name, inverse)
        )

    async def skip(self, view: ScheduleView) -> bool:
        """Pass over the next time, after one key."""
        name = view.schedule.name
        if view.due_at is None:
            self._notices.inform(safe_line(f"{name} has no next time"))
            return False
        at = moment_text(view.due_at, view.schedule.timing.zone)
        if not await self._confirmed("skip", name, f"Skip the fire of {name} at {at}? [y/N]"):
            return False
        return await self._operations.change(f"skip {name} at {at}", _switched(name, Switch.SKIP))

    async def remove(self, view: ScheduleView) -> bool:
        """Plan, reason, then fire no more."""
        name = view.schedule.name
        then = "then        it fires no more; jobs that it submitted go on, times that wait are skipped"
        lines = (*schedule_facts(view), safe_line(then))
        reason = await self._questions.plan(Plan(title=f"remove schedule {name}", lines=lines))
        if reason is None:
            return False
        request = SwitchSchedule(name=name, switch=Switch.REMOVE, reason=reason, actor=ACTOR)
        return await self._operations.change(f"remove schedule {name}", request)

    async def tell_saved(self, name: str, what: str) -> None:
        """Tell what was saved, when it fires next, and that the engine may be gone by then."""
        try:
            view = await self._control.schedules.one(name)
            is_lasting = (await self._control.status()).is_lasting
        except TaskdeckError as error:
            self._refuse(f"schedule {name} {what}", error)
            return
        zone = view.schedule.timing.zone
        due = "" if view.due_at is None else f", next {moment_text(view.due_at, zone)}"
        self._notices.inform(safe_line(f"schedule {name}: {what}{due}"))
        gap = silent_gap(view)
        if gap is not None:
            self._notices.warn(safe_line(f"{name} counts as silent between its times: {gap}"))
        if due and not is_lasting:
            self._notices.warn(_NOT_LASTING)

    async def backfill(self, view: ScheduleView, since: str) -> bool:
        """Work out which times since a moment, as typed, have no job; list them, ask, and fire for them."""
        name = view.schedule.name
        try:
            until = present_ms()
            begin = parse_past(since, now=until)
            planned = await self._control.schedules.backfill(
                name, begin, until, effect=Effect.NONE, actor=ACTOR
            )
            if not planned.times:
                self._notices.inform(safe_line(f"{name}: each time since then has a job{_left_out(planned)}"))
                return False
            if not await self._is_backfill_meant(view, planned):
                return False
            done = await self._control.schedules.backfill(name, begin, until, actor=ACTOR)
        except TaskdeckError as error:
            self._refuse(f"backfill {name}", error)
            return False
        self._notices.inform(safe_line(f"backfill {name}: fires for {len(done.times):,} times"))
        return bool(done.times)

    async def _is_backfill_meant(self, view: ScheduleView, planned: Backfilled) -> bool:
        name, zone, number = view.schedule.name, view.schedule.timing.zone, len(planned.times)
        times = [moment_text(at, zone) for at in planned.times]
        counted = "1 time" if number == 1 else f"{number:,} times"
        if number <= BOUNDED and self._operations.asks_little:
            span = times[0] if number == 1 else f"{times[0]} to {times[-1]}"
            question = f"Fire {name} for {counted}, {span}, one after the other{_left_out(planned)}? [y/N]"
            return await self._questions.confirm(safe_line(question))
        more = [] if number <= _LISTED else [f"... and {number - _LISTED:,} more"]
        return await self._questions.count(
            CountQuestion(
                verb="fire",
                scope=Scope(targets=(), name=f"{name} for {counted}", number=number),
                effect=tuple(map(safe_line, [*times[:_LISTED], *more])),
            )
        )

    async def _confirmed(self, verb: str, name: str, question: str) -> bool:
        if self._operations.asks_little:
            return await self._questions.confirm(safe_line(question))
        return await self._operations.confirm_change(verb, f"schedule {name}")

    def _refuse(self, title: str, error: TaskdeckError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self._notices.warn(safe_line(f"{title}: {error.message}{hint}"))


def _switched(name: str, switch: Switch) -> SwitchSchedule:
    return SwitchSchedule(name=name, switch=switch, actor=ACTOR)


def _beside(view: ScheduleView) -> str:
    """Say what becomes of a fire beside the jobs that have not ended."""
    number = view.open_jobs + view.waiting
    if not number:
        return ""
    jobs = f"{view.open_jobs:,} open, {view.waiting:,} wait"
    match view.schedule.policy.overlap:
        case Overlap.SKIP:
            return f" ({jobs}: it would be skipped)"
        case Overlap.QUEUE:
            return f" ({jobs}: it waits for them)"
        case Overlap.REPLACE:
            return f" ({jobs}: it cancels them)"
        case Overlap.ALLOW:
            return f" ({jobs}: it starts beside them)"


def _fired_text(fired: Fired) -> str:
    if fired.job_id is not None:
        return f"job {fired.job_id}"
    status = FireStatus.FAILED if fired.status is None else fired.status
    return f"{status}: {fired.reason}" if fired.reason else str(status)


def _left_out(planned: Backfilled) -> str:
    return f" ({planned.left_out:,} had a fire before)" if planned.left_out else ""
