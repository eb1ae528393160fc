"""Protocols and data of the verbs' questions, reports and notices.

Implemented by `console.dialogs.questions`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from console.verbs.tiers import Scope
from core.model.text import SafeText

NOTICE_SECONDS = 5.0
"""How long a notice is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """A verb on many targets: the operator has to type their count."""

    verb: str
    scope: Scope
    since: Callable[[], Awaitable[int]] | None = None
    """How many more match by now; None = the targets are listed, and no more can come."""
    effect: tuple[SafeText, ...] = ()
    """What the verb would do, as far as that is worked out."""
    counting: Callable[[], Awaitable[tuple[SafeText, ...]]] | None = None
    """Works out what the verb would do while the question stands; None = all is told already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A verb that cannot be undone: what it would do, one line per target."""

    title: str
    lines: tuple[SafeText, ...]
    reason: str = ""
    """The text that the reason starts with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a verb when it needs more than a line."""

    title: str
    lines: tuple[SafeText, ...]
    can_retry: bool = False
    """The targets that failed can be tried again."""


class Questions(Protocol):
    """Asks the operator, and waits for the answer."""

    async def confirm(self, question: SafeText) -> bool:
        """Return whether the operator answers yes, by one key."""

    async def choose(self, question: SafeText, answers: Mapping[str, str]) -> str:
        """Return the answer that stands under the pressed key, '' = none of them."""

    async def count(self, asked: CountQuestion) -> bool:
        """Return whether the operator typed the count."""

    async def plan(self, plan: Plan) -> str | None:
        """Return the reason for which the plan is to be applied; None = it is not."""

    async def report(self, report: Report) -> bool:
        """Show a report; return whether the targets that failed are to be tried again."""


class Notices(Protocol):
    """Shows sentences for a while."""

    def inform(self, sentence: SafeText, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show what happened as it should."""

    def warn(self, sentence: SafeText, *, seconds: float = NOTICE_SECONDS) -> None:
        """Show what went wrong or was refused."""
