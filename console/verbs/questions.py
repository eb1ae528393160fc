"""Asking: what the verbs want to know of an operator, and what they have to tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from console.verbs.tiers import Scope
from core.model.text import SafeText

SECONDS = 5.0
"""For how long a sentence is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A verb on many targets: their count has to be typed."""

    verb: str
    scope: Scope
    since: Callable[[], Awaitable[int]] | None = None
    """How many more match by now; None = the targets are listed, and no more can come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A verb that cannot be taken back: what it would do, one line a target; `reason` to begin with."""

    words: str
    lines: tuple[SafeText, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a verb when it needs more than a line; `again` = those that failed can be tried anew."""

    words: str
    lines: tuple[SafeText, ...]
    again: bool = False


class Front(Protocol):
    """The one who asks and tells the operator."""

    async def confirm(self, question: SafeText) -> bool:
        """Return whether the operator says yes by one key."""

    async def count(self, asked: Counted) -> bool:
        """Return whether the operator typed the count."""

    async def plan(self, plan: Plan) -> str | None:
        """Return the reason with which the operator wants the plan carried out, or None."""

    async def report(self, report: Report) -> bool:
        """Show what came of it; return whether what failed is to be tried again."""

    def tell(self, words: SafeText, *, bad: bool = False, seconds: float = SECONDS) -> None:
        """Show a sentence for a while."""


class Asker(Protocol):
    """The one who asks the operator."""

    async def choose(self, question: SafeText, answers: dict[str, str]) -> str:
        """Return the word of the answer, '' for none of them."""

    def tell(self, words: SafeText, *, bad: bool = False) -> None:
        """Show a sentence for a while."""
