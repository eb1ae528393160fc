"""Failure families: their requests, and the verbs that ask them.

The part `failures` of the ControlAPI.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands import work as commands
from core.model.commands.work import Operated, Operation
from core.model.failures import FamilyList, FamilyScope

ACKNOWLEDGED_MS = 366 * 24 * 3_600_000
"""For how long a failure family may be acknowledged."""


@verb("failures", Kind.READ)
class Families(Request[FamilyList], frozen=True, kw_only=True):
    scope: FamilyScope = FamilyScope.FAILING
    limit: int = PAGE


class OnFamilies(Request[Operated], frozen=True, kw_only=True):
    """Which failure families a verb acts on, and who asks."""

    families: tuple[str, ...]
    reason: str = ""
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_reason(self.reason)


@verb("acknowledge", Kind.CHANGE)
class Acknowledge(OnFamilies, frozen=True, kw_only=True):
    for_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        OnFamilies.__post_init__(self)
        if self.for_ms is not None:
            bounds.check_whole("for_ms", self.for_ms, least=1, most=ACKNOWLEDGED_MS)

    def command(self, actor: str) -> Operation:
        """Return what the journal takes; the actor is signed."""
        return commands.Acknowledge(
            families=self.families, for_ms=self.for_ms, reason=self.reason, actor=actor
        )


@verb("unacknowledge", Kind.CHANGE)
class Unacknowledge(OnFamilies, frozen=True, kw_only=True):
    def command(self, actor: str) -> Operation:
        """Return what the journal takes; the actor is signed."""
        return commands.Unacknowledge(families=self.families, reason=self.reason, actor=actor)


class FailuresReading(Verbs):
    """Failure families, as they stand."""

    async def families(self, scope: FamilyScope = FamilyScope.FAILING, *, limit: int = PAGE) -> FamilyList:
        """Return failure families: returned and new trouble first, then what is acknowledged, by tasks.

        At most 100 families, those that failed last, are looked at, and `searched` says so.
        """
        return await self._control.ask(Families(scope=scope, limit=limit))


class Failures(FailuresReading):
    """Failure families, read and acknowledged."""

    async def acknowledge(
        self, families: Sequence[str], *, for_ms: int | None = None, reason: str = "", actor: str = OPERATOR
    ) -> Operated:
        """Note that failure families are known: for so long, or (None) until they return.

        Their failed tasks are not counted as news meanwhile (`Changes.acknowledged`). What is acknowledged
        already is acknowledged again. Raises `NotFound` (`failure.unknown`) for an unknown id, and changes
        nothing then.
        """
        return await self._control.ask(
            Acknowledge(families=tuple(families), for_ms=for_ms, reason=reason, actor=actor)
        )

    async def unacknowledge(
        self, families: Sequence[str], *, reason: str = "", actor: str = OPERATOR
    ) -> Operated:
        """Count failure families as news again; those that are not acknowledged stay as they are."""
        return await self._control.ask(Unacknowledge(families=tuple(families), reason=reason, actor=actor))
