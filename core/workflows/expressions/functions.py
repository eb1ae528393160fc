"""The functions and methods of expressions.

Used by the checks and the evaluation; those for texts and times are in files of their own.
"""

from __future__ import annotations

from core.workflows.expressions.conversions import CONVERSIONS
from core.workflows.expressions.kinds import ANY, Rule, kind_of
from core.workflows.expressions.texts import TEXT_METHODS, matches
from core.workflows.expressions.times import TIME_METHODS

_SIZE = tuple(Rule(takes=(kind,), gives="int", call=len) for kind in ("string", "bytes", "list", "map"))

FUNCTIONS: dict[str, tuple[Rule, ...]] = {
    "size": _SIZE,
    "type": (Rule(takes=(ANY,), gives="string", call=kind_of),),
    "matches": (Rule(takes=("string", "string"), gives="bool", call=matches),),
    **CONVERSIONS,
}
"""The rules of `name(arguments)`."""
METHODS: dict[str, tuple[Rule, ...]] = {"size": _SIZE, **TEXT_METHODS, **TIME_METHODS}
"""The rules of `value.name(arguments)`; the value is the first that a rule takes."""
PRESENCE = "has"
"""`has(a.b)`: whether a map has a key; its argument is never evaluated as a whole."""
MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map", "reduce", "transformList"})
"""What CEL has over lists, and is not offered: its cost has no limit that the source shows."""
