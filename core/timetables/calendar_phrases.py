"""Calendar phrases: days in words, as cron.

Called by the reader of timings.
"""

from __future__ import annotations

import re

from core.model.errors import Invalid
from core.model.near_misses import did_you_mean
from core.model.text import safe_line

FORMS = (
    "last working day at 18:00, 2nd monday at 06:30, last friday, day 15 at 9:00, last day, "
    "every weekday at 7:00"
)

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_NUMBERS = {
    word: number
    for number, words in enumerate(
        (("1st", "first"), ("2nd", "second"), ("3rd", "third"), ("4th", "fourth"), ("5th", "fifth")), 1
    )
    for word in words
}
_WHOLE = {
    "every day": "* * *",
    "every weekday": "* * 1-5",
    "every working day": "* * 1-5",
    "last working day": "LW * *",
    "last day": "L * *",
    "first day": "1 * *",
    "1st day": "1 * *",
}
"""Day-of-month, month and day-of-week of phrases."""
_WORDS = (*_DAYS, *_NUMBERS, "every", "weekday", "working", "day", "last", "at")
_PARTS = re.compile(r"(?:the )?(.*?)(?: of the month)?(?: at (\S+))?")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_SHOWN = 60


def to_cron(phrase: str) -> str:
    """Return the cron expression of a phrase; without a time of day it is 00:00.

    Raises `Invalid` (`schedule.calendar`) that names the word or time.
    """
    typed = " ".join(phrase.lower().split())
    match = _PARTS.fullmatch(typed)
    days, clock = match.groups() if match else (typed, None)
    second, minute, hour = _time(clock or "00:00", phrase)
    fields = _WHOLE.get(days) or _named_day(days, phrase)
    return f"{f'{second} ' if second else ''}{minute} {hour} {fields}"


def _named_day(days: str, phrase: str) -> str:
    match days.split():
        case ["day", number] if number.isdecimal() and number.isascii() and 1 <= int(number[:9]) <= 31:
            return f"{int(number)} * *"
        case ["day", number] if number.isdecimal():
            raise _refused(phrase, f"no month has a day `{safe_line(number[:_SHOWN])}`")
        case ["every", day] if day in _DAYS:
            return f"* * {_DAYS.index(day)}"
        case ["last", day] if day in _DAYS:
            return f"* * {_DAYS.index(day)}L"
        case [number, day] if number in _NUMBERS and day in _DAYS:
            return f"* * {_DAYS.index(day)}#{_NUMBERS[number]}"
    for word in days.split():
        if word not in _WORDS and not word.isdecimal():
            raise _refused(phrase, f"`{safe_line(word[:_SHOWN])}` is not known{did_you_mean(word, _WORDS)}")
    raise _refused(phrase, "it does not name days")


def _time(clock: str, phrase: str) -> tuple[int, int, int]:
    match = _TIME.fullmatch(clock)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise _refused(phrase, f"`{safe_line(clock[:_SHOWN])}` is not a time of day such as 18:00")
    return int(match[3] or 0), int(match[2]), int(match[1])


def _refused(phrase: str, fault: str) -> Invalid:
    shown = safe_line(phrase[:_SHOWN])
    return Invalid(
        "schedule.calendar",
        f"calendar `{shown}`: {fault}",
        hint=f"write it as one of: {FORMS}",
        facts={"field": "calendar", "value": shown},
    )
