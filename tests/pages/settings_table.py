"""The settings as the page of configuration shows them, from their class."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import PydanticUndefined

from core.cli.fixed_limits import FIXED
from core.config import PREFIX, Settings, read_at
from core.config.meanings import meanings

DEFAULTS = {"slots": "number of processors"}
"""Defaults that the machine decides."""


def settings_table() -> str:
    """Return a Markdown table: setting, default, bounds, meaning; in the order of the class."""
    return "\n".join(_rows())


def fixed_limits() -> str:
    """Return a Markdown table of what no setting changes."""
    rows = [f"| `{limit.name}` | {limit.value} | {limit.meaning} |" for limit in FIXED]
    return "\n".join(["| name | limit | what it bounds |", "|---|---|---|", *rows])


def _rows() -> Iterator[str]:
    texts = meanings(Settings)
    yield "| setting | default | allowed | what it does | read at |"
    yield "|---|---|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = DEFAULTS.get(name, "" if field.default is PydanticUndefined else _shown(field.default))
        bounds = _bounds(field.metadata, field.annotation)
        yield f"| `{name}` | {default} | {bounds} | {texts[name]} | {read_at(name)} |"


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return ", ".join(f"`{part}`" for part in value)
        case int() if value >= 2**20 and value % 2**20 == 0:
            return f"`{value}` ({value // 2**20:,} MiB)"
        case _:
            return f"`{value}`"


def _bounds(metadata: list[object], annotation: object) -> str:
    parts = []
    for bound in metadata:
        for word, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"), ("min_length", "length >=")):
            limit = getattr(bound, word, None)
            if limit is not None:
                parts.append(f"{sign} {limit:,}")
    choices = getattr(annotation, "__args__", ())
    if not parts and choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    return ", ".join(parts)


def environment_name(setting: str) -> str:
    """Return the variable of a setting."""
    return PREFIX + setting.upper()
