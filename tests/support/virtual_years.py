"""Years of a schedule on a virtual clock, decided twice.

Every wake of the engine is decided twice: by the rule, and by brute force over the fires that another
library listed. Used by the tests and by `tests/bench/schedules.py`.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.model.timing.schedules import CatchUp, FirePolicy, Schedule, Timing
from core.rules.fires import ON_TIME_MS, STEP_BACK_MS, FirePlan, jitter, plan_fires
from core.timetables.timetable import Timetable, timetable_of
from tests.support.fire_oracle import cron_fires

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
YEAR = 366 * DAY
COUNTED = 10_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """A schedule, and how another library lists its fires."""

    schedule: Schedule
    rule: str = "once"
    cron: str = ""
    """The expression for that library, of a calendar phrase too."""

    def listed(self, begin: int, end: int) -> list[int]:
        timing = self.schedule.timing
        if timing.every_ms is not None:
            first = timing.anchor + -(-(begin - timing.anchor) // timing.every_ms) * timing.every_ms
            return list(range(max(first, timing.anchor), end, timing.every_ms))
        if timing.at is not None:
            return [timing.at] if begin <= timing.at < end else []
        return cron_fires(self.cron, timing.zone, begin, end, rule=self.rule)


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to an engine: real ms from the start; down for so long, its clock put by so much."""

    at: int
    down: int = 0
    step: int = 0


@dataclass(kw_only=True)
class Tally:
    """What a run found."""

    wakes: int = 0
    fired: int = 0
    passed: int = 0
    refused_again: int = 0
    """Fires met again after the clock was put back by more than a day; the store knows them."""
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.wakes += other.wakes
        self.fired += other.fired
        self.passed += other.passed
        self.refused_again += other.refused_again
        self.faults.update(other.faults)


class Listing:
    """Fires listed in some spans; what is between the spans is not known."""

    def __init__(self, case: Case, spans: Sequence[tuple[int, int]]) -> None:
        self.spans = _joined(spans)
        self.fires = [at for begin, end in self.spans for at in case.listed(begin, end)]

    def between(self, begin: int, end: int) -> list[int]:
        return self.fires[bisect_left(self.fires, begin) : bisect_left(self.fires, end)]

    def covers(self, begin: int, end: int) -> bool:
        return any(first <= begin and end <= last for first, last in self.spans)

    def after(self, at: int) -> int | None:
        index = bisect_right(self.fires, at)
        return self.fires[index] if index < len(self.fires) else None


