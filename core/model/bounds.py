"""Bounds of what callers may give, the same on every door.

Used by documents, task specs, requests, commands and admission.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from core.model.errors import Invalid
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.timing.durations import LONGEST_MS, parse_timeout

PRIORITY_MAX = 100
"""Priorities are whole numbers from 0 to this."""
ATTEMPTS_MAX = 1_000
"""Attempts of a task, the first included."""
NAME_MAX = 200
"""Characters of a name, key, group, actor or client key."""
QUEUE_MAX = 100
"""Characters of the name of a queue."""
REASON_MAX = 10_000
"""Characters of a reason or description."""
PATH_MAX = 4_096
"""Characters of a directory."""
ENV_FILES_MAX = 20
"""Files of variables that one `env_file` may name."""
CODES_MAX = 100
"""Codes that one `retry.on` may name."""
EXIT_CODE_MAX = 255
"""The largest exit code, as a shell gives them: 128 + n is the signal n."""
TASKS_MAX = 100_000
"""Loose tasks of one request."""
PARAMS_BYTES = 1_048_576
"""Bytes of the parameters of one job, written as JSON."""
INPUT_BYTES = 16_777_216
"""Bytes of the input, or of the metadata, of one loose task, written as JSON: as much as a document."""
QUEUE = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""What the name of a queue, a pool or a limit looks like."""
UNIT = r"[a-z][a-z0-9_]*"
"""What the name of a unit looks like."""
UNIT_MAX = 40
"""Characters of the name of a unit."""
UNITS_MAX = 10
"""Units that one `cost` may name."""
LIMITS_MAX = 20
"""Limits that one task may name."""
POOLS_MAX = 20
"""Pools that one `prefer` may name."""
TAGS_MAX = 50
"""Tags of a task."""
TAG_MAX = 100
"""Characters of a tag."""

HALF_CHARACTER = "holds half a character (a lone surrogate)"
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Half of a pair; U+DC80 to U+DCFF stand for bytes that are not UTF-8, as names of files have them."""
_QUEUE = re.compile(QUEUE)
_UNIT = re.compile(UNIT)
_SHOWN = 60
_EnumT = TypeVar("_EnumT", bound=Enum)


def refused(field: str, value: object, wanted: str) -> Invalid:
    """Return the refusal of a value; code `task.FIELD`, facts `field`, `value`, `wanted`."""
    text = safe_line(repr(value)[: _SHOWN + 1])
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    name = field.rpartition(".")[2]
    return Invalid(
        f"task.{name}",
        f"`{field}` must be {wanted}, not {shown}",
        hint=f"give {wanted}",
        facts={"field": field, "value": shown, "wanted": wanted},
    )


def check_whole(field: str, value: object, *, least: int, most: int) -> None:
    """Refuse what is not a whole number between the bounds; neither true nor 2.0 is one."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refused(field, value, f"a whole number from {least} to {most}")


def check_exit_codes(field: str, value: object) -> None:
    """Refuse what is not a list of exit codes."""
    if not isinstance(value, tuple | list):
        raise refused(field, value, "a list of exit codes")
    for code in value:
        check_whole(field, code, least=0, most=EXIT_CODE_MAX)


def check_priority(value: object) -> None:
    """Refuse what is not a priority."""
    check_whole("priority", value, least=0, most=PRIORITY_MAX)


def check_text(field: str, value: object, *, most: int = NAME_MAX) -> None:
    """Refuse what is not a text of 1 to `most` characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        wanted = f"a text of 1 to {most} characters"
        if isinstance(value, str) and value:
            raise refused(field, f"{value[:20]}... ({len(value)} characters)", wanted)
        raise refused(field, value, wanted)


def check_optional_text(field: str, value: object, *, most: int = NAME_MAX) -> None:
    """Refuse what is neither None nor a text of 1 to `most` characters."""
    if value is not None:
        check_text(field, value, most=most)


def check_reason(value: object) -> None:
    """Refuse a reason that is not text, or too long; it may be empty."""
    if not isinstance(value, str) or len(value) > REASON_MAX:
        raise refused("reason", value, f"a text of at most {REASON_MAX} characters")


def check_queue(value: object) -> None:
    """Refuse what cannot be the name of a queue."""
    check_name("queue", value)


def check_name(field: str, value: object) -> None:
    """Refuse what cannot be the name of a queue, a pool or a limit."""
    if not isinstance(value, str) or len(value) > QUEUE_MAX or not _QUEUE.fullmatch(value):
        wanted = f"a name of at most {QUEUE_MAX} letters, digits, _, . and -, a letter or digit first"
        raise refused(field, value, wanted)


def is_unit(name: object) -> bool:
    """Return whether this can be the name of a unit; `auto` stands for amounts and is none."""
    return isinstance(name, str) and len(name) <= UNIT_MAX and bool(_UNIT.fullmatch(name)) and name != "auto"


def check_listed(field: str, value: object, *, most: int) -> None:
    """Refuse what is not a list of at most so many."""
    # One text is a sequence of texts too.
    if not isinstance(value, tuple | list) or len(value) > most:
        raise refused(field, value, f"a list of at most {most}")


def read_timeout(value: object, field: str = "timeout") -> int | None:
    """Return a time limit in ms: None = not given, 0 = none; refuse what is not one."""
    if value is None:
        return None
    try:
        return parse_timeout(value)
    except Invalid as error:
        raise Invalid(
            f"task.{field}",
            f"`{field}`: {error.message}",
            hint=f"{error.hint}; 0 or none lifts the limit",
            facts={"field": field, "value": safe_line(repr(value)[:_SHOWN])},
        ) from error


def check_timeout_ms(value: object, field: str = "timeout") -> None:
    """Refuse what is neither None nor a time limit in ms; 0 = no limit."""
    if value is not None:
        check_whole(field, value, least=0, most=LONGEST_MS)


def read_choice(field: str, value: object, kind: type[_EnumT]) -> _EnumT:
    """Return the member of an enum that a value is, or names; refuse anything else."""
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError as error:
        words = [str(member.value) for member in kind]
        near = one_of(value, words) if isinstance(value, str) else ""
        raise refused(field, value, f"one of {', '.join(words)}{near}") from error


def check_environment(value: object) -> None:
    """Refuse captured variables that no process can be given."""
    if not isinstance(value, Mapping):
        raise refused("env", value, "a map of names to texts")
    for name, text in value.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise refused("env", name, "a map whose names have no = and no NUL")
        if not isinstance(text, str) or process_text_fault(text) is not None:
            raise refused(f"env.{safe_line(name[:NAME_MAX])}", text, "a text without NUL and half characters")


def check_directory(value: object) -> None:
    """Refuse what is neither None nor a directory's path, as text."""
    if value is None or value == "":
        return
    if not isinstance(value, str) or len(value) > PATH_MAX or process_text_fault(value) is not None:
        wanted = f"a path of at most {PATH_MAX} characters without NUL and half characters"
        raise refused("cwd", value, wanted)


def check_number(field: str, value: object) -> None:
    """Refuse what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refused(field, value, "a finite number")


def process_text_fault(text: str) -> str | None:
    """Return why no process can be given a text, as the end of a sentence, or None."""
    if "\0" in text:
        return "holds a NUL, which no process can be given"
    return half_character_fault(text)


def half_character_fault(text: str) -> str | None:
    """Return that a text cannot be written as bytes, as the end of a sentence, or None."""
    return HALF_CHARACTER if _HALF.search(text) else None
