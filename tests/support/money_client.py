"""A client that asks for one task of each round.

Started by `tests/bench/money.py`, several at once: of each round one may run.
"""

from __future__ import annotations

import asyncio
import sys

import core
from core.model.errors import TaskdeckError, Unavailable
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.task_specs import TaskSpec

UNITS = {"team": "usd", "words": "tokens", "asks": "questions"}
PAUSE = 0.05


def task(number: int) -> TaskSpec:
    """Return a task of a round; one budget has room for one of its cost, the others for all."""
    narrow = tuple(UNITS)[number % len(UNITS)]
    return TaskSpec(
        uses="shell",
        with_={"argv": ["true"]},
        key=f"round{number}",
        limits=tuple(LimitRef(name=name, key=str(number)) for name in UNITS),
        cost={unit: "10" if name == narrow else "0.05" for name, unit in UNITS.items()},
        on_exhausted=OnExhausted.FAIL,
    )


async def play(home: str, rounds: range) -> int:
    """Play rounds until an engine is lost; return the first that is to be played again."""
    async with core.connect(home=home) as deck:
        for number in rounds:
            try:
                await deck.wait_tasks([await deck.enqueue(task(number))])
            except Unavailable:
                return number
    return rounds.stop


async def main(home: str, rounds: str) -> None:
    number, last = 0, int(rounds)
    while number < last:
        try:
            number = await play(home, range(number, last))
        except TaskdeckError:
            await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
