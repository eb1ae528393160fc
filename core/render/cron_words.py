"""Cron expressions in words: `daily at 03:00`, `Mon-Fri at 18:30`.

Used by the texts of schedules.
"""

from __future__ import annotations

import re

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PRESETS = {
    "@hourly": "hourly at :00",
    "@daily": "daily at 00:00",
    "@midnight": "daily at 00:00",
    "@weekly": "Sun at 00:00",
    "@monthly": "day 1 at 00:00",
    "@yearly": "Jan 1 at 00:00",
    "@annually": "Jan 1 at 00:00",
}
_NUMBERS = re.compile(r"[0-9]{1,2}(,[0-9]{1,2}){0,3}", re.ASCII)
_STEP = re.compile(r"\*/([0-9]{1,2})", re.ASCII)
_WEEKDAY = re.compile(r"[A-Za-z]{3}|[0-7]", re.ASCII)


def cron_words(expression: str) -> str:
    """Return an expression in words where they are short, else the expression itself."""
    typed = " ".join(expression.split())
    if typed.lower() in _PRESETS:
        return _PRESETS[typed.lower()]
    fields = typed.split(" ")
    if len(fields) != 5:
        return typed
    minute, hour, day, month, weekday = fields
    time = _time(minute, hour)
    days = _days(day, month, weekday)
    if time is None or days is None:
        return typed
    if time.startswith("at "):
        return f"{days or 'daily'} {time}"
    return f"{time}, {days}" if days else time


def _time(minute: str, hour: str) -> str | None:
    """Return when on a day, `at 03:00` where that is a few times of the clock."""
    if hour == "*":
        return _within_hours(minute)
    if not minute.isdecimal() or int(minute) > 59:
        return None
    if (step := _STEP.fullmatch(hour)) and 0 < int(step[1]) < 24 and 24 % int(step[1]) == 0:
        return f"every {step[1]} hours at :{int(minute):02}"
    if not _NUMBERS.fullmatch(hour):
        return None
    hours = [int(one) for one in hour.split(",")]
    return f"at {', '.join(f'{one:02}:{int(minute):02}' for one in hours)}" if max(hours) < 24 else None


def _within_hours(minute: str) -> str | None:
    if minute in ("*", "*/1"):
        return "every minute"
    if (step := _STEP.fullmatch(minute)) and 0 < int(step[1]) < 60 and 60 % int(step[1]) == 0:
        return f"every {step[1]} minutes"
    if not _NUMBERS.fullmatch(minute):
        return None
    minutes = [int(one) for one in minute.split(",")]
    return f"hourly at {', '.join(f':{one:02}' for one in minutes)}" if max(minutes) < 60 else None


def _days(day: str, month: str, weekday: str) -> str | None:
    """Return on which days; '' = on all of them, None = not in short words."""
    if month == "*" and day == "*":
        return "" if weekday == "*" else _weekdays(weekday)
    if weekday != "*" or not day.isdecimal() or not 0 < int(day) < 32:
        return None
    if month == "*":
        return f"day {int(day)}"
    return f"{_MONTHS[int(month)]} {int(day)}" if month.isdecimal() and 0 < int(month) < 13 else None


def _weekdays(field: str) -> str | None:
    parts: list[str] = []
    for part in field.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(map(_WEEKDAY.fullmatch, ends)):
            return None
        names = [_DAYS[int(end)] if end.isdecimal() else end.capitalize() for end in ends]
        if not set(names) <= set(_DAYS):
            return None
        parts.append("-".join(names))
    return ", ".join(parts) if len(parts) <= 5 else None
