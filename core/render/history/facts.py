"""Facts of an event in few words, whatever they hold.

Used by `lines`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from core.model.outcomes import error_line
from core.model.text import clip
from core.model.values import JsonObject, JsonValue
from core.render.times import duration_text, moment_text

CELLS = 200
"""Cells of one fact at the most."""
OUTPUT_CELLS = 60
FACTS = 20
"""Facts of one event at the most; the others are counted."""
_MOMENTS = ("at", "due", "fails_at", "finished_at", "retry_at", "since", "until")
_NAMES = re.compile(r"\{(\w+)\}")


def said(value: JsonValue) -> str:
    """Write a value: a text as it is, all else as JSON; cut behind `CELLS`."""
    return clip(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), CELLS)


def fact(name: str, value: JsonValue) -> str:
    """Write the value of a fact: moments and lengths, which are ms, as people read them."""
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _MOMENTS:
            return moment_text(value)
        if name.endswith("_ms"):
            return duration_text(value)
    return said(value)


def filled(template: str, known: Mapping[str, JsonValue]) -> str:
    """Return a phrase with the facts that it names; one that is missing is `?`."""
    return _NAMES.sub(lambda found: _named(known, found[1]), template)


def named_in(*templates: str) -> frozenset[str]:
    """Return the facts that phrases name."""
    return frozenset(name for template in templates for name in _NAMES.findall(template))


def listed(facts: Mapping[str, JsonValue], *, leaving: Collection[str] = ()) -> str:
    """Write facts as `name value, name value`; errors as their line, falsehoods and nothings not at all."""
    parts = [
        _listed(name, value)
        for name, value in facts.items()
        if name not in leaving and value not in (None, False, "")
    ]
    more = [f"and {len(parts) - FACTS} more"] if len(parts) > FACTS else []
    return ", ".join(parts[:FACTS] + more)


def params_told(data: JsonObject) -> str:
    """Write the parameters of a job, `date="2026-01-01", limit=10`."""
    params = data.get("params")
    if not isinstance(params, dict) or not params:
        return ""
    shown = [f"{name}={said(json.dumps(value, ensure_ascii=False))}" for name, value in params.items()]
    left_out = data.get("params_left_out")
    hidden = max(0, len(shown) - FACTS) + (left_out if isinstance(left_out, int) else 0)
    return "with " + ", ".join(shown[:FACTS] + ([f"and {hidden} more"] if hidden else []))


def output_told(output: JsonValue) -> str:
    """Write what a task gave back: its JSON or text where it has one, else all of it; the first of it."""
    if isinstance(output, dict):
        output = next((output[name] for name in ("json", "text") if output.get(name)), output)
    if output in (None, "", {}):
        return ""
    return f"output {clip(said(output.strip() if isinstance(output, str) else output), OUTPUT_CELLS)}"


def _listed(name: str, value: JsonValue) -> str:
    if name == "error" and isinstance(value, dict):
        return clip(error_line(value), CELLS)
    return f"{name.removesuffix('_ms').replace('_', ' ')} {fact(name, value)}"


def _named(known: Mapping[str, JsonValue], name: str) -> str:
    value = known.get(name)
    return "?" if value is None else fact(name, value)
