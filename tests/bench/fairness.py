"""Measure how evenly jobs that are submitted at once are served.

    python tests/bench/fairness.py [--tasks 50000] [--small 49] [--slots 4]

One job of `tasks` tasks and `small` jobs of 20, of one priority, with the real claim and a clock of its own:
each task takes a second. Slowdown = the time from submission to the last end, over what the job takes alone.
Printed are Jain's index over the small jobs (wanted >= 0.95), their worst slowdown (wanted <= 60), that of
the large one, moments at which a slot was free while a task waited (wanted: none), and the CPU of it all.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.commands.work import Submit
from core.model.limits.limits import Pool
from core.model.plans import JobPlan
from tests.bench.handwritten import folder
from tests.store.deck import Deck, stage, task
from tests.support.claim_course import ClaimCourse, idle, jain, slowdowns, turns

TOOK = 1_000
OF_SMALL = 20


def job(tasks: int) -> Submit:
    """Return the submission of a job of so many tasks."""
    plans = (task(f"t{number}") for number in range(tasks))
    return Submit(plan=JobPlan(name="some", stages=(stage(*plans),)), actor="bench")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--small", type=int, default=49)
    parser.add_argument("--slots", type=int, default=4)
    args = parser.parse_args()
    with folder() as home:
        deck = Deck(home / "taskdeck.db")
        begun = time.process_time()
        course = ClaimCourse(deck, slots=args.slots, took=TOOK)
        course.go_on(job(args.tasks), *(job(OF_SMALL) for _ in range(args.small)))
        course.run_until()
        spent = time.process_time() - begun
        taken = turns(deck.db)
        deck.close()
    found = slowdowns(taken, slots=args.slots, took=TOOK)
    large, *small = (found[one] for one in sorted(found))
    unused = idle(taken, (Pool(name="default", slots=args.slots),), slots=args.slots)
    print(f"tasks          {len(taken):,} in {args.small + 1} jobs, {spent:.1f} s of CPU")
    print(f"Jain's index   {jain(small):.4f} of the slowdowns of the small jobs")
    print(f"slowdown       {min(small):.1f} to {max(small):.1f}, {large:.2f} of the large job")
    print(f"idle           {len(unused)} moments with a free slot and a task that waited")


if __name__ == "__main__":
    main()
