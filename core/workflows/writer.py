"""Write a workflow mapping as text that the loader reads back unchanged.

Called by the command `import`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from core.model.values import JsonObject, JsonValue
from core.workflows.scalars import BadNumber, read_plain

JSON_ABOVE = 500
"""Tasks; larger documents are for machines, and JSON is read ten times faster."""
_KEY_MAX = 400
"""Characters of a key; YAML readers give up on much longer ones."""
_LINE = 100
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./@%+-]*( [A-Za-z0-9_./@%+-]+)*", re.ASCII)
_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def dump(workflow: JsonObject) -> str:
    """Return the text of a workflow: JSON above 500 tasks and for what YAML cannot say, else YAML."""
    if count_tasks(workflow) > JSON_ABOVE or not fits_yaml(workflow):
        return json.dumps(workflow, allow_nan=False) + "\n"
    return "".join(f"{line}\n" for line in _lines(workflow, ""))


def count_tasks(workflow: JsonObject) -> int:
    """Return how many tasks a workflow mapping has, in all stages."""
    stages = workflow.get("stages")
    groups: list[JsonValue] = [workflow.get("tasks")]
    if isinstance(stages, list):
        groups.extend(stage.get("tasks") for stage in stages if isinstance(stage, dict))
    return sum(len(group) for group in groups if isinstance(group, list))


def fits_yaml(value: JsonValue) -> bool:
    """Return whether YAML can say a value: keys are not too long, texts are whole characters."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if any(len(key) > _KEY_MAX for key in item):
                return False
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and not _encodes(item):
            return False
    return True


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _lines(value: JsonValue, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield from _mapping_lines(value, indent)
    elif isinstance(value, list) and value:
        yield from _list_lines(value, indent)
    else:
        yield indent + write_scalar(value)


def _mapping_lines(mapping: JsonObject, indent: str) -> Iterator[str]:
    for key, value in mapping.items():
        flow = _flow(value)
        if flow is not None:
            yield f"{indent}{write_scalar(key)}: {flow}"
        else:
            yield f"{indent}{write_scalar(key)}:"
            yield from _lines(value, indent + "  ")


def _list_lines(items: list[JsonValue], indent: str) -> Iterator[str]:
    for item in items:
        flow = _flow(item)
        if flow is not None:
            yield f"{indent}- {flow}"
            continue
        inner = list(_lines(item, indent + "  "))
        yield f"{indent}- {inner[0][len(indent) + 2 :]}"
        yield from inner[1:]


def _flow(value: JsonValue) -> str | None:
    """Return what fits behind a key on its line: scalars, nothing, short lists of scalars."""
    if isinstance(value, dict):
        return None if value else "{}"
    if not isinstance(value, list):
        return write_scalar(value)
    if any(isinstance(item, dict | list) for item in value):
        return None
    text = f"[{', '.join(write_scalar(item) for item in value)}]"
    return text if len(text) <= _LINE else None


def write_scalar(value: JsonValue) -> str:
    """Return a scalar as YAML reads it back, a text in quotes where it has to be."""
    if isinstance(value, str) and not _is_plain(value):
        quoted = json.dumps(value, ensure_ascii=False)
        return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match.group()):04x}", quoted)
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _is_plain(text: str) -> bool:
    """Say whether a string may stand without quotes and is read as a string again."""
    if not _PLAIN.fullmatch(text) or len(text) > _LINE:
        return False
    try:
        return read_plain(text) == text
    except BadNumber:
        return False
