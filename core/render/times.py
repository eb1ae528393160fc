"""Times and durations as people read them.

Used by the columns, the console and the commands.
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.model.run_times import UsualTime
from core.model.timing.durations import UNITS

_SHOWN_UNITS = [(unit, size) for unit, size in UNITS.items() if unit not in ("w", "ms")]


def usual_text(usual: UsualTime) -> str:
    """Write how long something usually takes: the median, and what nearly all attempts stayed below."""
    return f"usually {duration_text(usual.median_ms)}, 95% within {duration_text(usual.p95_ms)}"


def duration_text(ms: int) -> str:
    """Write a duration by its two largest units: `250ms`, `4.2s`, `3m12s`, `2d5h`.

    What is smaller is cut off; a negative duration (clocks differ) is `0ms`.
    """
    if ms < 1_000:
        return f"{max(ms, 0)}ms"
    if ms < 10_000:
        return f"{ms // 100 / 10:g}s"
    first = next(index for index, (_, size) in enumerate(_SHOWN_UNITS) if size <= ms)
    unit, size = _SHOWN_UNITS[first]
    count, rest = divmod(ms, size)
    if first + 1 == len(_SHOWN_UNITS):
        return f"{count}{unit}"
    smaller_unit, smaller = _SHOWN_UNITS[first + 1]
    return f"{count}{unit}" + (f"{rest // smaller}{smaller_unit}" if rest >= smaller else "")


def age_text(ms: int) -> str:
    """Write how long ago something was: `<1m`, `73m`, `5h12m`, `2d5h`.

    In minutes at the finest: a screen on which nothing happens does not change.
    """
    if ms < UNITS["m"]:
        return "<1m"
    return f"{ms // UNITS['m']}m" if ms < 2 * UNITS["h"] else duration_text(ms)


def clock_text(at: int, *, now: int) -> str:
    """Write a moment (ms UTC) as the clock of this machine shows it, `11-14 22:13:19`.

    A moment of another year than `now` has its year instead of its seconds, `2023-11-14 22:13`.
    """
    moment, present = (datetime.fromtimestamp(ms / 1000, UTC).astimezone() for ms in (at, now))
    return moment.strftime("%m-%d %H:%M:%S" if moment.year == present.year else "%Y-%m-%d %H:%M")


def moment_text(at: int) -> str:
    """Write a moment (ms UTC) whole, as the clock of this machine shows it, `2026-11-14 22:13:19`.

    A number that no moment has is written as it is.
    """
    try:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return str(at)
