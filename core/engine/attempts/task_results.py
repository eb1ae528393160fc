"""TaskResults: what an attempt that succeeded leaves for others.

Called by the runner before an outcome is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from core.config import Settings
from core.engine.attempts.artifact_keeper import ArtifactKeeper
from core.engine.attempts.attempt import NO_RESULTS, Ended, Results, Running, Scoping
from core.engine.attempts.task_surroundings import TaskSurroundings
from core.engine.expression_scopes import FACTS_OF_OUTPUT
from core.executors.outputs import Outputs
from core.model.errors import Invalid, TaskdeckError
from core.model.expressions import has_expression
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.patterns.artifacts import ArtifactFile
from core.model.patterns.variables import NOT_SET, value_fault
from core.model.values import JsonObject, JsonValue

_WHAT = {
    NOT_SET: "its `set` could not be carried out",
    "artifact": "its artifacts could not be kept",
}


class VariableTypes(Protocol):
    """Where the types of variables are read: the store's reports."""

    async def types(self, job_id: int) -> Mapping[str, str | None]:
        """Return the type of each variable of a job; None = any value."""


class TaskResults:
    """Work out what is kept of a success; where that fails, the attempt fails."""

    def __init__(
        self,
        scopes: Scoping,
        surroundings: TaskSurroundings,
        types: VariableTypes,
        outputs: Outputs,
    ) -> None:
        self.artifacts = ArtifactKeeper(outputs, outputs.root.parent)
        self._scopes = scopes
        self._surroundings = surroundings
        self._types = types

    async def open(self, settings: Settings) -> None:
        """Get ready before anything is adopted: what that copies again must not be swept away."""
        self.artifacts.most = settings.artifact_cap
        await self.artifacts.open()

    async def of(self, running: Running, outcome: Outcome) -> Ended:
        """Return how an attempt ended, with all that its task sets."""
        said = running.spec
        if not isinstance(outcome, Succeeded) or not (said.set_ or said.artifacts):
            return Ended(outcome, NO_RESULTS)
        try:
            files = await self._files(running) if said.artifacts else ()
        except TaskdeckError as error:
            return Ended(_failed(error, outcome.output, "artifact"), NO_RESULTS)
        try:
            variables = await self._variables(running, outcome) if said.set_ else {}
        except TaskdeckError as error:
            return Ended(_failed(error, outcome.output, NOT_SET), NO_RESULTS)
        return Ended(outcome, Results(variables=variables, artifacts=files))

    async def _files(self, running: Running) -> tuple[ArtifactFile, ...]:
        spec, key = running.spec, running.claimed.key
        cwd = spec.with_.get("cwd")
        said: JsonObject = {"artifacts": spec.artifacts, "with": {"cwd": cwd}}
        if has_expression(said):
            env = (await self._surroundings.of(spec)).env
            scope = await self._scopes.scope(running.claimed.job_id, said, dict(env), item=spec.item)
            found = await scope.resolve(said, key)
            assert isinstance(found, dict)
            said = found
        patterns, within = said["artifacts"], said["with"]
        assert isinstance(patterns, dict)
        assert isinstance(within, dict)
        asked = within.get("cwd")
        folder = Path(spec.cwd or Path.home(), asked if isinstance(asked, str) else "")
        return await self.artifacts.keep(
            running.ref, {name: str(pattern) for name, pattern in patterns.items()}, folder
        )

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


def _failed(error: TaskdeckError, output: JsonValue, noun: str) -> Failed:
    """Return the failure of a task that did its work, with what is known of that.

    What is invalid stays so; what keeps the store or the disk from answering may be over the next time.
    """
    own = error.code.startswith(f"{noun}.")
    facts: JsonObject = error.facts if own else {"refusal": error.code, **error.facts}
    known = output if isinstance(output, dict) else {}
    return Failed(
        error=TaskError(
            code=error.code if own else f"{noun}.expression",
            message=f"it succeeded, but {_WHAT[noun]}: {error.message}",
            facts={**{name: known[name] for name in FACTS_OF_OUTPUT if name in known}, **facts},
        ),
        permanent=isinstance(error, Invalid),
    )
