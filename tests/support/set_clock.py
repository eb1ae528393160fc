"""`taskdeck` under a wall clock that a file sets.

`python set_clock.py FILE WORDS...`: FILE holds by how many ms the clock is set forward (or back); it may be
replaced at any moment.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path

_FILE = Path(sys.argv[1])
_true = time.time_ns


def _now_ns() -> int:
    return _true() + int(_FILE.read_text()) * 1_000_000


class _SetDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _SetDatetime:
        return cls.fromtimestamp(_now_ns() / 1e9, tz)


if __name__ == "__main__":
    # Before anything else is imported: modules keep what they import by name.
    time.time_ns = _now_ns
    time.time = lambda: _now_ns() / 1e9
    dt.datetime = _SetDatetime  # type: ignore[misc]
    from console.launch import main

    sys.exit(main(sys.argv[2:]))
