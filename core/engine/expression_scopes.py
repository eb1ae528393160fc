"""Scopes of expressions: params, ended tasks, the job, variables.

Used by the engine for conditions and for inputs of calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Protocol, TypeVar

from core.model.errors import Invalid
from core.model.limits.terms import Terms
from core.model.patterns.artifacts import KeptArtifact
from core.model.patterns.instances import GROUP_FAILED, ForEach, Item, combinations_of, items_of
from core.model.status import TaskStatus
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue, json_size
from core.store.reports.expression_inputs import ExpressionInputs, Mentioned, TaskResult
from core.store.reports.instances import InstanceResult
from core.workflows.expressions.checking import references
from core.workflows.expressions.paths import Path
from core.workflows.expressions.resolving import judge, resolve
from core.workflows.limit_terms import resolve_cost, resolve_limits

_ON_THE_LOOP = 64 * 1024
"""Characters of values that are worked on beside other tasks; more of them go to a thread."""
FACTS_OF_OUTPUT = ("exit", "signal", "status", "path", "text")
"""What the error of a command that failed keeps of its output."""
OUTPUTS_MAX = 64 * 2**20
"""Characters of outputs of instances that one input or condition may ask for."""
_TEXTS = ("text", "stderr")
_Result = TypeVar("_Result")


class Inputs(Protocol):
    """Where params and results come from: the store's reports."""

    async def expression_inputs(self, job_id: int, mentioned: Mentioned) -> ExpressionInputs:
        """Return what the expressions of a job mention of it and of its tasks."""


