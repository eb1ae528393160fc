"""Decide what follows an attempt that did not succeed.

Called by the engine's completion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

from core.model.codes import OUTPUT_FACT, Match, match_error
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Failed,
    GiveUp,
    Lost,
    Requeue,
    RetryAt,
    TimedOut,
)
from core.model.plans import Backoff, Jitter, OnLoss, RetryPolicy

if TYPE_CHECKING:
    from core.model.ports import Draw

LONGEST_WAIT_MS = 30 * 24 * 3_600_000
"""No retry waits longer than this, whatever a policy or a server says."""

Unsuccessful: TypeAlias = Failed | TimedOut | Lost | Bounced


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How a task fared so far in this generation, the attempt in question included, and its limits."""

    tries: int
    """Attempts that ended failed or timed out."""
    losses: int = 0
    bounces: int = 0
    on_loss: OnLoss = OnLoss.RETRY
    max_losses: int = 3
    max_bounces: int = 5


def decide_retry(
    policy: RetryPolicy, outcome: Unsuccessful, *, record: Record, now: int, draw: Draw
) -> RetryAt | GiveUp | Requeue | AskOperator:
    """Decide whether an attempt is followed by another, and when (ms UTC).

    Failed and timed out count against `policy.max_attempts`, lost against `max_losses` (the poison rule),
    bounced against `max_bounces` unless the machine was short; the attempt that reaches its limit is the
    last. The first loss is retried at once, later ones back off. A permanent error is retried only where
    `policy.on` names its whole code or its number. A `retry_after_ms` is a floor of the delay, not a
    replacement. `draw()` is in [0, 1).
    """
    match outcome:
        case Bounced():
            return Requeue() if outcome.shortage or record.bounces < record.max_bounces else GiveUp()
        case Lost():
            return _after_loss(policy, record, now=now, draw=draw)
        case TimedOut():
            retried, floor = matches(policy, outcome.code), 0
        case Failed():
            retried = matches_error(policy, outcome)
            floor = outcome.retry_after_ms or 0
        case _:
            assert_never(outcome)
    if not retried or record.tries >= policy.max_attempts:
        return GiveUp()
    delay = max(floor, delay_ms(policy, record.tries, draw=draw))
    return RetryAt(at=now + min(delay, LONGEST_WAIT_MS))


def matches(policy: RetryPolicy, code: str) -> bool:
    """Return whether the policy retries this error code: all where it names none, else what fits."""
    return not (policy.on or policy.output) or match_error(policy.on, code, {}) is not None


def matches_error(policy: RetryPolicy, failed: Failed) -> bool:
    """Return whether the policy retries a failure.

    Where it names none every error that is not permanent; else what a pattern fits, a permanent error only
    where its whole code or its number is named.
    """
    if not policy.on and not policy.output:
        return not failed.permanent
    if not failed.permanent and failed.error.facts.get(OUTPUT_FACT) in policy.output:
        return True
    found = match_error(policy.on, failed.error.code, failed.error.facts)
    return found is Match.NAMED or (found is Match.BEGINNING and not failed.permanent)


def delay_ms(policy: RetryPolicy, attempt: int, *, draw: Draw) -> int:
    """Draw the delay after the given attempt, counted from 1.

    Full jitter: uniform in [0, min(max, base * 2**(attempt - 1))); without jitter that bound itself; with
    fixed backoff the factor is 1.
    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    # Beyond 2**40 ms (34 years) every sensible bound has won; the cap keeps huge attempts cheap.
    doublings = min(max(attempt - 1, 0), 40) if policy.backoff is Backoff.EXPONENTIAL else 0
    bound = max(0, min(policy.max_ms, policy.base_ms << doublings, LONGEST_WAIT_MS))
    return int(draw() * bound) if policy.jitter is Jitter.FULL else bound


def _after_loss(
    policy: RetryPolicy, record: Record, *, now: int, draw: Draw
) -> RetryAt | GiveUp | AskOperator:
    match record.on_loss:
        case OnLoss.ASK:
            return AskOperator()
        case OnLoss.FAIL:
            return GiveUp()
        case OnLoss.RETRY:
            if record.losses >= record.max_losses:
                return GiveUp()
            if record.losses <= 1:
                return RetryAt(at=now)
            return RetryAt(at=now + delay_ms(policy, record.losses - 1, draw=draw))
        case _:
            assert_never(record.on_loss)
