"""The JSON Schema of config.toml, for editors.

Printed by `config schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic.json_schema import models_json_schema

from core.config.meanings import meanings
from core.config.section import Form, Section
from core.config.sections import ENGINE, SECTIONS
from core.config.settings import TIME_LIMITS, Settings
from core.model import bounds

if TYPE_CHECKING:
    from pydantic import BaseModel

    from core.config.tables import Table
    from core.model.values import JsonObject, JsonValue

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = rf"^[A-Za-z0-9][A-Za-z0-9_.-]{{0,{bounds.QUEUE_MAX - 1}}}$"
_LIMIT: Final[JsonObject] = {"anyOf": [{"type": "number", "minimum": 0}, {"const": "none"}]}
_TABLES_OF_ONE_NAME: Final = frozenset({"prices"})
"""Sections in which several tables may have one name."""


def json_schema() -> JsonObject:
    """Return the schema of the whole file, with the meaning of each key."""
    models: list[type[BaseModel]] = [Settings, *(table for one in SECTIONS for table in _tables(one))]
    _, defined = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/$defs/{model}"
    )
    definitions: dict[str, JsonObject] = defined["$defs"]
    for model in models:
        _explain(definitions[model.__name__], model)
    of_settings = definitions[Settings.__name__]["properties"]
    assert isinstance(of_settings, dict)
    for name in TIME_LIMITS:
        of_settings[name] = {"description": meanings(Settings)[name].replace("`", ""), **_LIMIT}
    sections: JsonObject = {section.name: _section(section) for section in SECTIONS}
    top: JsonObject = {ENGINE: _of(Settings), **sections, **of_settings}
    return {
        "$schema": _DIALECT,
        "title": "config.toml of a taskdeck data directory",
        "type": "object",
        "additionalProperties": False,
        "properties": top,
        "$defs": {**definitions},
    }


def _tables(section: Section[Table]) -> list[type[Table]]:
    return list(section.kinds.values()) or [section.table]


def _section(section: Section[Table]) -> JsonObject:
    of = [_of(table) for table in _tables(section)]
    # Where tables differ by a key, an editor says best what is wrong with the one that is meant.
    table: JsonValue = of[0] if len(of) == 1 else {"oneOf": [*of]}
    if section.form is Form.ONE:
        return of[0]
    if section.name in _TABLES_OF_ONE_NAME:
        table = {"anyOf": [table, {"type": "array", "items": table}]}
    names: JsonObject = {} if section.form is Form.FREE else {"propertyNames": {"pattern": _NAME}}
    return {"type": "object", "additionalProperties": table, **names}


def _of(model: type[BaseModel]) -> JsonObject:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _explain(definition: JsonObject, model: type[BaseModel]) -> None:
    properties = definition.get("properties")
    for name, text in meanings(model).items():
        one = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(one, dict):
            one.pop("title", None)
            if text:
                one["description"] = text.replace("`", "")
            if one.get("default", ...) is None:
                # TOML has no null: a key without a value is left out.
                del one["default"]
