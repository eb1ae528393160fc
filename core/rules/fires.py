"""Fires of a schedule that are due, and times that passed.

Called by the engine for a schedule whose time has come, and by commands that show what is next.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, assert_never

from core.model.commands.schedules import Passed
from core.model.timing.schedules import COUNTED_MAX, DAY_MS, CatchUp, NextFire

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from core.model.timing.schedules import Schedule

ON_TIME_MS = 60_000
"""A fire that is at most this late is on time, whatever is said of catching up."""
STEP_BACK_MS = DAY_MS
"""Where the clock is put back by more than this, what was handled was handled by a clock that was wrong."""


class Timetable(Protocol):
    """The fires of a schedule, in ms UTC."""

    def next_after(self, at: int) -> int | None:
        """Return the first fire after a moment; None = it was the last."""

    def last_before(self, at: int, *, not_before: int) -> int | None:
        """Return the last fire at a moment or before it, but not before another."""

    def between(self, begin: int, end: int, limit: int) -> Iterator[int]:
        """Yield at most so many fires with begin <= fire < end, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirePlan:
    """What is to be done now about the times of a schedule up to `handled`."""

    due: tuple[int, ...] = ()
    """Times that fire now, the oldest first."""
    passed: tuple[Passed, ...] = ()
    """Times before them that are missed; a number above 10,000 means more than 10,000."""
    handled: int
    """Every time up to this one is decided. Behind what was handled where the clock was put back by more than
    a day: times are then met again, of which those that fired are known to the store."""
    next: NextFire | None = None


def jitter(name: str, at: int, jitter_ms: int) -> int:
    """Return by how much a fire is put off: less than `jitter_ms`, the same whenever it is worked out."""
    if jitter_ms <= 0:
        return 0
    drawn = blake2b(f"{name}\0{at}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(drawn) % jitter_ms


def next_fire(schedule: Schedule, timetable: Timetable, after: int) -> NextFire | None:
    """Return the next time after a moment, and when it is due."""
    at = timetable.next_after(after)
    return None if at is None else NextFire(at=at, wake_at=wake_at(schedule, timetable, at))


def next_undecided(
    schedule: Schedule, timetable: Timetable, after: int, decided: Collection[int]
) -> NextFire | None:
    """Return the next time after a moment that is not decided already, as one is that was skipped ahead."""
    found = next_fire(schedule, timetable, after)
    while found is not None and found.at in decided:
        found = next_fire(schedule, timetable, found.at)
    return found


def wake_at(schedule: Schedule, timetable: Timetable, at: int) -> int:
    """Return when a time is due: later by its jitter, but before the next time, so that none overtakes."""
    most = schedule.policy.jitter_ms
    following = timetable.next_after(at) if most else None
    return at + jitter(schedule.name, at, most if following is None else min(most, following - at))


def plan_fires(
    schedule: Schedule, timetable: Timetable, *, handled: int, now: int, decided: Collection[int] = ()
) -> FirePlan:
    """Decide about every time after `handled` that is due by now (ms UTC).

    `decided` are times to come that were decided apart, as those that an operator skipped.
    Looks at no more than `max` and twice 10,000 times, however long ago `handled` is.
    """
    if handled > now + STEP_BACK_MS:
        handled = now
    while (at := timetable.next_after(handled)) is not None and at <= now and at in decided:
        handled = at
    last = _last_due(schedule, timetable, handled, now)
    if last is None:
        return FirePlan(handled=handled, next=next_undecided(schedule, timetable, handled, decided))
    due = _due(schedule, timetable, (handled, last), now)
    until = due[0] if due else last + 1
    return FirePlan(
        due=due,
        passed=_passed(schedule, timetable, (handled, until), now),
        handled=last,
        next=next_undecided(schedule, timetable, last, decided),
    )


def _last_due(schedule: Schedule, timetable: Timetable, handled: int, now: int) -> int | None:
    last = timetable.last_before(now, not_before=handled + 1)
    if last is not None and wake_at(schedule, timetable, last) > now:
        # Those before it are due: they are put off by less than the time up to the next one.
        return timetable.last_before(last - 1, not_before=handled + 1)
    return last


def _due(schedule: Schedule, timetable: Timetable, span: tuple[int, int], now: int) -> tuple[int, ...]:
    """Return the times that fire, out of those after the first and up to the last of a span."""
    handled, last = span
    match schedule.policy.catch_up:
        case CatchUp.NONE:
            most, window = 1, ON_TIME_MS
        case CatchUp.LATEST:
            most, window = 1, max(schedule.policy.window_ms, ON_TIME_MS)
        case CatchUp.ALL:
            most, window = schedule.policy.most, max(schedule.policy.window_ms, ON_TIME_MS)
        case _:
            assert_never(schedule.policy.catch_up)
    found: list[int] = []
    at: int | None = last
    while at is not None and len(found) < most and now - wake_at(schedule, timetable, at) <= window:
        found.append(at)
        at = timetable.last_before(at - 1, not_before=handled + 1)
    return tuple(reversed(found))


def _passed(schedule: Schedule, timetable: Timetable, span: tuple[int, int], now: int) -> tuple[Passed, ...]:
    """Return what passed after the first and before the end of a span, by reason."""
    handled, until = span
    policy = schedule.policy
    if policy.catch_up is CatchUp.NONE:
        return times_passed(timetable, handled + 1, until, "catch_up is none")
    window = max(policy.window_ms, ON_TIME_MS)
    oldest = timetable.last_before(min(now - window, until) - 1, not_before=handled + 1)
    begins = handled + 1 if oldest is None else oldest + 1
    # It was put off into the window.
    if oldest is not None and now - wake_at(schedule, timetable, oldest) <= window:
        begins = oldest
    kept = "a later time fires" if policy.catch_up is CatchUp.LATEST else f"more than {policy.most} at once"
    return (
        *times_passed(timetable, handled + 1, begins, "it was later than the window"),
        *times_passed(timetable, begins, until, kept),
    )


def times_passed(timetable: Timetable, begin: int, end: int, reason: str) -> tuple[Passed, ...]:
    """Return the times from `begin` to before `end` as one, counted up to one above 10,000; none = empty."""
    first = timetable.next_after(begin - 1)
    last = timetable.last_before(end - 1, not_before=begin)
    if first is None or last is None:
        return ()
    number = sum(1 for _ in timetable.between(begin, end, COUNTED_MAX + 1))
    return (Passed(number=number, first=first, last=last, reason=reason),)
