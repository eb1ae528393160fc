"""Faults of cron expressions, by field and value.

Called by the reader of cron expressions when cronsim has refused one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.model.errors import Invalid
from core.model.near_misses import one_of
from core.model.text import safe_line

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Names of expressions, as cron has them."""
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31),
    _Field(
        "month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    ),
    _Field("day-of-week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_FIVE = "minute hour day-of-month month day-of-week"


def preset_fault(typed: str) -> Invalid:
    """Return the refusal of a name that begins with `@`."""
    if typed.lower() == "@reboot":
        return Invalid(
            "schedule.cron",
            "`@reboot` is not a time: a schedule fires by the clock",
            hint="start it from a systemd unit, or give a time such as @daily",
            facts={"field": "cron", "value": typed},
        )
    shown = safe_line(typed[:_SHOWN])
    return Invalid(
        "schedule.cron",
        f"`{shown}` is not a cron expression{one_of(typed.lower(), PRESETS)}",
        hint=f"give five fields ({_FIVE}) or one of {', '.join(PRESETS)}",
        facts={"field": "cron", "value": shown},
    )


def fault_of(expression: str, reason: str) -> Invalid:
    """Return the refusal of an expression, by what cronsim said of it and a look at its fields."""
    texts = expression.split()
    if len(texts) not in (5, 6):
        return _refused(
            "cron",
            expression,
            f"it has {_fields(len(texts))}",
            f"give five fields ({_FIVE}), or six with second first",
        )
    field = next(field for field in _FIELDS if reason.endswith(field.name))
    text = texts[_FIELDS.index(field) - (6 - len(texts))]
    if fault := _fault(field, text.lower()):
        return _refused(field.name, text, *fault)
    if field.name == "day-of-month":
        return Invalid(
            "schedule.never",
            f"cron `{safe_line(expression[:_SHOWN])}` never fires: no month it names has such a day",
            hint="give a day that the month has; L is the last one",
            facts={"field": field.name, "value": safe_line(text[:_SHOWN])},
        )
    return _refused(field.name, text, "it cannot be read", _hint(field))


def _fault(field: _Field, text: str) -> tuple[str, str] | None:
    """Return in words what is wrong with a field, and what to do; None when that is not clear."""
    if "?" in text:
        return "`?` is not known", "write * for every value"
    for term in text.split(","):
        values, slash, step = term.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return f"the step `{safe_line(step)}` is not a number from 1 on", "write a step as */5 or 0-30/5"
        for value in re.split("[-#]", values) if values != "*" else ():
            if fault := _value_fault(field, value):
                return fault, _hint(field)
        begin, dash, end = values.partition("-")
        if dash and _number(field, begin) > _number(field, end):
            return f"`{safe_line(values)}` ends before it begins", _split_hint(field, begin, end)
    return None


def _value_fault(field: _Field, value: str) -> str | None:
    if value.isdecimal() and value.isascii():
        within = field.least <= int(value) <= field.most
        return None if within else f"`{value}` is not from {field.least} to {field.most}"
    if value in field.words or (field.name == "day-of-month" and value in ("l", "lw")):
        return None
    if field.name == "day-of-week" and re.fullmatch("[0-7]l", value):
        return None
    if not value:
        return "a value is missing"
    return f"`{safe_line(value)}` is not known{one_of(value, field.words) if field.words else ''}"


def _number(field: _Field, value: str) -> int:
    return field.words.index(value) + field.least if value in field.words else int(value)


def _split_hint(field: _Field, begin: str, end: str) -> str:
    if field.name == "day-of-week" and end in ("0", "sun"):
        return f"write {begin}-{'7' if begin.isdecimal() else 'sat,sun'}"
    last = field.words[-1] if field.words and not begin.isdecimal() else field.most
    first = field.words[0] if field.words and not begin.isdecimal() else field.least
    return f"write {begin}-{last},{first}-{end}"


def _hint(field: _Field) -> str:
    words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    return f"give *, numbers from {field.least} to {field.most}{words}, a list, a range or a step"


def _refused(name: str, value: str, fault: str, hint: str) -> Invalid:
    shown = safe_line(value[:_SHOWN])
    what = f"cron `{shown}`" if name == "cron" else f"the {name} field `{shown}` of cron"
    return Invalid("schedule.cron", f"{what}: {fault}", hint=hint, facts={"field": name, "value": shown})


def _fields(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'}"
