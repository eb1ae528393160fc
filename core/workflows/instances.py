"""Instances in a document: fields, their meaning, their faults.

Used by the definition, the expansion and the validation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from core.model.errors import Fault, Invalid
from core.model.expressions import OPENING, has_expression
from core.model.near_misses import one_of
from core.model.patterns.instances import (
    EXCLUDE,
    INDEX,
    INSTANCES_MAX,
    ITEM,
    MATRIX,
    AfterThreshold,
    ForEach,
    OnInstanceFailure,
    combinations_of,
    is_count,
    items_of,
    needed_of,
    read_threshold,
)
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import OF_SET, ROOTS, source_references
from core.workflows.expressions.embedded import bare_source
from core.workflows.outline import Outline, TaskOutline, is_group
from core.workflows.positions import Positions
from core.workflows.strict_model import STRICT

RESERVED = frozenset({*ROOTS, *OF_SET, INDEX, MATRIX, "true", "false", "null"})
"""Names that an item cannot have."""
_OF_GROUPS = ("as", "max_parallel", "threshold", "after", "on_instance_failure")
"""Fields that say something of instances."""
_FIELDS = frozenset({"for_each", "matrix", *_OF_GROUPS})


def _for_each(value: object) -> object:
    if value is None or isinstance(value, bool):
        raise ValueError("is a list, a mapping, a number, a range such as 1..10, or an expression")
    if isinstance(value, str) and OPENING not in value and not is_count(value):
        shown = value[:60]
        raise ValueError(
            f"`{shown}` is neither a number nor a range such as 1..10; an item stands in a list: [{shown}]"
        )
    return value


def _name(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"`{value}` has a meaning in expressions: choose another name")
    return value


class InstanceFields(BaseModel):
    """What a task says of its instances; one without `for_each` and `matrix` has none."""

    model_config = STRICT

    for_each: Annotated[object, BeforeValidator(_for_each)] = None
    matrix: Annotated[dict[str, object], Field(min_length=1)] | None = None
    as_: Annotated[
        str, Field(alias="as", pattern=r"^[a-z][a-z0-9_]*\z", max_length=100), AfterValidator(_name)
    ] = ITEM
    max_parallel: Annotated[int, Field(ge=1, le=INSTANCES_MAX)] | None = None
    threshold: Annotated[str, BeforeValidator(read_threshold)] | None = None
    after: Annotated[AfterThreshold, Field(strict=False)] = AfterThreshold.CANCEL_REST
    on_instance_failure: Annotated[OnInstanceFailure, Field(strict=False)] | None = None

    @property
    def is_group(self) -> bool:
        """Whether it has instances."""
        return self.for_each is not None or self.matrix is not None


def for_each_of(task: InstanceFields, *, when: str | None, each: tuple[str, ...]) -> ForEach:
    """Return what a task without fault, which has instances, says of them."""
    over: JsonValue = task.for_each  # type: ignore[assignment] # The survey saw JSON only.
    matrix: JsonObject | None = task.matrix  # type: ignore[assignment] # As above.
    return ForEach(
        over=over,
        matrix=matrix,
        name=MATRIX if matrix is not None else task.as_,
        max_parallel=task.max_parallel,
        threshold=task.threshold,
        after=task.after,
        on_failure=task.on_instance_failure or OnInstanceFailure.STOP,
        each=each,
        judges_each=_asks_for_item(when, (MATRIX if matrix is not None else task.as_, INDEX), each),
    )


def item_roots(task: TaskOutline) -> tuple[str, ...]:
    """Return the names that the expressions of an instance may begin with beside those of all tasks."""
    named = task.raw.get("as", ITEM)
    return (MATRIX if "matrix" in task.raw else named if isinstance(named, str) else ITEM, INDEX)


def instance_faults(outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Yield what is wrong with instances beyond the shape of their fields."""
    for task in outline.tasks:
        for path, code, message in () if _FIELDS.isdisjoint(task.raw) else _faults(task, outline):
            yield positions.fault_at((*task.path, *path), code, message)


