"""Checks of what tasks say of the ends of their processes.

Called by the validation and by admission.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.errors import Fault, Invalid
from core.model.plans import TaskPlan
from core.model.ports import Checks
from core.model.text import safe_line
from core.model.values import JsonObject, JsonValue
from core.workflows.outline import Outline
from core.workflows.output_patterns import pattern_refusal
from core.workflows.positions import Positions, Step

FIELDS = ("success_exit_codes", "skip_exit_codes")
_SUCCESS, _SKIP = FIELDS


def exit_code_faults(
    document: JsonObject, outline: Outline, positions: Positions, checks: Checks
) -> Iterator[Fault]:
    """Return the faults of exit codes, and of patterns of outputs, that can never come or say two things."""
    known = frozenset(checks.names())
    shared = document.get("defaults")
    defaults: JsonObject = shared if isinstance(shared, dict) else {}
    yield from _twice(defaults, defaults, ("defaults",), positions)
    for task in outline.tasks:
        yield from _twice(task.raw, defaults, task.path, positions)
        uses = task.uses
        if uses is not None and uses in known and not checks.has_output(uses):
            for place in _of_processes(task.raw):
                message = _no_process(str(place[-1]), uses)
                yield positions.fault_at((*task.path, *place), "document.no_process", message)


def check_process(plan: TaskPlan, checks: Checks) -> None:
    """Refuse what a loose task says of the end of a process (`task.FIELD`) where its calls are none."""
    said = {_SUCCESS: plan.success_exit_codes, _SKIP: plan.skip_exit_codes, "retry.output": plan.retry.output}
    if not any(said.values()):
        return
    for field in [field for field, value in said.items() if value]:
        if not checks.has_output(plan.uses):
            raise _refused(plan, field, _no_process(field.rpartition(".")[2], plan.uses))
    for text in plan.retry.output:
        reason = pattern_refusal(text)
        if reason is not None:
            raise _refused(plan, "retry.output", f"`retry.output`: {reason}")


def _refused(plan: TaskPlan, field: str, reason: str) -> Invalid:
    return Invalid(
        f"task.{field}",
        f"task {safe_line(plan.key)!r}: {reason}",
        hint=f"fix `{field}`, or leave it out",
        facts={"field": field, "key": plan.key},
    )


def _no_process(field: str, uses: str) -> str:
    """Say why a task of this connector cannot have the field."""
    what = {"output": "output of a process", "artifacts": "folder of its own"}.get(field, "exit code")
    return f"`{field}`: a task that uses `{uses}` has no {what}"


def _of_processes(task: JsonObject) -> Iterator[tuple[Step, ...]]:
    with_ = task.get("with")
    # What a polled call began elsewhere may leave files in the folder of the task.
    is_polled = isinstance(with_, dict) and with_.get("poll") is not None
    fields = FIELDS if is_polled else (*FIELDS, "artifacts")
    yield from ((field,) for field in fields if task.get(field) is not None)
    retry = task.get("retry")
    listed = retry.get("on") if isinstance(retry, dict) else None
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict) and "output" in one:
            yield ("retry", "on", index, "output")


def _twice(
    own: JsonObject, defaults: JsonObject, path: tuple[Step, ...], positions: Positions
) -> Iterator[Fault]:
    """Name the codes of a task, or of the defaults, that are to succeed and to skip."""
    if _SUCCESS not in own and _SKIP not in own:
        return
    success, skip = (_codes(own.get(field, defaults.get(field))) for field in FIELDS)
    at = _SKIP if _SKIP in own else _SUCCESS
    for code in sorted(success & skip):
        message = f"`{at}`: {code} is in `{_SUCCESS if at == _SKIP else _SKIP}` as well"
        yield positions.fault_at((*path, at), "document.exit_twice", message)


def _codes(value: JsonValue) -> set[int]:
    listed = value if isinstance(value, list) else []
    return {code for code in listed if isinstance(code, int) and not isinstance(code, bool)}
