"""The fields of documents that pass data: variables, `set`.

Part of the typed document.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field

from core.model.variables import VARIABLES_MAX
from core.workflows.strict_model import STRICT

DataName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\z", max_length=100)]
VariableType: TypeAlias = Literal["string", "integer", "number", "boolean", "array", "object"]


class Variable(BaseModel):
    """A variable of a job: the type of its values (any), and the one it begins with (null)."""

    model_config = STRICT

    type: VariableType | None = None
    value: object = None


def declared(value: object) -> object:
    """Return the declaration that a value alone stands for."""
    return value if isinstance(value, dict | BaseModel) else {"value": value}


JobVariables: TypeAlias = Annotated[
    dict[DataName, Annotated[Variable, BeforeValidator(declared)]], Field(max_length=VARIABLES_MAX)
]
"""Variables by name; a value other than a mapping is short for one without a type."""
Assignments: TypeAlias = Annotated[dict[DataName, object], Field(max_length=VARIABLES_MAX)]
"""New values of variables, with expressions."""
