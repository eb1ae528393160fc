"""An open attempt, with the ports and timeouts that attempts run with.

Used by the runner and its parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from core.engine.attempts.task_surroundings import TaskSurroundings
from core.engine.attempts.usage_reports import UsageReports
from core.engine.expression_scopes import ExpressionScope
from core.engine.set_aside import Note
from core.engine.shortage import Shortage
from core.executors.child import ChildExecutor
from core.logs import bound
from core.model.commands.work import Claimed, NoteAttempt
from core.model.errors import Invalid
from core.model.outcomes import Outcome
from core.model.patterns.artifacts import ArtifactFile
from core.model.patterns.instances import Item
from core.model.ports import AttemptRef, Clock, Connector
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue


class Connectors(Protocol):
    """Find connectors by the name after `uses:`."""

    def get(self, name: str) -> Connector:
        """Return a connector; raise `NotFound`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What an attempt leaves besides its outcome; variables and artifacts only one that succeeded."""

    variables: JsonObject = field(default_factory=dict)
    artifacts: tuple[ArtifactFile, ...] = ()
    cut: JsonObject = field(default_factory=dict)
    """What of its output is missing: `dropped` bytes, `lost`."""
    abandoned: bool = False
    """Its call ignored its cancel and was given up."""


NO_RESULTS = Results()


class Ended(NamedTuple):
    """How an attempt ended, and what it leaves for others."""

    outcome: Outcome
    results: Results


class Finish(Protocol):
    """Where outcomes go."""

    note: Note
    """Tells operators what goes wrong, and that it does no more."""

    async def finish(
        self, claimed: Claimed, spec: StoredSpec, outcome: Outcome, results: Results = NO_RESULTS
    ) -> bool:
        """Record an outcome."""

    @property
    def set_aside(self) -> tuple[AttemptRef, ...]:
        """Return the attempts whose ends the store did not take."""

    async def end_set_aside(self, ref: AttemptRef) -> None:
        """Record one of them once more."""

    def recover(self) -> None:
        """Hear that the store writes again."""

    def note_attempt(self, command: NoteAttempt) -> Awaitable[None]:
        """Write what was seen of an attempt."""


class Scoping(Protocol):
    """Where the scopes of expressions come from."""

    async def scope(
        self, job_id: int, value: JsonValue, env: JsonObject, *, item: Item | None = None
    ) -> ExpressionScope:
        """Return the scope for a value's expressions."""


class Secrets(Protocol):
    """Where the values of secrets are read."""

    async def read(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values of these secrets; raise `NotFound`, `Unavailable` (`secret.*`)."""


class Resulting(Protocol):
    """What is kept of an attempt that succeeded."""

    async def of(self, running: Running, outcome: Outcome) -> Ended:
        """Return how an attempt ended, with what it leaves for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the runner works with."""

    connectors: Connectors
    children: ChildExecutor
    completion: Finish
    scopes: Scoping
    surroundings: TaskSurroundings
    clock: Clock
    shortage: Shortage
    usage: UsageReports
    secrets: Secrets
    results: Resulting


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long attempts may take, in seconds."""

    default: float | None
    """Of a task that names no timeout; None = no limit."""
    cancel_grace: float
    """Between asking an attempt to end and killing it."""


@dataclass(slots=True, kw_only=True)
class Running:
    """One open attempt."""

    ref: AttemptRef
    claimed: Claimed
    spec: StoredSpec
    refusal: Invalid | None = None
    """Why its row cannot be read."""
    spent: float = 0.0
    """Seconds that it ran under a former engine."""
    task: asyncio.Task[None] | None = None
    """Follows it to its outcome."""
    inline: bool = True
    """Its call runs in the loop, as far as is known yet."""
    cause: Outcome | None = None
    """Why it is being ended."""
    exhausted: str | None = None
    """The budget that was spent while it ran, and for which it may end early."""
    ended: bool = False
    """Its outcome stands and is on its way into the store."""
    cut: JsonObject = field(default_factory=dict)
    """What of its output is missing, known when its process has ended."""
    masks: tuple[bytes, ...] = ()
    """Forms of the secrets that it uses."""

    def logged(self) -> AbstractContextManager[None]:
        """Name job, task and attempt in every line that is logged inside."""
        return bound(job=self.claimed.job_id, task=self.ref.task_id, attempt=self.ref.epoch)
