"""What the keys of settings and tables mean, by their texts.

Used by the example, the schema and the page of configuration; read from the source when it is asked for.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel


def meanings(kind: type[BaseModel]) -> Mapping[str, str]:
    """Return what stands below each field of a class and of its bases; without its source an empty text."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("core."):
            found |= dict(_below_fields(base))
    return {field.alias or name: found.get(name, "") for name, field in kind.model_fields.items()}


def _below_fields(kind: type) -> Iterator[tuple[str, str]]:
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return
    (body,) = ast.parse(textwrap.dedent(source)).body
    lines = body.body if isinstance(body, ast.ClassDef) else []
    for field, text in pairwise(lines):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield field.target.id, " ".join(str(text.value.value).split())
