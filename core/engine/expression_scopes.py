"""Scopes of expressions: params, ended tasks, the job, variables.

Used by the engine for conditions and for inputs of calls.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from core.model.values import JsonObject, JsonValue
from core.store.reports.expression_inputs import ExpressionInputs
from core.workflows.expressions.checking import references


class Inputs(Protocol):
    """Where params and results come from: the store's reports."""

    async def expression_inputs(self, job_id: int, keys: Sequence[str]) -> ExpressionInputs:
        """Return what the expressions of a job may see of it and of its tasks with these keys."""


class ExpressionScopes:
    """Build scopes; read no more of the store than the expressions refer to."""

    def __init__(
        self, inputs: Inputs, *, allowed: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> None:
        known = os.environ if environ is None else environ
        self._inputs = inputs
        self._env: dict[str, str] = {name: known[name] for name in allowed if name in known}

    async def scope(self, job_id: int, value: JsonValue, captured: JsonObject) -> JsonObject:
        """Return the scope for the expressions inside a value; `captured` = variables of the caller."""
        paths = [reference.path for reference in references(value)]
        keys = sorted({str(path[1]) for path in paths if path[0] == "tasks" and len(path) > 1})
        inputs = await self._inputs.expression_inputs(job_id, keys)
        env: JsonObject = {**self._env, **captured}
        return {"params": inputs.params, "tasks": inputs.tasks, "job": inputs.job, "env": env}
