"""Usage: what attempts report that they spent, before it is priced.

Read from files, requests and connectors; the rules make entries of the ledger of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from core.model import bounds
from core.model.errors import Invalid
from core.model.limits.amounts import AMOUNT_MAX, parse_exact
from core.model.text import safe_line

FILE = "usage"
"""The name of the file in the directory of an attempt, as `$TASKDECK_USAGE` has it."""
EXHAUSTED = "exhausted"
"""The name of the file there that appears when a budget is spent and the attempt may end early."""
EXHAUSTED_EXIT = 6
"""The exit code of `charge`, and of a command that ended early, when a budget is spent."""
FILE_BYTES = 262_144
"""Bytes of the usage file of an attempt that are read."""
LINES_MAX = 2_000
"""Lines of the usage file of an attempt that are read."""
MODEL_MAX = 200
CHARGE_ID_MAX = 64
_SHOWN = 60
_OWN = ("model", "input", "output", "id", "at")
FORMS = '{"usd": 0.003}, {"tokens": 120} or {"model": "gpt-x", "input": 1000, "output": 200}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One statement of what was spent: amounts by unit, and tokens of a model that are to be priced."""

    amounts: Mapping[str, Fraction]
    model: str | None = None
    input: int = 0
    output: int = 0
    charge: str | None = None
    """The id of a charge that was made without an engine, or asked of one."""
    at: int | None = None
    """When it was spent (ms UTC); None = as it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFile:
    """What the usage file of an attempt says, and what of it is ignored."""

    reports: tuple[Reported, ...] = ()
    ignored: int = 0
    """Lines that say nothing that can be booked."""
    fault: str = ""
    """What is wrong with the first of them."""


def read_reported(said: object) -> Reported:
    """Read one statement; raise `Invalid` (`usage.invalid`).

    Keys are units with their amounts, `model` with the tokens `input` and `output`, and of a charge its `id`
    and moment `at` (ms UTC).
    """
    if not isinstance(said, Mapping):
        raise _invalid(f"it is not of the form {FORMS}")
    units = {unit: amount for unit, amount in said.items() if unit not in _OWN}
    wrong = next((unit for unit in units if not bounds.is_unit(unit)), None)
    if wrong is not None:
        raise _invalid(f"`{_shown(wrong)}` is not the name of a unit")
    if len(units) > bounds.UNITS_MAX:
        raise _invalid(f"it names more than {bounds.UNITS_MAX} units")
    amounts = {unit: _amount(unit, amount) for unit, amount in units.items()}
    reported = Reported(
        amounts=amounts,
        model=_text(said, "model", MODEL_MAX),
        input=_whole(said, "input") or 0,
        output=_whole(said, "output") or 0,
        charge=_text(said, "id", CHARGE_ID_MAX),
        at=_whole(said, "at"),
    )
    has_tokens = said.get("input") is not None or said.get("output") is not None
    if has_tokens and reported.model is None:
        raise _invalid("`input` and `output` need the `model` that they are of")
    if has_tokens and "tokens" in amounts:
        raise _invalid("`tokens` are the sum of `input` and `output`: give these or that")
    if not amounts and not has_tokens:
        raise _invalid("it names no amount")
    return reported


def _amount(unit: str, said: object) -> Fraction:
    try:
        return parse_exact(said)
    except Invalid as error:
        raise _invalid(f"`{unit}`: {error.message}") from error


def _text(said: Mapping[object, object], key: str, most: int) -> str | None:
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise _invalid(f"`{key}` must be a printable text of at most {most} characters")
    return value


def _whole(said: Mapping[object, object], key: str) -> int | None:
    value = said.get(key)
    if value is None:
        return None
    most = AMOUNT_MAX if key != "at" else 2**53
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _invalid(f"`{key}` must be a whole number from 0 to {most:,}")
    return value


def _invalid(reason: str) -> Invalid:
    return Invalid("usage.invalid", reason, hint=f"write {FORMS}", facts={"reason": reason})


def _shown(value: object) -> str:
    return safe_line(str(value)[:_SHOWN])