class Instances(Protocol):
    """Where the outputs of instances come from: the store's reports."""

    async def instance_results(self, job_id: int, key: str, *, after: int = -1) -> Sequence[InstanceResult]:
        """Return a page of the instances of a group above an index, in order; empty = there are no more."""

    async def instance_result(self, job_id: int, key: str, index: int) -> InstanceResult | None:
        """Return one instance of a group with its artifacts; None = there is none of that index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _GroupValues:
    """What expressions see of the instances of a group."""

    outputs: list[JsonValue]
    gaps: list[JsonValue]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionScope:
    """The values that some expressions mention, and how large they are, in characters of JSON."""

    values: JsonObject
    size: int

    def with_secrets(self, values: Mapping[str, str]) -> ExpressionScope:
        """Return the scope of an input, which may use secrets."""
        return ExpressionScope(values={**self.values, "secrets": {**values}}, size=self.size)

    def with_output(self, output: JsonValue, uses: str) -> ExpressionScope:
        """Return the scope of a task that has succeeded, which may use its own output."""
        size = self.size + (len(str(output)) if output else 0)
        return ExpressionScope(values={**self.values, "output": _shown_output(output, uses)}, size=size)

    def with_failure(self, error: JsonObject, *, key: str, attempt: int) -> ExpressionScope:
        """Return the scope of a worklet, which may use why a task failed and in which attempt.

        The exit code is null where none is known: a signal ended the command, or there was none.
        """
        facts = error.get("facts")
        shown: JsonObject = {
            "code": error.get("code"),
            "message": error.get("message"),
            "exit": facts.get("exit") if isinstance(facts, dict) else None,
            "task": key,
        }
        values: JsonObject = {**self.values, "error": shown, "attempt": attempt}
        return ExpressionScope(values=values, size=self.size + json_size(shown))

    def with_answer(self, answer: JsonObject) -> ExpressionScope:
        """Return the scope of what is asked of an answer: `status`, `headers`, `json`, `text` besides."""
        return ExpressionScope(values={**self.values, **answer}, size=self.size + json_size(answer))

    async def judge_answer(self, until: str, key: str) -> bool:
        """Return whether an answer is the one that is waited for; raise `Invalid`."""
        return await self._run(lambda: judge(until, self.values, (key, "with", "poll", "until")))

    async def judge(self, when: str, *place: str) -> bool:
        """Return whether the condition at a place holds; raise `Invalid` when it cannot be judged."""
        return await self._run(lambda: judge(when, self.values, (*place, "when")))

    async def resolve(self, with_: JsonObject, key: str, field: str = "with") -> JsonValue:
        """Return the `with:` of a task with its expressions replaced; raise `Invalid`."""
        return await self._run(lambda: resolve(with_, self.values, (key, field)))

    async def assign(self, said: JsonObject, key: str) -> JsonObject:
        """Return the values that a task sets, without expressions; raise `Invalid`."""
        values = await self._run(lambda: resolve(said, self.values, (key, "set")))
        return values if isinstance(values, dict) else {}

    async def terms(self, spec: StoredSpec, key: str) -> Terms:
        """Return the limits and the cost of a task without expressions; raise `Invalid`."""
        return await self._run(lambda: _terms(spec, self.values, (key,)))

    async def items(self, said: ForEach, key: str) -> list[JsonValue]:
        """Return the items of a group; raise `Invalid`."""
        return await self._run(lambda: _items(said, self.values, key))

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        return work() if self.size <= _ON_THE_LOOP else await asyncio.to_thread(work)


def _items(said: ForEach, values: JsonObject, key: str) -> list[JsonValue]:
    if said.matrix is None:
        return items_of(resolve(said.over, values, (key, "for_each")))
    matrix = resolve(said.matrix, values, (key, "matrix"))
    return combinations_of(matrix if isinstance(matrix, dict) else {})


def _terms(spec: StoredSpec, values: JsonObject, place: Path) -> Terms:
    return Terms(
        limits=resolve_limits(spec.limits, values, place=place),
        cost=None if spec.cost is None else resolve_cost(spec.cost, values, place=place),
    )


class ExpressionScopes:
    """Build scopes; read no more of the store than the expressions mention."""

    def __init__(self, inputs: Inputs, instances: Instances, outputs: PurePath | None = None) -> None:
        self._inputs = inputs
        self._instances = instances
        self._outputs = outputs
        """Where copies of artifacts lie, in the directories of attempts."""

    async def scope(
        self, job_id: int, value: JsonValue, env: JsonObject, *, item: Item | None = None
    ) -> ExpressionScope:
        """Return the scope for the expressions inside a value; `env` = the variables of the task.

        That of an instance has its `item`; groups that it needs one to one are their instance of its index.
        """
        own: JsonObject = {} if item is None else item.scope
        paths = [reference.path for reference in references(value)]
        if item is not None and all(path[0] in own for path in paths):
            return ExpressionScope(values={**own, "env": env}, size=json_size(item.value))
        each = {} if item is None else await self._of_each(job_id, item, paths)
        mentioned = _mentioned([path for path in paths if _task_of(path) not in each])
        inputs = await self._inputs.expression_inputs(job_id, mentioned)
        tasks = {key: task_values(result) for key, result in inputs.tasks.items()}
        for key in mentioned.artifacts & tasks.keys():
            tasks[key]["artifacts"] = artifact_values(inputs.tasks[key].artifacts, self._outputs)
        size = inputs.size + sum(one.size for one in each.values())
        for key in _groups(paths) & tasks.keys():
            found = await self._of_instances(job_id, key, room=OUTPUTS_MAX - size)
            tasks[key] |= {"outputs": found.outputs, "gaps": found.gaps}
            size += found.size
        values: JsonObject = {
            "params": inputs.params,
            "vars": inputs.variables,
            "tasks": {**tasks, **{key: self._of_instance(one) for key, one in each.items()}},
            "job": inputs.job,
            "env": env,
            **own,
        }
        return ExpressionScope(values=values, size=size)

    async def _of_each(self, job_id: int, item: Item, paths: Sequence[Path]) -> dict[str, InstanceResult]:
        """Read the instances of the index of an item, by group, that expressions mention."""
        wanted = {_task_of(path) for path in paths} & {*item.each}
        read = {key: await self._instances.instance_result(job_id, key, item.index) for key in wanted}
        return {key: one for key, one in read.items() if one is not None}

    def _of_instance(self, one: InstanceResult) -> JsonObject:
        ended = TaskResult(uses=one.uses, status=one.status, output=one.output, error=one.error)
        return task_values(ended) | {"artifacts": artifact_values(one.artifacts, self._outputs)}

    async def _of_instances(self, job_id: int, key: str, *, room: int) -> _GroupValues:
        """Read what the instances of a group made, page by page; raise `Invalid` beyond the room for it."""
        outputs, gaps, size, after = list[JsonValue](), list[JsonValue](), 0, -1
        while page := await self._instances.instance_results(job_id, key, after=after):
            after = page[-1].index
            size += sum(one.size for one in page)
            if size > room:
                raise _too_large(key)
            for one in page:
                is_success = one.status == TaskStatus.SUCCEEDED
                outputs.append(_shown_output(one.output, one.uses) if is_success else None)
                if not is_success:
                    gaps.append(_gap(one))
        return _GroupValues(outputs=outputs, gaps=gaps, size=size)


def _task_of(path: Path) -> str:
    """Return the task that a path asks of; empty = of none."""
    return str(path[1]) if path[0] == "tasks" and len(path) > 1 else ""


def _mentioned(paths: Sequence[Path]) -> Mentioned:
    tasks = {str(path[1]): path for path in paths if path[0] == "tasks" and len(path) > 1}
    outputs = {
        str(path[1])
        for path in paths
        if path[0] == "tasks" and len(path) > 1 and (len(path) == 2 or path[2] == "output")
    }
    return Mentioned(
        tasks=frozenset(tasks),
        outputs=frozenset(outputs),
        params=any(path[0] == "params" for path in paths),
        variables=any(path[0] == "vars" for path in paths),
        artifacts=frozenset(
            str(path[1])
            for path in paths
            if path[0] == "tasks" and len(path) > 1 and (len(path) == 2 or path[2] == "artifacts")
        ),
    )


def task_values(result: TaskResult) -> JsonObject:
    """Return what an expression sees of a task: `output`, `status`, `error` with `code` and `message`.

    What a command printed has no line ends at its end, as in `$(command)`; a command that failed has
    an output with what is known of it, such as `exit`, and a group how many of it ended so. Without an
    error its parts are null.
    """
    error = result.error if result.status != TaskStatus.SUCCEEDED and result.error else {}
    output = _shown_output(result.output, result.uses)
    facts = error.get("facts")
    if output is None and isinstance(facts, dict):
        is_group = error.get("code") == GROUP_FAILED
        output = facts if is_group else {key: facts[key] for key in FACTS_OF_OUTPUT if key in facts}
    shown: JsonObject = {"code": error.get("code"), "message": error.get("message")}
    return {"output": output, "status": result.status, "error": shown}


def artifact_values(files: Sequence[KeptArtifact], outputs: PurePath | None) -> JsonObject:
    """Return what an expression sees of artifacts, by name.

    `path` and `hash` are those of the file where it is one, else null; `paths` has all of them.
    """
    values: JsonObject = {}
    for name, grouped in groupby(files, key=lambda kept: kept.file.name):
        of_name = list(grouped)
        paths: list[JsonValue] = [str((outputs or PurePath()) / kept.copy) for kept in of_name]
        values[name] = {
            "path": paths[0] if len(of_name) == 1 else None,
            "paths": paths,
            "hash": of_name[0].file.hash if len(of_name) == 1 else None,
            "size": sum(kept.file.size for kept in of_name),
            "files": len(of_name),
        }
    return values


def _shown_output(output: JsonValue, uses: str) -> JsonValue:
    if isinstance(output, dict) and uses == "shell":
        return {**output, **{key: _bare(output[key]) for key in _TEXTS if key in output}}
    return output


def _groups(paths: Sequence[Path]) -> set[str]:
    """Return the tasks of which the outputs of instances are mentioned."""
    return {
        str(path[1])
        for path in paths
        if path[0] == "tasks" and len(path) > 2 and path[2] in ("outputs", "gaps")
    }


def _gap(one: InstanceResult) -> JsonObject:
    return {
        "index": one.index,
        "key": one.key,
        "status": one.status,
        "code": one.error.get("code"),
        "message": one.error.get("message") or one.reason or None,
    }


def _too_large(key: str) -> Invalid:
    return Invalid(
        "expression.outputs_too_large",
        f"the outputs of `{key}` are more than {OUTPUTS_MAX // 2**20} MiB together",
        hint="let the instances write files, and give their paths out",
        facts={"task": key},
    )


def _bare(value: JsonValue) -> JsonValue:
    return value.rstrip("\r\n") if isinstance(value, str) else value
