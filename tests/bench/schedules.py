"""Run schedules for ten virtual years against another library.

    python tests/bench/schedules.py [--schedules 100] [--years 10] [--weeks 4]

Every kind, six zones, three policies of catching up; downtimes from 1 s to 40 days, steps of the clock from
1 s to 10 years both ways. Schedules that fire hourly or more often run a week around changes of their clock
(and with a step in the midst of it). Exits 1 when a fire is extra, missing, double or never decided about.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from zoneinfo import ZoneInfo

from core.model.timing.wall_clock import first_change
from tests.support.virtual_years import DAY, YEAR, Case, Tally, cases, is_fine, run_weeks, run_years

START = 1_451_606_400_000
"""1 January 2016."""


def main() -> None:
    arguments = _arguments()
    total, began, memory = Tally(), time.process_time(), []
    all_cases = list(enumerate(cases(arguments.schedules, arguments.seed)))
    for index, case in all_cases[arguments.part :: arguments.parts]:
        total.add(_run(case, index, arguments))
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        print(f"{index}: {total.fired} fired, {total.passed} passed so far", flush=True)
        if total.faults:
            print("first faults in", case, dict(total.faults))
            break
    print(f"{len(memory)} schedules, {total.wakes} wakes, {total.fired} fired, {total.passed} passed,")
    print(f"{total.refused_again} met again behind the clock; {time.process_time() - began:.0f} s CPU")
    print(f"memory {memory[len(memory) // 2]} MiB after half, {memory[-1]} MiB at the end")
    print(f"faults: {dict(total.faults) or 'none'}")
    raise SystemExit(1 if total.faults else 0)


def _run(case: Case, index: int, arguments: argparse.Namespace) -> Tally:
    if not is_fine(case):
        return run_years(case, start=START, years=arguments.years, seed=index)
    total, zone = Tally(), ZoneInfo(case.schedule.timing.zone)
    changes, at, end = [], START, START + round(arguments.years * YEAR)
    while (change := first_change(zone, at, end)) is not None:
        changes.append(change.at)
        at = change.at
    chance = random.Random(index)
    chosen = chance.sample(changes, min(arguments.weeks, len(changes))) or [START + 400 * DAY]
    for change_at in chosen:
        total.add(run_weeks(case, change=change_at, seed=index + change_at))
    return total


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--weeks", type=int, default=4, help="changes of the clock for each fine schedule")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", type=int, default=1, help="run only each so many-th schedule ...")
    parser.add_argument("--part", type=int, default=0, help="... from this one on, counted from 0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
