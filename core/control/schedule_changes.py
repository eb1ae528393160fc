"""Answers to requests that change schedules or fire them.

Used by `LocalControl`; what changes is signed with the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from core.control.nouns.schedules import (
    AddSchedule,
    BackfillSchedule,
    EditSchedule,
    Switch,
    SwitchSchedule,
    TriggerSchedule,
)
from core.host import own_surroundings
from core.model.actors import signed

if TYPE_CHECKING:
    from core.control.answers import Answers
    from core.model.commands.schedules import Fired
    from core.model.commands.work import Effect, Operated
    from core.model.surroundings import Surroundings
    from core.model.timing.schedule_views import Backfilled
    from core.model.timing.schedules import Schedule


class Put(Protocol):
    """Keep a schedule with the surroundings that its tasks get."""

    async def __call__(
        self, schedule: Schedule, surroundings: Surroundings, *, reason: str, actor: str
    ) -> Operated: ...


class ScheduleVerbsPort(Protocol):
    """What is asked of the engine; everything is acknowledged after its commit."""

    @property
    def add(self) -> Put:
        """Add a schedule."""

    @property
    def edit(self) -> Put:
        """Put a schedule in the place of another."""

    async def remove(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire no more."""

    async def pause(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire nothing until it is resumed."""

    async def resume(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire again."""

    async def skip(self, name: str, *, reason: str, actor: str) -> Operated:
        """Pass over the next time."""

    async def reset(self, name: str, *, reason: str, actor: str) -> Operated:
        """Take it back to what is configured."""

    async def trigger(self, name: str, *, actor: str) -> Fired:
        """Fire now."""

    async def backfill(self, name: str, begin: int, end: int, *, effect: Effect, actor: str) -> Backfilled:
        """Fire for times that passed."""


class SchedulingPort(Protocol):
    """An engine that has schedules."""

    @property
    def schedule_verbs(self) -> ScheduleVerbsPort:
        """What changes schedules and fires them by hand."""


class ScheduleAnswers:
    """The answers of the part `schedules`."""

    def __init__(self, engine: SchedulingPort, user: str) -> None:
        self._engine = engine
        self._user = user

    def add_to(self, answers: Answers) -> None:
        """Put the answers into a table."""
        answers.to(AddSchedule, self._add)
        answers.to(EditSchedule, self._edit)
        answers.to(SwitchSchedule, self._switch)
        answers.to(TriggerSchedule, self._trigger)
        answers.to(BackfillSchedule, self._backfill)

    @property
    def _verbs(self) -> ScheduleVerbsPort:
        return self._engine.schedule_verbs

    async def _trigger(self, request: TriggerSchedule) -> Fired:
        return await self._verbs.trigger(request.name, actor=self._signed(request.actor))

    async def _add(self, request: AddSchedule) -> Operated:
        return await self._put(self._verbs.add, request)

    async def _edit(self, request: EditSchedule) -> Operated:
        return await self._put(self._verbs.edit, request)

    async def _put(self, put: Put, request: AddSchedule | EditSchedule) -> Operated:
        surroundings = request.surroundings or own_surroundings()
        actor = self._signed(request.actor)
        return await put(request.schedule, surroundings, reason=request.reason, actor=actor)

    async def _switch(self, request: SwitchSchedule) -> Operated:
        verbs, name, actor = self._verbs, request.name, self._signed(request.actor)
        match request.switch:
            case Switch.REMOVE:
                return await verbs.remove(name, reason=request.reason, actor=actor)
            case Switch.PAUSE:
                return await verbs.pause(name, reason=request.reason, actor=actor)
            case Switch.RESUME:
                return await verbs.resume(name, reason=request.reason, actor=actor)
            case Switch.SKIP:
                return await verbs.skip(name, reason=request.reason, actor=actor)
            case Switch.RESET:
                return await verbs.reset(name, reason=request.reason, actor=actor)
            case _:
                assert_never(request.switch)

    async def _backfill(self, request: BackfillSchedule) -> Backfilled:
        actor = self._signed(request.actor)
        return await self._verbs.backfill(
            request.name, request.begin, request.end, effect=request.effect, actor=actor
        )

    def _signed(self, actor: str) -> str:
        return signed(actor, self._user)
