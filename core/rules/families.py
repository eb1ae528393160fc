"""Put failures into families: the same error but for details.

Called by the writer of the store through `WriterRules`.

Two failures are of one family if they have the same code, the same exit or status, and the same message once
numbers, ids, paths, times, hosts, addresses and quoted values are taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from core.model.failures import Family

LONGEST = 300
"""Characters of a message that count."""
_ID_BYTES = 5
_EXIT = re.compile(r"(?:exit \d+|SIG[A-Z0-9]+)(?:: |$)")
_TIME = (
    r"\d{4}-\d\d-\d\d(?:[T _]\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?\b"
    r"|\d\d?/\d\d?/\d{4}\b|\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? \d\d? [A-Z][a-z]{2}\b"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d\b"
)
_HOST = r"(?:\d{1,3}\.){3}\d{1,3}(?:[:/]\d+)?\b|\[?(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}\b\]?(?::\d+)?"


class _Kind(NamedTuple):
    """What may differ: the name that is put in its place, and its pattern."""

    name: str
    pattern: str


_WORDS: tuple[_Kind, ...] = (
    _Kind("<url>", r"[a-z][a-z0-9+.-]{1,15}://[^\s'\")>\]]+"),
    _Kind("<uuid>", r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    _Kind("<address>", r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"),
    _Kind("<time>", _TIME),
    _Kind("<host>", _HOST),
    _Kind("<path>", r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\s:,;'\"()<>\[\]]+|[\w.-]+(?:/[\w.@+-]+)+\b"),
    _Kind("<name>", r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+(?::\d+)?\b(?![.(]\w|\()"),
    _Kind("<id>", r"0x[0-9a-fA-F]+\b|(?=[a-fA-F]*\d)[0-9a-fA-F]{7,}\b|(?=[\w-]*\d[A-Za-z_-]+\d)[\w-]{8,}\b"),
)
"""What may differ and begins a word; the first that fits."""
_OTHERS: tuple[_Kind, ...] = (
    # What is written in quotes is a value; an apostrophe within a word opens none.
    _Kind(
        "'…'",
        r"(?<![\w'])'[^'\n]*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`|\u2018[^\u2019\n]*\u2019|\u201c[^\u201d\n]*\u201d",
    ),
    _Kind("#", r"\d+(?:[.,]\d+)*"),
)
_KINDS = (*_WORDS, *_OTHERS)


def _grouped(kinds: Sequence[_Kind], first: int) -> str:
    return "|".join(f"(?P<k{first + number}>{pattern})" for number, (_, pattern) in enumerate(kinds))


# Within a word only the few others are tried: that is a third of the time.
_DIFFERS = re.compile(rf"(?<![\w.@/<-])(?:{_grouped(_WORDS, 0)})|{_grouped(_OTHERS, len(_WORDS))}")
_NAMES = {f"k{number}": name for number, (name, _) in enumerate(_KINDS)}
_MANY = re.compile(r"(#|<\w+>|'…')(?:(?:, ?| and | or |; ?| )\1)+")
"""The same thing several times: how many there are differs too."""


def family_of(error: Mapping[str, object]) -> Family:
    """Return the family of an error as it is stored: `{code, message, facts}`."""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    facts = error.get("facts")
    number = (facts.get("exit", facts.get("status")) if isinstance(facts, Mapping) else None) or ""
    return _family(code, str(number), message[:LONGEST])


@lru_cache(maxsize=2_048)
def _family(code: str, number: str, message: str) -> Family:
    # How a process ended is part of the code: `exit 1` is another thing than `exit 2`.
    exit_ = match[0] if (match := _EXIT.match(message)) is not None else ""
    pattern = f"{exit_}{pattern_of(message[len(exit_) :])}"
    key = f"{code}\n{number}\n{pattern}".encode("utf-8", "surrogatepass")
    return Family(blake2b(key, digest_size=_ID_BYTES).hexdigest(), code, pattern)


def pattern_of(message: str) -> str:
    """Return a message without what differs between two failures of one kind."""
    told = _DIFFERS.sub(lambda match: _NAMES[match.lastgroup or "k0"], " ".join(message.split()))
    return _MANY.sub(r"\1", told)
