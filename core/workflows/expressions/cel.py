"""CEL: compile a short source, run it over plain data.

Called by `checking` and `resolving`.

The library has no limit on cost and holds the interpreter lock: `checking` refuses what could run
long, before anything comes here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from core.model.errors import Invalid
from core.model.values import JsonObject, JsonValue
from core.workflows.limits import Limits, survey

if TYPE_CHECKING:
    from cel import Program

_DATA = Limits(depth=200, nodes=200_000)
"""Deeper data crashes the library; more of it stalls every thread while it is converted."""
_AT = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_EXPECTING = re.compile(r" expecting \{.*\}")


@lru_cache(maxsize=1024)
def compile_source(source: str) -> Program:
    """Return the compiled expression; raise `Invalid` with line and column among its facts."""
    # It takes 0.3 s to load, and most documents have plain paths only.
    import cel

    try:
        return cel.compile(source)
    except ValueError as error:
        match = _AT.search(str(error))
        if match is None:
            raise Invalid(
                "expression.syntax", "the expression cannot be understood", hint="check it against CEL"
            ) from error
        message = _EXPECTING.sub("", match[3]).replace("mismatched input '<EOF>'", "something is missing")
        facts: JsonObject = {"line": int(match[1]), "column": int(match[2])}
        raise Invalid(
            "expression.syntax",
            f"{message} at character {match[2]}",
            hint="fix the expression there",
            facts=facts,
        ) from error


def run(source: str, variables: JsonObject) -> JsonValue:
    """Return the value of an expression over its variables; raise `Invalid` when there is none."""
    fault = survey(variables, _DATA)
    if fault is not None:
        raise Invalid(
            "expression.data",
            f"the data of an expression has {fault.message}",
            hint="pass large data by a file",
        )
    program = compile_source(source)
    try:
        result: object = program.execute(dict(variables))
    except KeyError as error:
        message = f"there is no `{error.args[0]}`"
        raise Invalid("expression.unknown", message, hint="check the name") from error
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        message = str(error).split(". ")[0] or type(error).__name__
        raise Invalid("expression.failed", message, hint="check the types of its values") from error
    return _plain(result)


def _plain(result: object) -> JsonValue:
    fault = survey(result, _DATA)
    if fault is not None:
        raise Invalid(
            "expression.type",
            f"the expression does not give a plain value: {fault.message}",
            hint="convert it: string(...), int(...), double(...)",
        )
    return result  # type: ignore[return-value] # The survey has just looked at every part of it.
