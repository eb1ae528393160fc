"""TaskResults: what an attempt that succeeded leaves for others.

Called by the runner before an outcome is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.engine.attempts import NO_RESULTS, Ended, Results, Running, Scoping
from core.engine.expression_scopes import FACTS_OF_OUTPUT
from core.engine.task_surroundings import TaskSurroundings
from core.model.errors import Invalid, TaskdeckError
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.values import JsonObject, JsonValue
from core.model.variables import NOT_SET, value_fault


class VariableTypes(Protocol):
    """Where the types of variables are read: the store's reports."""

    async def types(self, job_id: int) -> Mapping[str, str | None]:
        """Return the type of each variable of a job; None = any value."""


class TaskResults:
    """Work out what is kept of a success; where that fails, the attempt fails."""

    def __init__(self, scopes: Scoping, surroundings: TaskSurroundings, types: VariableTypes) -> None:
        self._scopes = scopes
        self._surroundings = surroundings
        self._types = types

    async def of(self, running: Running, outcome: Outcome) -> Ended:
        """Return how an attempt ended, with all that its task sets."""
        if not isinstance(outcome, Succeeded) or not running.spec.set_:
            return Ended(outcome, NO_RESULTS)
        try:
            variables = await self._variables(running, outcome)
        except Invalid as error:
            return Ended(_failed(error, outcome.output), NO_RESULTS)
        except TaskdeckError as error:
            # What keeps it from being read may be over when the next attempt ends.
            return Ended(_failed(error, outcome.output, permanent=False), NO_RESULTS)
        return Ended(outcome, Results(variables=variables))

    async def _variables(self, running: Running, outcome: Succeeded) -> JsonObject:
        claimed, said = running.claimed, running.spec.set_
        env = (await self._surroundings.of(running.spec)).env
        scope = await self._scopes.scope(claimed.job_id, said, dict(env))
        values = await scope.with_output(outcome.output, running.claimed.uses).assign(said, claimed.key)
        types = await self._types.types(claimed.job_id)
        for name, value in values.items():
            if name not in types:
                raise _refused(name, "unknown", "its job has no such variable")
            fault = value_fault(value, types[name])
            if fault is not None:
                raise _refused(name, fault.code, fault.reason)
        return values


def _refused(name: str, code: str, reason: str) -> Invalid:
    return Invalid(f"{NOT_SET}.{code}", f"`set.{name}`: {reason}", facts={"variable": name})


def _failed(error: TaskdeckError, output: JsonValue, *, permanent: bool = True) -> Failed:
    """Return the failure of a task that did its work, with what is known of that."""
    own = error.code.startswith(f"{NOT_SET}.")
    facts: JsonObject = error.facts if own else {"refusal": error.code, **error.facts}
    known = output if isinstance(output, dict) else {}
    return Failed(
        error=TaskError(
            code=error.code if own else f"{NOT_SET}.expression",
            message=f"it succeeded, but its `set` could not be carried out: {error.message}",
            facts={**{name: known[name] for name in FACTS_OF_OUTPUT if name in known}, **facts},
        ),
        permanent=permanent,
    )
