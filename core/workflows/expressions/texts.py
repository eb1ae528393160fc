"""Methods of texts in expressions.

Used by the table of functions.
"""

from __future__ import annotations

from core.filters.patterns import PatternRefused, compile_pattern
from core.model.errors import Invalid
from core.model.values import JsonValue
from core.workflows.expressions.kinds import ITEMS_MAX, TEXT_MAX, Rule, kind_of

SUBJECT_MAX = 256 * 1024
"""Bytes of a text that `matches` looks at; a larger one is refused."""


def matches(text: str, pattern: str) -> bool:
    """Tell whether a regular expression (RE2) is found in a text."""
    subject = text.encode("utf-8", "surrogatepass")
    if len(subject) > SUBJECT_MAX:
        raise Invalid(
            "expression.size",
            f"`matches` looks at texts of at most {SUBJECT_MAX} bytes",
            facts={"limit": SUBJECT_MAX},
        )
    try:
        return compile_pattern(pattern).found_in_whole(subject)
    except PatternRefused as error:
        raise Invalid("expression.pattern", error.reason, hint=error.hint) from error


def _lines(text: str) -> list[JsonValue]:
    _check_items(text.count("\n"))
    return list[JsonValue](text.removesuffix("\n").replace("\r\n", "\n").split("\n")) if text else []


def _split(text: str, separator: str, limit: int = -1) -> list[JsonValue]:
    if limit == 0:
        return []
    _check_items(text.count(separator))
    if not separator:
        return list[JsonValue](text)
    return list[JsonValue](text.split(separator, limit - 1 if limit > 0 else -1))


def _join(items: list[JsonValue], separator: str = "") -> str:
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        other = next(item for item in items if not isinstance(item, str))
        raise Invalid(
            "expression.type",
            f"`join` is for a list of string and met {kind_of(other)}",
            facts={"types": ["list", kind_of(other)]},
        )
    _check_size(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(text: str, old: str, new: str) -> str:
    _check_size(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return text.replace(old, new)


def _check_size(size: int) -> None:
    if size > TEXT_MAX:
        raise Invalid(
            "expression.size",
            f"a text of an expression has at most {TEXT_MAX} characters",
            facts={"limit": TEXT_MAX},
        )


def _check_items(count: int) -> None:
    if count >= ITEMS_MAX:
        raise Invalid(
            "expression.size",
            f"a list of an expression has at most {ITEMS_MAX} items",
            facts={"limit": ITEMS_MAX},
        )


def _ascii_lower(text: str) -> str:
    return text.translate(_LOWER)


def _ascii_upper(text: str) -> str:
    return text.translate(_UPPER)


_UPPERCASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = str.maketrans(_UPPERCASE, _UPPERCASE.lower())
_UPPER = str.maketrans(_UPPERCASE.lower(), _UPPERCASE)
_TEXT, _PAIR = ("string",), ("string", "string")

TEXT_METHODS: dict[str, tuple[Rule, ...]] = {
    "contains": (Rule(takes=_PAIR, gives="bool", call=lambda text, part: part in text),),
    "startsWith": (Rule(takes=_PAIR, gives="bool", call=str.startswith),),
    "endsWith": (Rule(takes=_PAIR, gives="bool", call=str.endswith),),
    "matches": (Rule(takes=_PAIR, gives="bool", call=matches),),
    "trim": (Rule(takes=_TEXT, gives="string", call=str.strip),),
    "lines": (Rule(takes=_TEXT, gives="list", call=_lines),),
    "split": (
        Rule(takes=_PAIR, gives="list", call=_split),
        Rule(takes=(*_PAIR, "int"), gives="list", call=_split),
    ),
    "join": (
        Rule(takes=("list",), gives="string", call=_join),
        Rule(takes=("list", "string"), gives="string", call=_join),
    ),
    "replace": (Rule(takes=(*_PAIR, "string"), gives="string", call=_replace),),
    "lowerAscii": (Rule(takes=_TEXT, gives="string", call=_ascii_lower),),
    "upperAscii": (Rule(takes=_TEXT, gives="string", call=_ascii_upper),),
}
"""`lines` leaves out the final line end; the names are those of CEL's extension for strings."""