class VirtualEngine:
    """An engine that wakes for one schedule, is down at times, and whose clock is put."""

    def __init__(self, case: Case, listing: Listing, *, start: int) -> None:
        self._case = case
        self._listing = listing
        self._table: Timetable = timetable_of(case.schedule.timing)
        self._start = start
        self._put = 0
        self._handled = start
        self._fired: set[int] = set()
        self._met: set[int] = set()
        self.tally = Tally()

    def run(self, length: int, disturbances: Sequence[Disturbance]) -> Tally:
        """Run for so long in real ms; disturbances do not overlap."""
        now = 0
        wake = self._wake(now)
        for disturbance in (*disturbances, Disturbance(at=length)):
            while wake is not None and (due := wake - self._start - self._put) <= disturbance.at:
                now = max(now, due)
                later = self._wake(now)
                if later is not None and later <= wake:
                    self.tally.faults["the next time does not advance"] += 1
                    return self.tally
                wake = later
            self._put += disturbance.step
            now = disturbance.at + disturbance.down
            wake = self._wake(now)
        self._account()
        return self.tally

    def _wake(self, now: int) -> int | None:
        """Decide what is due; return when the wall clock is to wake it."""
        wall = self._start + self._put + now
        plan = plan_fires(self._case.schedule, self._table, handled=self._handled, now=wall)
        self.tally.wakes += 1
        self._compare(plan, wall)
        for at in plan.due:
            if at in self._fired:
                self.tally.refused_again += 1
                continue
            self._fired.add(at)
            self.tally.fired += 1
        self._handled = plan.handled
        return plan.next.wake_at if plan.next is not None else None

    def _compare(self, plan: FirePlan, wall: int) -> None:
        handled = self._handled
        if handled > wall + STEP_BACK_MS:
            handled = wall
        due, groups = self._listed(handled, wall)
        if list(plan.due) != due:
            kind = "extra" if set(plan.due) - set(due) else "missing"
            self.tally.faults[kind] += 1
        if len(set(plan.due)) != len(plan.due):
            self.tally.faults["double"] += 1
        told = [(part.number, part.first, part.last) for part in plan.passed]
        if told != groups:
            self.tally.faults["passed"] += 1
        self.tally.passed += sum(number for number, _, _ in groups)
        self._met.update(plan.due)

    def _listed(self, handled: int, wall: int) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Decide by listing: what fires, and what passed, in groups of number, first and last."""
        policy = self._case.schedule.policy
        ready = [at for at in self._listing.between(handled + 1, wall + 1) if self._due(at) <= wall]
        window = max(policy.window_ms, ON_TIME_MS)
        timely = [at for at in ready if wall - self._due(at) <= window]
        match policy.catch_up:
            case CatchUp.NONE:
                due = [at for at in ready[-1:] if wall - self._due(at) <= ON_TIME_MS]
                groups = [[at for at in ready if at not in due]]
            case CatchUp.LATEST:
                due = timely[-1:]
                groups = [[at for at in ready if at not in set(timely)], timely[:-1]]
            case CatchUp.ALL:
                due = timely[-policy.most :]
                groups = [[at for at in ready if at not in set(timely)], timely[: -policy.most]]
        self._met.update(ready)
        whole = self._listing.covers(handled + 1, wall + 1)
        return due, [
            (
                COUNTED + 1 if len(group) > COUNTED or (not whole and not count) else len(group),
                group[0],
                group[-1],
            )
            for count, group in enumerate(groups)
            if group
        ]

    def _due(self, at: int) -> int:
        schedule = self._case.schedule
        most = schedule.policy.jitter_ms
        following = self._listing.after(at) if most else None
        return at + jitter(schedule.name, at, most if following is None else min(most, following - at))

    def _account(self) -> None:
        """Count the fires that were never decided about, though the clock passed them."""
        between = self._listing.between(self._start + 1, self._handled + 1)
        never = [at for at in between if at not in self._met]
        if never:
            self.tally.faults["never decided"] += len(never)
        if strange := self._fired - set(self._listing.fires):
            self.tally.faults["not a fire"] += len(strange)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Kolkata",
)
COARSE = (
    ("30 2 * * *", "once"),
    ("0 0 * * *", "once"),
    ("0,45 1,2 * * 0", "once"),
    ("15 */6 * * *", "once"),
    ("10 30 1 * * mon-fri", "once"),
    ("0 9 1,15 * 5", "once"),
    ("0 18 L * *", "once"),
)
FINE = (("*/5 * * * *", "shown"), ("30 * * * *", "shown"), ("*/15 0-4 * * *", "shown or next"))
PHRASES = (("last day at 18:00", "0 18 L * *"), ("every weekday at 2:30", "30 2 * * 1-5"))


def cases(number: int, seed: int) -> list[Case]:
    """Return so many schedules: every kind, zone and policy of catching up by turns."""
    chance = random.Random(seed)
    return [_case(index, chance) for index in range(number)]


def _case(index: int, chance: random.Random) -> Case:
    zone = ZONES[index % len(ZONES)]
    policy = FirePolicy(
        catch_up=tuple(CatchUp)[index % 3],
        window_ms=chance.choice([0, HOUR, DAY, 30 * DAY]),
        most=chance.choice([1, 5, 100]),
        jitter_ms=chance.choice([0, 0, 5 * MINUTE, 3 * HOUR]),
    )
    name = f"schedule-{index}"
    kind = index % 10
    rule, cron = "once", ""
    if kind == 0:
        timing = Timing(
            every_ms=chance.choice([7 * HOUR, 25 * HOUR, 90 * MINUTE + 1]), anchor=chance.randrange(DAY)
        )
    elif kind == 1:
        timing = Timing(at=chance.randrange(16 * YEAR, 48 * YEAR))
    elif kind in (2, 3):
        phrase, cron = PHRASES[kind - 2]
        timing = Timing(calendar=phrase, zone=zone)
    elif kind in (4, 5, 6):
        cron, rule = FINE[kind - 4]
        timing = Timing(cron=cron, zone=zone)
    else:
        cron, rule = COARSE[index % len(COARSE)]
        timing = Timing(cron=cron, zone=zone)
    return Case(schedule=Schedule(name=name, timing=timing, policy=policy), rule=rule, cron=cron)


def is_fine(case: Case) -> bool:
    """Return whether a schedule fires hourly or more often."""
    return case.rule != "once"


def run_years(case: Case, *, start: int, years: float, seed: int) -> Tally:
    """Run a schedule for years, with a disturbance every three weeks or so."""
    chance, length = random.Random(seed), round(years * YEAR)
    disturbances, at, put = [], 0, 0
    while (at := at + chance.randrange(DAY, 45 * DAY)) < length:
        down = chance.choice([SECOND, MINUTE, 90 * MINUTE, DAY, 3 * DAY, 40 * DAY])
        step = 0
        if put:
            step, put = -put, 0
        elif chance.random() < 0.5:
            step = chance.choice([-1, 1]) * chance.choice(
                [SECOND, HOUR, 20 * HOUR, 30 * DAY, YEAR, 10 * YEAR]
            )
            put = step
        disturbances.append(Disturbance(at=at, down=down, step=step))
        at += down
    listing = Listing(case, [(start - 11 * YEAR, start + length + 11 * YEAR)])
    return VirtualEngine(case, listing, start=start).run(length + 50 * DAY, disturbances)


def run_weeks(case: Case, *, change: int, seed: int) -> Tally:
    """Run a fine schedule for a week around a change of its clock, and through a step in the midst of it."""
    chance = random.Random(seed)
    start = change - 3 * DAY
    total = Tally()
    for step in (0, chance.choice([-1, 1]) * chance.choice([SECOND, HOUR, 20 * HOUR, YEAR, 10 * YEAR])):
        down = chance.choice([0, SECOND, MINUTE, 2 * HOUR])
        at = 3 * DAY - down // 2 + chance.randrange(-HOUR, HOUR)
        spans = [(start - 2 * DAY, start + 9 * DAY), (start + step - 40 * DAY, start + step + 9 * DAY)]
        # Ten years hold more than 10,000 fires, one year may not: then they are listed, and counted.
        if abs(step) <= YEAR:
            spans.append((start + min(step, 0), start + max(step, 0)))
        engine = VirtualEngine(case, Listing(case, spans), start=start)
        total.add(engine.run(7 * DAY, [Disturbance(at=at, down=down, step=step)]))
    return total
