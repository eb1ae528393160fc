"""The typed workflow document, after `validation` found no faults.

Read by the expansion, the drawing and the engine's admission.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from core.model.bounds import (
    ATTEMPTS_MAX,
    CODES_MAX,
    EXIT_CODE_MAX,
    LIMITS_MAX,
    NAME_MAX,
    PATH_MAX,
    POOLS_MAX,
    PRIORITY_MAX,
    QUEUE,
    QUEUE_MAX,
    REASON_MAX,
    TAG_MAX,
    TAGS_MAX,
    UNITS_MAX,
)
from core.model.codes import PATTERN
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.limits.amounts import parse_amount
from core.model.limits.estimates import AUTO
from core.model.limits.limit_fields import unit_of
from core.model.limits.limits import OnExhausted
from core.model.limits.once import UNFINISHED, read_for
from core.model.plans import Backoff, Jitter, Leftovers, NeedWhen, OnLoss, OnOverflow, OnTaskFailure
from core.model.sizes import parse_output_limit
from core.model.timing.schedules import (
    COUNTED_MAX,
    CRON_MAX,
    DAY_MS,
    EVERY_MIN_MS,
    EXCLUDED_MAX,
    SPAN_MAX_MS,
    CatchUp,
    Overlap,
)
from core.workflows.data_fields import DataFields, DataName, EnvFileNames, JobVariables, Variables
from core.workflows.field_types import TEXT_MAX, Condition, Duration, Limit, Loose, Name, length_of, millis_of
from core.workflows.instances import InstanceFields
from core.workflows.output_patterns import pattern_refusal
from core.workflows.strict_model import STRICT
from core.workflows.worklets import OnFailureUse

RETRY_ATTEMPTS = 3
"""Attempts of a task whose `retry:` names no number."""
PLANNED = frozenset({"budget"})
"""Fields that are planned and not yet accepted."""
FINALLY = "finally"
"""The name of the last stage of a job, whatever its verdict."""
PLANNED_USES = frozenset({"llm"})
"""Connectors that are planned and not yet accepted."""


_T = TypeVar("_T")


class _Each:
    """Stands in a need for the word `each`, which no document can write as a value."""


def _need(value: object) -> object:
    if isinstance(value, dict) and "each" in value and "task" not in value:
        return {**value, "task": value["each"], "each": _Each}
    return {"task": value} if isinstance(value, str) else value


def _is_each(value: object) -> bool:
    if value is not _Each and value is not False:
        raise ValueError("a need has either `task` or `each`")
    return value is _Each


def _interval(value: object) -> int:
    found = millis_of(value)
    if not EVERY_MIN_MS <= found <= SPAN_MAX_MS:
        raise ValueError("must be from 1s to 100 years")
    return found


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("is not a moment: write 2026-12-24T18:00, or with an offset, +01:00 or Z") from error
    return value


def _expect(value: object) -> object:
    return value if isinstance(value, dict | BaseModel) else {"every": value}


def _schedule(value: object) -> object:
    return {"cron": value} if isinstance(value, str) else value


def _bytes(value: object) -> int:
    return length_of(value, parse_output_limit)


def _read(value: object, read: Callable[[object], _T]) -> _T:
    try:
        return read(value)
    except Invalid as error:
        # As above; the hint would say it twice.
        raise ValueError(error.message) from error


def _pattern(value: str) -> str:
    reason = pattern_refusal(value)
    if reason is not None:
        raise ValueError(reason)
    return value


def _code_or_output(value: object) -> str:
    return "output" if isinstance(value, dict | OnOutput) else "code"


def _limit_use(value: object) -> object:
    return {"limit": value} if isinstance(value, str) else value


def _once(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


def _once_for(value: object) -> str:
    return _read(value, read_for)


def _limit_key(value: str) -> str:
    most = TEXT_MAX if OPENING in value else NAME_MAX
    if len(value) > most:
        raise ValueError(f"must have at most {most} characters")
    return value


def _unit(value: str) -> str:
    return _read(value, unit_of)


def _amount(value: object) -> int | str:
    """Return millionths, or a text with expressions."""
    if not isinstance(value, str) or OPENING not in value:
        return _read(value, parse_amount)
    if len(value) > TEXT_MAX:
        raise ValueError(f"must have at most {TEXT_MAX} characters")
    return value


def _amounts_or_auto(value: object, read: ValidatorFunctionWrapHandler) -> dict[str, int | str]:
    """Return amounts by unit; `auto` is kept as the only unit of that name."""
    amounts: dict[str, int | str] = {AUTO: AUTO} if value == AUTO else read(value)
    return amounts


Key: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\z", max_length=NAME_MAX)]
TaskTag: TypeAlias = Annotated[str, Field(min_length=1, max_length=TAG_MAX)]
Text: TypeAlias = Annotated[str, Field(max_length=REASON_MAX)]
Queue: TypeAlias = Annotated[str, Field(pattern=rf"^{QUEUE}\z", max_length=QUEUE_MAX)]
Cost: TypeAlias = Annotated[
    dict[Annotated[str, AfterValidator(_unit)], Annotated[int | str, BeforeValidator(_amount)]],
    Field(max_length=UNITS_MAX),
    WrapValidator(_amounts_or_auto),
]
"""Millionths or texts with expressions, by unit."""
Interval: TypeAlias = Annotated[int, BeforeValidator(_interval)]
"""What comes again after so many ms, of a schedule."""
Times: TypeAlias = Annotated[str, Field(min_length=1, max_length=CRON_MAX)]
"""A cron expression or calendar phrase."""
Moment: TypeAlias = Annotated[str, AfterValidator(_moment)]
Priority: TypeAlias = Annotated[int, Field(ge=0, le=PRIORITY_MAX)]
Code: TypeAlias = Annotated[str, Field(pattern=rf"^{PATTERN}\z", max_length=100)]
ExitCode: TypeAlias = Annotated[int, Field(ge=0, le=EXIT_CODE_MAX)]
ParamType: TypeAlias = Literal["string", "integer", "number", "boolean", "array", "object", "date"]


class _Model(BaseModel):
    model_config = STRICT


class Param(_Model):
    """One parameter, required when it has no default and does not say `required: false`.

    `min` and `max` bound numbers, or the length of strings and arrays.
    """

    type: ParamType = "string"
    required: bool | None = None
    default: object = None
    min: float | None = None
    max: float | None = None
    enum: Annotated[list[object], Field(min_length=1)] | None = None
    description: Text | None = None

    @property
    def is_required(self) -> bool:
        """Whether a value must be given."""
        return "default" not in self.model_fields_set and self.required is not False

    @property
    def is_nullable(self) -> bool:
        """Whether its value may be null: nothing was given, and no default stands for it."""
        return not self.is_required and self.default is None


class OnOutput(_Model):
    """A pattern that the last output of a failed process fits."""

    output: Annotated[str, Field(min_length=1), AfterValidator(_pattern)]


RetryOn: TypeAlias = Annotated[
    Annotated[Code, Tag("code")] | Annotated[OnOutput, Tag("output")], Discriminator(_code_or_output)
]


class Retry(_Model):
    """When a failed attempt is followed by another; lengths in ms, None = not given here."""

    max_attempts: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)] | None = None
    backoff: Annotated[Backoff, Field(strict=False)] | None = None
    base: Duration | None = None
    max: Duration | None = None
    jitter: Annotated[Jitter, Field(strict=False)] | None = None
    on: Annotated[list[RetryOn], Field(min_length=1, max_length=CODES_MAX)] | None = None


class LimitUse(_Model):
    """A limit that tasks name, under a key that may have expressions."""

    limit: Queue
    key: Annotated[str, AfterValidator(_limit_key)] = ""


class OnceUse(_Model):
    """The key under which a task is created once, and how long it is taken."""

    key: Annotated[str, Field(min_length=1), AfterValidator(_limit_key)]
    for_: Annotated[str, BeforeValidator(_once_for), Field(alias="for")] = UNFINISHED


class _Shared(_Model):
    """The fields that both a task and the defaults may have."""

    uses: Name | None = None
    queue: Queue | None = None
    priority: Priority | None = None
    timeout: Limit | None = None
    soft_timeout: Limit | None = None
    silence: Limit | None = None
    soft_silence: Limit | None = None
    on_loss: Annotated[OnLoss, Field(strict=False)] | None = None
    retry: Retry | None = None
    output_limit: Annotated[int, BeforeValidator(_bytes)] | None = None
    on_overflow: Annotated[OnOverflow, Field(strict=False)] | None = None
    leftovers: Annotated[Leftovers, Field(strict=False)] | None = None
    success_exit_codes: Annotated[list[ExitCode], Field(min_length=1)] | None = None
    skip_exit_codes: list[ExitCode] | None = None
    continue_on_error: bool | None = None
    limits: (
        Annotated[list[Annotated[LimitUse, BeforeValidator(_limit_use)]], Field(max_length=LIMITS_MAX)] | None
    ) = None
    cost: Cost | None = None
    prefer: Annotated[list[Queue], Field(max_length=POOLS_MAX)] | None = None
    on_exhausted: Annotated[OnExhausted, Field(strict=False)] | None = None
    tags: Annotated[list[TaskTag], Field(max_length=TAGS_MAX)] | None = None
    env: Variables = {}
    env_file: EnvFileNames = []


class Defaults(_Shared):
    """Fields of every task that has none of its own; `cwd` and `shell` are for its `with`."""

    cwd: Annotated[str, Field(min_length=1, max_length=PATH_MAX)] | None = None
    shell: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)] | None = None


class Need(_Model):
    """An edge: the task needed, and whether its success or any end will do."""

    task: Key
    when: Annotated[NeedWhen, Field(strict=False)] = NeedWhen.SUCCEEDED
    each: Annotated[bool, BeforeValidator(_is_each)] = False
    """Each instance needs the one of its index alone."""


class Task(_Shared, InstanceFields, DataFields):
    """One task of the document."""

    key: Key
    name: Name | None = None
    needs: list[Annotated[Need, BeforeValidator(_need)]] = []
    when: Condition | None = None
    with_: Annotated[Loose, Field(alias="with")] = {}
    once: Annotated[OnceUse, BeforeValidator(_once)] | None = None
    on_failure: OnFailureUse | None = None
    metadata: Loose = {}


class Stage(_Model):
    """A barrier and its tasks."""

    name: Name
    tasks: list[Task]
    on_failure: OnFailureUse | None = None
    """The worklet of its tasks that do not name `on_failure`."""

    def worklet_of(self, task: Task) -> OnFailureUse | None:
        """Return the worklet of one of its tasks, whose own null is none."""
        return task.on_failure if "on_failure" in task.model_fields_set else self.on_failure


class Expect(_Model):
    """How often a job of the workflow has to succeed."""

    every: Interval


class ScheduleUse(_Model):
    """When the workflow is meant to fire: `schedule add FILE` takes it over, its options win.

    Moments are ISO 8601, by the clock of `zone` unless they have an offset.
    """

    name: Name | None = None
    cron: Times | None = None
    every: Interval | None = None
    calendar: Times | None = None
    at: Moment | None = None
    zone: Name | None = None
    jitter: Annotated[Duration, Field(ge=0, le=SPAN_MAX_MS)] = 0
    starts: Moment | None = None
    ends: Moment | None = None
    exclude: Annotated[list[str], Field(max_length=EXCLUDED_MAX)] = []
    catch_up: Annotated[CatchUp, Field(strict=False)] = CatchUp.LATEST
    window: Annotated[Duration, Field(ge=0, le=SPAN_MAX_MS)] = DAY_MS
    max: Annotated[int, Field(ge=1, le=COUNTED_MAX)] = 100
    overlap: Annotated[Overlap, Field(strict=False)] = Overlap.SKIP
    expect: Annotated[Expect, BeforeValidator(_expect)] | None = None
    params: Loose = {}
    env: Variables = {}
    retry: Annotated[int, Field(ge=0, le=ATTEMPTS_MAX)] = 0
    follow: bool = False

    @model_validator(mode="after")
    def _one_of_four(self) -> ScheduleUse:
        if sum(kind is not None for kind in (self.cron, self.every, self.calendar, self.at)) != 1:
            raise ValueError("has exactly one of `cron`, `every`, `calendar` and `at`")
        return self


class Finally(Stage):
    """The last stage of a document that has `finally`."""


class Document(_Model):
    """A whole workflow; exactly one of `stages` and `tasks`."""

    name: Name
    description: Text | None = None
    project: Name | None = None
    params: dict[DataName, Param] = {}
    variables: JobVariables = {}
    defaults: Defaults = Defaults()
    env: Variables = {}
    env_file: EnvFileNames = []
    on_task_failure: Annotated[OnTaskFailure, Field(strict=False)] = OnTaskFailure.STOP
    notify: Annotated[str, Field(max_length=2_000)] | None = None
    outputs: Loose = {}
    schedule: Annotated[ScheduleUse, BeforeValidator(_schedule)] | None = None
    expect: Annotated[Expect, BeforeValidator(_expect)] | None = None
    stages: Annotated[list[Stage], Field(min_length=1)] | None = None
    tasks: Annotated[list[Task], Field(min_length=1)] | None = None
    finally_: Annotated[Annotated[list[Task], Field(min_length=1)] | None, Field(alias="finally")] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Document:
        if (self.stages is None) == (self.tasks is None):
            raise ValueError("a workflow has either `stages` or `tasks`, one of them")
        return self

    def in_stages(self) -> tuple[Stage, ...]:
        """Return the stages; `tasks` alone are one stage named `main`, those of `finally` the last one."""
        main = Stage.model_construct(name="main", tasks=self.tasks or [])
        stages = (main,) if self.stages is None else tuple(self.stages)
        if self.finally_ is None:
            return stages
        return (*stages, Finally.model_construct(name=FINALLY, tasks=self.finally_))

    @cached_property
    def worklets(self) -> dict[str, OnFailureUse]:
        """The worklets of tasks, their own or that of their stage, by key; also of those that only wait."""
        pairs = [(task.key, stage.worklet_of(task)) for stage in self.in_stages() for task in stage.tasks]
        return {key: worklet for key, worklet in pairs if worklet is not None}

    @property
    def is_staged(self) -> bool:
        """Whether its stages have names of their own."""
        return self.stages is not None or self.finally_ is not None
