"""Comparisons of an engine with the reference, as many as wanted.

`python -m tests.reference.comparisons --documents 100000` writes what differs; its exit status is 1 then.
`--first` goes on where another run ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections import Counter

from tests.reference.documents import make
from tests.reference.patterns import patterns_of, table
from tests.reference.runs import compare
from tests.reference.shrinking import shrink

BATCH = 500
"""Documents of one store."""
TOLD = 5_000
"""After so many documents the table of patterns is written."""


def _compare(seeds: range, open_order: list[str]) -> dict[str, list[str]]:
    """Return what differs by document; of a store that is not sound all of them do."""
    try:
        return asyncio.run(compare({f"s{seed}": make(seed) for seed in seeds}, open_order=open_order))
    except Exception:
        return {f"s{seeds[0]} to s{seeds[-1]}": traceback.format_exc().splitlines()}


def _show(name: str, lines: list[str]) -> None:
    print(f"--- {name}", *lines[:12], sep="\n  ", flush=True)
    if " " in name:
        return
    try:
        smallest = asyncio.run(shrink(name, make(int(name[1:]))))
        print(json.dumps(smallest, indent=1), flush=True)
    except Exception:
        traceback.print_exc()


def main() -> None:
    """Compare as many documents as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    begun, different, count = time.monotonic(), 0, Counter[str]()
    open_order: list[str] = []
    seeds = range(asked.first, asked.first + asked.documents)
    for at in range(0, len(seeds), BATCH):
        batch = seeds[at : at + BATCH]
        for name, lines in _compare(batch, open_order).items():
            different += 1
            _show(name, lines)
        for seed in batch:
            count.update(patterns_of(make(seed)))
        done = at + len(batch)
        pace = done / (time.monotonic() - begun)
        print(
            f"{done:,} documents, {different} differ, {len(open_order)} in an open order,"
            f" {pace:.1f} a second; next: --first {batch.stop}",
            flush=True,
        )
        if done % TOLD == 0 or done == len(seeds):
            print(table(count, done), flush=True)
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
