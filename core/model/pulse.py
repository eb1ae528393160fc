"""Pulse: rates of ended tasks, what fails, what waits.

Read from the store; shown by the console's first screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from core.model.failures import FamilyView
from core.model.waits import WaitCode


class Rate(Struct, frozen=True, kw_only=True):
    """How many tasks ended in each status within `seconds` from `at` (ms UTC) on."""

    at: int
    seconds: int
    ended: Mapping[str, int]


class WaitKind(StrEnum):
    """Why tasks are not running."""

    QUEUED = "queued"
    """Their turn has not come: a queue waits for slots; `subject` is the queue."""
    PAUSED_QUEUE = "paused queue"
    PAUSED_JOB = "paused job"
    NEEDS = "needs"
    """Others have to end first, or a `when` has to be judged."""
    RETRYING = "retrying"
    """They wait for their next attempt; `until` is the earliest."""
    HELD = "held"
    """An operator holds them, or must say what becomes of them."""
    NO_POOL = WaitCode.NO_POOL.value
    """No pool drains their queue, which is `subject`."""
    POOL_PAUSED = WaitCode.POOL_PAUSED.value
    """Every pool that may take them is paused; `subject` is the queue."""
    # Of limits, backends and budgets, which are `subject`, as the reasons of single tasks are called.
    CONCURRENCY = WaitCode.CONCURRENCY.value
    RATE = WaitCode.RATE.value
    DOWN = WaitCode.DOWN.value
    SHUT = WaitCode.SHUT.value
    BREAKER = WaitCode.BREAKER.value
    RETRIES = WaitCode.RETRIES.value
    QUOTA = WaitCode.QUOTA.value
    BUDGET = WaitCode.BUDGET.value
    FROZEN = WaitCode.FROZEN.value


class Waiting(Struct, frozen=True, kw_only=True):
    """Tasks that wait for one reason; `subject` = name of the queue or limit, id of the job, or empty."""

    kind: WaitKind
    subject: str
    tasks: int
    since: int | None = None
    """Since when the longest of them waits (ms UTC), where that is known."""
    until: int | None = None


class PulseView(Struct, frozen=True, kw_only=True):
    """How the whole store does."""

    rates: tuple[Rate, ...]
    """Without gaps, oldest first, the last one still under way."""
    failing: tuple[FamilyView, ...]
    """In the order of their list, at most 20."""
    failing_searched: int | None
    """How many families, or tasks without one, were looked at, if not all."""
    waiting: tuple[Waiting, ...]
    """Most tasks first, at most 20."""
