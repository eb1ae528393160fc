"""The fields of documents for data: variables, environments, artifacts.

Part of the typed document.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from core.files.beneath import parts_of
from core.model.bounds import ENV_FILES_MAX, NAME_MAX, PATH_MAX, process_text_fault
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.patterns.variables import VARIABLES_MAX
from core.workflows.strict_model import STRICT

DataName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\z", max_length=100)]
VariableType: TypeAlias = Literal["string", "integer", "number", "boolean", "array", "object"]


class Variable(BaseModel):
    """A variable of a job: the type of its values (any), and the one it begins with (null)."""

    model_config = STRICT

    type: VariableType | None = None
    value: object = None


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def declared(value: object) -> object:
    """Return the declaration that a value alone stands for."""
    return value if isinstance(value, dict | BaseModel) else {"value": value}


JobVariables: TypeAlias = Annotated[
    dict[DataName, Annotated[Variable, BeforeValidator(declared)]], Field(max_length=VARIABLES_MAX)
]
"""Variables by name; a value other than a mapping is short for one without a type."""
Assignments: TypeAlias = Annotated[dict[DataName, object], Field(max_length=VARIABLES_MAX)]
"""New values of variables, with expressions."""


def _for_process(value: str) -> str:
    fault = process_text_fault(value)
    if fault is not None:
        raise ValueError(fault)
    return value


VariableName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\z", max_length=NAME_MAX)]
EnvFileNames: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(_for_process), Field(min_length=1, max_length=PATH_MAX)]],
    BeforeValidator(_listed),
    Field(max_length=ENV_FILES_MAX),
]
"""Files of variables; one name is a list of one."""
_VARIABLE_MAX = 100_000
Variables: TypeAlias = dict[
    VariableName, Annotated[str, AfterValidator(_for_process), Field(max_length=_VARIABLE_MAX)]
]
"""Environment variables: text, so that a number has to be quoted."""


def _pattern(value: str) -> str:
    if OPENING not in value:
        try:
            parts_of(value)
        except Invalid as error:
            # pydantic makes a fault of this kind alone.
            raise ValueError(error.message) from error
    return value


ArtifactPattern: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=PATH_MAX), AfterValidator(_pattern)
]
"""Files below the folder of a task, with `*`, `?`, `[...]` and `**`."""
ARTIFACTS_MAX = 20
"""Artifacts of one task."""


class DataFields(BaseModel):
    """What a task says of the data that it passes on."""

    model_config = STRICT

    set_: Annotated[Assignments | None, Field(alias="set")] = None
    artifacts: Annotated[dict[DataName, ArtifactPattern], Field(max_length=ARTIFACTS_MAX)] | None = None
