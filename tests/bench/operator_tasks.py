"""Ten tasks of an operator by keys, in two versions.

    python tests/bench/operator_tasks.py [--before CHECKOUT] [--rounds 3]

Each version fills a store with the same night's trouble (`operator_deck.py`), serves it, and is asked the
same questions through a pseudo terminal of 120x40: the keys that lead from Pulse to the answer, and the text
that is the answer. Keys are counted one by one, typed text letter by letter; seconds are those that the
console took from each key until it showed what the next key needs, without any time to think. CHECKOUT is a
work tree of the earlier version with its own `.venv`. Where its console cannot answer, the command lines that
can are carried out and counted instead.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.bench.operator_deck import NEEDLE, Deck, fill  # noqa: E402
from tests.support.terminal import KEYS, Terminal  # noqa: E402

SIZE = (120, 40)
PAUSE = 0.1
"""Seconds without a byte that end the answer to a key."""
WITHIN = 10.0
"""Seconds after which a text that was expected counts as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Keys, then a text that must be on the screen before the next step."""

    keys: tuple[str, ...]
    sees: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The steps of a version; without steps, the command lines that answer instead."""

    steps: tuple[Step, ...] = ()
    instead: tuple[str, ...] = ()
    remark: str = ""
    """What the answer lacks."""


def step(*keys: str, sees: str) -> Step:
    return Step(keys=keys, sees=sees)


def go(place: str, *, sees: str) -> Step:
    return step(":", place, "enter", sees=sees)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an operator wants to know or do, and the way there, before and now."""

    text: str
    before: Way
    now: Way


_OPEN_TASKS = step("3", sees=" Tasks")
_REPLAY = (
    _OPEN_TASKS,
    step("/", "ctrl+u", "key:replay", "enter", sees="/ key:replay"),
    step("l", sees="Log of task"),
)
_NIGHTLY = (
    step("2", sees="nightly-etl"),
    step("/", "ctrl+u", "name:nightly-etl", "enter", sees="/ name:nightly-etl"),
)
QUESTIONS = (
    Question(
        text="find the cause of a failure",
        before=Way(
            steps=(
                step("4", sees="join_clients"),
                step("/", "ctrl+u", "key:join_clients", "enter", sees="/ key:join_clients"),
                step("l", sees="DataError"),
            )
        ),
        now=Way(steps=(step("1", sees="DataError: LIMIT"),)),
    ),
    Question(
        text="retry one family (12 of 22 failures)",
        before=Way(
            steps=(
                step("4", sees="shop_"),
                step("/", "ctrl+u", "key:shop_*", "enter", sees="/ key:shop_"),
                step("*", sees="marks 12"),
                step("r", sees="[y/N]"),
            )
        ),
        now=Way(steps=(step("r", sees="[y/N]"),)),
    ),
    Question(
        text="the longest running task",
        before=Way(
            steps=(
                _OPEN_TASKS,
                step("/", "ctrl+u", "state:running sort:started", "enter", sees="running sort:started"),
            )
        ),
        now=Way(steps=(step("1", sees="WHAT RUNS"),)),
    ),
    Question(
        text="compare a run with last week's, task by task",
        before=Way(
            steps=(
                *_NIGHTLY,
                step("G", "enter", sees="join_clients"),
                step("escape", sees="/ name:nightly-etl"),
                step("g", "enter", sees="join_clients"),
            ),
            remark="two pages, one after the other",
        ),
        now=Way(steps=(go("runs nightly-etl", sees="usually"),)),
    ),
    Question(
        text="whose change broke it, and which",
        before=Way(
            steps=(
                *_NIGHTLY,
                step("i", sees="params"),
                step("j", sees="job  9"),
                step("j", sees="job  7"),
            ),
            remark="rows, compared by eye",
        ),
        now=Way(
            steps=(
                go("runs nightly-etl", sees="usually"),
                step("right", sees="by root as ana"),
            )
        ),
    ),
    Question(
        text="read the beginning of a huge log, find a text in it",
        before=Way(instead=(f"taskdeck logs 12/replay | grep -n -m1 '{NEEDLE[:9]}'",)),
        now=Way(
            steps=(
                *_REPLAY,
                step("g", sees="begin of the replay"),
                step("/", "ORA-", "enter", sees="match 1/1"),
            )
        ),
    ),
    Question(
        text="why is this task not running",
        before=Way(
            steps=(
                step("3", sees=" Tasks"),
                step("/", "ctrl+u", "key:letter_10", "enter", sees="/ key:letter_10"),
                step("w", sees="held"),
            )
        ),
        now=Way(
            steps=(
                step("3", sees=" Tasks"),
                step("/", "ctrl+u", "key:letter_10", "enter", sees="/ key:letter_10"),
                step("w", sees="ends by"),
            )
        ),
    ),
    Question(
        text="what happened while I was away",
        before=Way(
            steps=(
                go("events", sees="KIND"),
                step("/", "ctrl+u", "age<8h", "enter", sees="/ age<8h"),
            ),
            remark="each of thousands of events, no sum",
        ),
        now=Way(steps=(go("handoff", sees="changed by people"),)),
    ),
    Question(
        text="hand over to a colleague",
        before=Way(
            instead=(
                "taskdeck tasks --where state:failed",
                "taskdeck jobs --where state:running",
                "taskdeck queues",
                "taskdeck events --where 'age<8h'",
            ),
            remark="to be put together by hand",
        ),
        now=Way(steps=(go("handoff", sees="changed by people"), step("y", "t", sees="copied the note"))),
    ),
    Question(
        text="find which queue is slow",
        before=Way(steps=(step("7", sees="OLDEST"),)),
        now=Way(steps=(step("7", sees="PER MIN"),)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Keys, and seconds that the console took for them."""

    keys: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, help="work tree of the earlier version")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    costs = {}
    for name, root in (("before", arguments.before), ("now", ROOT)):
        if root is not None:
            costs[name] = measured(root, name, rounds=arguments.rounds)
    print("| an operator wants to | keys, seconds before | now |")
    print("|---|---|---|")
    for question in QUESTIONS:
        cells = [
            _cell(costs.get(name, {}).get(question.text), getattr(question, name))
            for name in ("before", "now")
        ]
        print(f"| {question.text} | {' | '.join(cells)} |")


