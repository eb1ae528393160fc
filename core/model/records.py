"""Records: values of named fields, copied with changes, or as dicts.

Those of msgspec and dataclasses alike. Used wherever a value is copied with changes, or shown field by field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from msgspec import structs

R = TypeVar("R")


def replace(record: R, /, **changes: Any) -> R:  # noqa: ANN401 # as of any record
    """Return a copy in which these fields have other values; what checks the record checks the copy."""
    if isinstance(record, msgspec.Struct):
        return structs.replace(record, **changes)
    return dataclasses.replace(record, **changes)  # type: ignore[type-var] # the other kind of record


def names_of(kind: object) -> tuple[str, ...]:
    """Return the names of the fields of a record, or of its class, in order; empty for anything else."""
    made = kind if isinstance(kind, type) else type(kind)
    if issubclass(made, msgspec.Struct):
        return made.__struct_fields__
    return tuple(field.name for field in dataclasses.fields(made)) if dataclasses.is_dataclass(made) else ()


def leaves_out(kind: type[msgspec.Struct], *names: str) -> Callable[[object], bool]:
    """Return what tells whether a record has the defaults of its class in these fields, two or more.

    One comparison for all of them: most tasks say nothing of what few say.
    """
    defaults = dict(zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False))
    read, unsaid = attrgetter(*names), tuple(defaults[name] for name in names)
    return lambda record: read(record) == unsaid


def as_dict(record: object) -> dict[str, Any]:
    """Return the fields of a record by name, records within it too; other values stay."""
    return {name: _plain(getattr(record, name)) for name in names_of(record)}


def _plain(value: object) -> object:
    if names_of(value):
        return as_dict(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value
