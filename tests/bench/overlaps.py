"""Run each overlap with each catch-up for ten virtual years.

On a store that two engines write:

    python -m tests.bench.overlaps [--years 10] [--seed 1]

A fire each six hours, jobs of half an hour to twenty, engines that are down for up to six days; half of the
commands are sent again by the other engine, which takes over amid the fires of a catch-up. Exits 1 when a
time is decided twice, never, or otherwise than its overlap says, or the doctor finds something.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.overlap_years import DAY, POLICIES, OverlapRun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began, faults = time.process_time(), 0
    for number, (overlap, catch_up) in enumerate(POLICIES):
        with TemporaryDirectory() as folder:
            run = OverlapRun(Path(folder) / "deck.db", overlap, catch_up, seed=arguments.seed + number)
            run.run(round(arguments.years * 365 * DAY))
            told = ", ".join(f"{count} {status}" for status, count in sorted(run.told.items()))
            print(f"{overlap} {catch_up}: {told}; faults {dict(run.faults) or 'none'}", flush=True)
            faults += run.faults.total()
            run.close()
    print(f"{time.process_time() - began:.0f} s CPU")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
