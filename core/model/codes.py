"""Error codes that exist, and patterns of them.

Declared by connectors; used by the retry policy, the validation of documents and admission.

A pattern is a code (`timeout`, `shell.exit`), the beginning of codes (`http`), a number (`shell.exit.75`,
`http.503`), a range of numbers (`shell.exit.64-78`, `http.500-504`) or a class of statuses (`http.5xx`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct, field

from core.model.near_misses import one_of

if TYPE_CHECKING:
    from core.model.values import JsonObject

PATTERN = r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(-[0-9]+)?"
"""What a pattern looks like."""
_NUMBERS = re.compile(r"(.+)\.([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)
_CLASS = re.compile(r"(.+)\.([1-5])xx", re.ASCII)
OUTPUT_FACT = "matched"
"""The fact of an error that names the pattern of `retry.on` which the last output fits."""
_FACTS = ("exit", "status")
"""Facts of an error whose value a pattern may name."""


class Match(Enum):
    """How well a pattern fits an error."""

    NAMED = "named"
    """By its whole code, or its number."""
    BEGINNING = "beginning"
    """By the beginning of its code."""


class Numbers(Struct, frozen=True, kw_only=True):
    """The numbers that errors of one beginning carry."""

    least: int
    most: int
    noun: str
    """What they are, for messages: `exit code`."""


class ErrorCodes(Struct, frozen=True, kw_only=True):
    """The codes that a connector, or the engine, fails attempts with."""

    codes: frozenset[str]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    """By the code or beginning that a number may follow."""

    def __or__(self, other: ErrorCodes) -> ErrorCodes:
        return ErrorCodes(codes=self.codes | other.codes, numbers={**self.numbers, **other.numbers})


class CodePattern(Struct, frozen=True, kw_only=True):
    """A pattern, read; without numbers `least` and `most` are None."""

    text: str
    stem: str
    least: int | None = None
    most: int | None = None


ENGINE_CODES = ErrorCodes(
    codes=frozenset(
        {
            "timeout",
            "timeout.silence",
            "attempt.results",
            "connector.broken",
            "connector.cancelled",
            "connector.error",
            "connector.invalid",
            "connector.not_found",
            "connector.output",
            "task.unreadable",
            "artifact.changed",
            "artifact.cwd",
            "artifact.expression",
            "artifact.kind",
            "artifact.link",
            "artifact.many",
            "artifact.missing",
            "artifact.path",
            "artifact.too_large",
            "artifact.write",
            "variable.expression",
            "variable.size",
            "variable.type",
            "variable.unknown",
            "expression.data",
            "expression.depth",
            "expression.dynamic",
            "expression.empty",
            "expression.failed",
            "expression.macro",
            "expression.no_end",
            "expression.not_boolean",
            "expression.not_needed",
            "expression.not_whole",
            "expression.syntax",
            "expression.too_long",
            "expression.type",
            "expression.unknown",
            "expression.unknown_function",
            "expression.unknown_param",
            "expression.unknown_root",
            "expression.unknown_task",
            "output.cap",
            "process.cwd",
            "with.invalid",
        }
    )
)
"""What an attempt of any connector may fail with."""
NOT_RETRIED = {
    "attempt.lost": "a lost attempt follows `on_loss`",
    "attempt.bounced": "a failed start is repeated without `retry`",
    "attempt.missing": "an operator decides about a task that the store does not tell enough about",
    "condition.broken": "a task whose `when` cannot be judged has not begun",
    "condition.refused": "a task whose `when` cannot be judged has not begun",
    "outcome.refused": "what has ended is not done again because its outcome could not be stored",
}
"""Codes that `retry.on` has no say in, and what has."""


@lru_cache(maxsize=1024)
def read_pattern(text: str) -> CodePattern:
    """Return a pattern; without number at its end, its stem is its text."""
    if (match := _NUMBERS.fullmatch(text)) is not None:
        least = int(match[2])
        return CodePattern(text=text, stem=match[1], least=least, most=int(match[3] or least))
    if (match := _CLASS.fullmatch(text)) is not None:
        least = int(match[2]) * 100
        return CodePattern(text=text, stem=match[1], least=least, most=least + 99)
    return CodePattern(text=text, stem=text)


def match_error(patterns: Collection[str], code: str, facts: JsonObject) -> Match | None:
    """Return how the best of these patterns fits an error; None when none does."""
    found = {_fit(read_pattern(text), code, facts) for text in patterns}
    return Match.NAMED if Match.NAMED in found else Match.BEGINNING if Match.BEGINNING in found else None


def _fit(pattern: CodePattern, code: str, facts: JsonObject) -> Match | None:
    if code == pattern.text:
        return Match.NAMED
    if code.startswith(f"{pattern.text}."):
        return Match.BEGINNING
    if pattern.least is None or pattern.most is None:
        return None
    if code != pattern.stem and not code.startswith(f"{pattern.stem}."):
        return None
    numbers = [facts.get(name) for name in _FACTS]
    fits = any(isinstance(number, int) and pattern.least <= number <= pattern.most for number in numbers)
    return Match.NAMED if fits else None


def fault_of(text: str, known: ErrorCodes) -> str | None:
    """Return in a sentence why a pattern names no error of these, or None."""
    if text in NOT_RETRIED:
        return f"`{text}` is not an error that `retry` decides about: {NOT_RETRIED[text]}"
    if any(code == text or code.startswith(f"{text}.") for code in known.codes):
        return None
    pattern = read_pattern(text)
    if pattern.least is None or pattern.most is None:
        return f"`{text}` is not an error code{one_of(text, _names(known))}"
    numbers = known.numbers.get(pattern.stem)
    if numbers is None:
        return f"`{text}` is not an error code{one_of(pattern.stem, _names(known))}"
    if pattern.least > pattern.most:
        return f"`{text}`: the range ends before it begins"
    if not numbers.least <= pattern.least <= pattern.most <= numbers.most:
        return f"`{text}`: {numbers.noun} is a number from {numbers.least} to {numbers.most}"
    return None


def _names(known: ErrorCodes) -> Collection[str]:
    """Return the codes and their beginnings."""
    names = {*known.codes, *known.numbers}
    return names | {name.rpartition(".")[0] for name in names if "." in name}