def measured(root: Path, name: str, *, rounds: int) -> dict[str, Cost | None]:
    """Fill a store with a version and ask it every question; None = the console did not answer."""
    found: dict[str, list[Cost | None]] = {}
    python = str(root / ".venv" / "bin" / "python")
    with tempfile.TemporaryDirectory(prefix="taskdeck-operator-") as folder:
        deck = Deck(home=Path(folder) / "home", argv=(python, "-P", "-m", "console.launch"), root=root)
        fill(deck)
        try:
            for _ in range(rounds):
                for question in QUESTIONS:
                    way: Way = getattr(question, name)
                    cost = asked(deck, way) if way.steps else called(deck, way)
                    found.setdefault(question.text, []).append(cost)
        finally:
            deck.call("stop", "--kill")
    return {text: _median(costs) for text, costs in found.items()}


def asked(deck: Deck, way: Way) -> Cost | None:
    """Open the console, press the keys of a way, and leave."""
    environ: dict[str, str | None] = {**deck.environ, "TASKDECK_AS": None}
    with Terminal(deck.argv, size=SIZE, environ=environ) as terminal:
        terminal.sees("WHAT FAILS", "WHAT WAITS", within=WITHIN)
        terminal.settled()
        keys, seconds = 0, 0.0
        for each in way.steps:
            seconds += sum(_pressed(terminal, key) for key in each.keys)
            begun = time.perf_counter()
            try:
                shown = terminal.sees(each.sees, within=WITHIN)
            except AssertionError as error:
                print(each, error, file=sys.stderr)
                return None
            seconds += time.perf_counter() - begun
            keys += sum(1 if key in KEYS else len(key) for key in each.keys)
            assert "Traceback" not in shown
        return Cost(keys=keys, seconds=seconds)


def called(deck: Deck, way: Way) -> Cost:
    """Carry out the command lines of a way, each with its Enter."""
    begun = time.perf_counter()
    for line in way.instead:
        words = line.replace("taskdeck", shlex.join(deck.argv), 1)
        subprocess.run(words, shell=True, check=True, capture_output=True, env=deck.environ, cwd=deck.root)
    return Cost(keys=sum(len(line) + 1 for line in way.instead), seconds=time.perf_counter() - begun)


def _pressed(terminal: Terminal, key: str) -> float:
    """Press a key and return how long it took to the last byte before a pause."""
    begun = last = time.perf_counter()
    terminal.press(key)
    while terminal.read(PAUSE):
        last = time.perf_counter()
    return last - begun


def _median(costs: list[Cost | None]) -> Cost | None:
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    return Cost(keys=known[0].keys, seconds=statistics.median(cost.seconds for cost in known))


def _cell(cost: Cost | None, way: Way) -> str:
    if cost is None:
        return "no answer"
    lines = "; ".join(f"`{line.replace('|', chr(92) + '|')}`" for line in way.instead)
    remarks = [text for text in (f"not possible; {lines}" if lines else "", way.remark) if text]
    return f"{cost.keys}, {cost.seconds:.2f} s" + (f" ({'; '.join(remarks)})" if remarks else "")


if __name__ == "__main__":
    main()