def _faults(task: TaskOutline, outline: Outline) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    raw = task.raw
    if not is_group(raw):
        for name in raw:
            if name in _OF_GROUPS:
                yield (name,), "document.instances", f"`{name}` is for a task with `for_each` or `matrix`"
        return
    if "for_each" in raw and "matrix" in raw:
        yield ("matrix",), "document.instances", "a task has either `for_each` or `matrix`, one of them"
        return
    if "matrix" in raw and "as" in raw:
        yield ("as",), "document.instances", "`as` names an item of `for_each`; a matrix is `matrix` already"
    if "once" in raw:
        message = "`once` is worked out when the job is submitted, before there are instances: leave it out"
        yield ("once",), "document.instances", message
    if raw.get("on_instance_failure") == OnInstanceFailure.STOP and raw.get("threshold") is not None:
        message = "`threshold` lets failed instances be, and `stop` does not: leave one of them out"
        yield ("on_instance_failure",), "document.instances", message
    if "after" in raw and raw.get("threshold") is None:
        message = "`after` says what becomes of the rest once the `threshold` is met, and there is none"
        yield ("after",), "document.instances", message
    yield from _matrix_faults(raw.get("matrix"))
    yield from _number_faults(raw)
    yield from _each_faults(task, outline)


def _each_faults(task: TaskOutline, outline: Outline) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    raw = task.raw
    for need in task.needs:
        if not need.each:
            continue
        path = need.path[len(task.path) :]
        wanted = outline.first.get(need.key)
        if wanted is None or need.key == task.key:
            continue
        if not is_group(wanted.raw):
            message = f"`{need.key}` has no instances, so that none of it belongs to one of `{task.key}`"
            yield path, "document.each", message
        elif [raw.get("for_each"), raw.get("matrix")] != [wanted.raw.get(n) for n in ("for_each", "matrix")]:
            what = "matrix" if "matrix" in wanted.raw else "for_each"
            message = f"`each: {need.key}` is over the same items: write its `{what}` here as well"
            yield path, "document.each", message


def _matrix_faults(matrix: JsonValue) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    if not isinstance(matrix, dict):
        return
    axes = {name: values for name, values in matrix.items() if name != EXCLUDE}
    if not axes:
        yield ("matrix",), "document.matrix", "`matrix` has no axis"
    for name, values in axes.items():
        if name == "include" and isinstance(values, list) and any(isinstance(one, dict) for one in values):
            message = "a matrix has no `include` here: write all that is to run as mappings under `for_each`"
            yield ("matrix", name), "document.matrix", message
            continue
        is_computed = isinstance(values, str) and OPENING in values
        if not is_computed and not (isinstance(values, list) and values):
            message = f"the axis `{name}` is a list of at least one value, or an expression that gives one"
            yield ("matrix", name), "document.matrix", message
    exclude = matrix.get(EXCLUDE, [])
    if not isinstance(exclude, list):
        yield ("matrix", EXCLUDE), "document.matrix", "`exclude` is a list of combinations, each a mapping"
        return
    for number, rule in enumerate(exclude):
        if not isinstance(rule, dict) or not rule:
            message = "a combination to exclude is a mapping with values of axes"
            yield ("matrix", EXCLUDE, number), "document.matrix", message
            continue
        for name, value in rule.items():
            yield from _rule_faults(number, name, value, axes)


def _rule_faults(
    number: int, name: str, value: JsonValue, axes: JsonObject
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    path = ("matrix", EXCLUDE, number, name)
    values = axes.get(name)
    if name not in axes:
        yield path, "document.matrix", f"`{name}` is not an axis of this matrix{one_of(name, axes)}"
    elif isinstance(values, list) and not has_expression([value, values]) and value not in values:
        shown = f"`{value}` is not a value of the axis `{name}`"
        yield path, "document.matrix", shown + one_of(str(value), [str(one) for one in values])


def _number_faults(raw: JsonObject) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield what is wrong with the number of instances, where it is known without a job."""
    what = "matrix" if "matrix" in raw else "for_each"
    said = raw.get(what)
    if said is None or has_expression(said) or isinstance(said, bool):
        return
    if isinstance(said, str) and not is_count(said):
        return
    try:
        if what == "matrix":
            well_made = isinstance(said, dict) and all(isinstance(v, list) for v in said.values())
            total = len(combinations_of(said)) if well_made and isinstance(said, dict) else None
        else:
            total = len(items_of(said))
    except Invalid as error:
        yield (what,), error.code, error.message
        return
    threshold = raw.get("threshold")
    if total is None or threshold is None:
        return
    try:
        needed = needed_of(read_threshold(threshold), total)
    except ValueError:
        return
    if total and needed > total:
        message = f"`threshold: {threshold}` is never met: `{what}` gives {total} instances"
        yield ("threshold",), "document.threshold", message


def _asks_for_item(when: str | None, names: Collection[str], each: Collection[str]) -> bool:
    """Return whether a condition asks for the item, or for an instance of the same index."""
    if when is None:
        return False
    paths = [reference.path for reference in source_references(bare_source(when))]
    return any(path[0] in names or (path[0] == "tasks" and path[1:2] and path[1] in each) for path in paths)
