"""What connectors share: schemas for `with:`, faults, defaults.

Used by every connector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from core.model.bounds import HALF_CHARACTER
from core.model.errors import Invalid, TaskdeckError
from core.model.expressions import has_expression
from core.model.near_misses import did_you_mean
from core.model.outcomes import Failed, TaskError
from core.model.ports import InputFault
from core.model.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

    from core.model.codes import ErrorCodes
    from core.model.values import JsonObject, JsonValue

MISSING, UNKNOWN, BAD_VALUE = "with.missing", "with.unknown", "with.value"
"""Codes of input faults; the path of a missing key leads to the map that lacks it."""
_MESSAGE_MAX = 2_000
_WORD_MAX = 64


class Input(BaseModel):
    """The schema of a `with:` block: strict types, no unknown keys, no NaN; subclass it with fields.

    Values are JSON: use `list`, `dict`, `Literal` (not tuples or enums) and `Field(alias=...)` for keys
    that Python or pydantic reserves.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the keys a `with:` block may have."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterable[InputFault]:
        """Return faults that span keys; sees the raw input, expressions included. Override where needed."""
        del with_
        return ()


InputT = TypeVar("InputT", bound=Input)


def as_text(value: object) -> object:
    """Return a number or truth as YAML and JSON write it; anything else as it is."""
    # Python's own word for a truth is another.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


WrittenText: TypeAlias = Annotated[str, BeforeValidator(as_text)]
"""A text that goes out; a number or truth, also the value of an expression, goes as it is written."""


class CallFailed(Exception):
    """Raised by an inline call that knows what its failure means; `classify` returns `failed`."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.error.message)
        self.failed = failed


def check_input(schema: type[Input], with_: JsonObject) -> tuple[InputFault, ...]:
    """Return every fault of an input, in the order of the schema; values with an expression are passed over.

    Missing and unknown keys are reported whatever the values hold: keys are never computed.
    """
    try:
        schema.model_validate(with_)
    except ValidationError as error:
        return (*_faults(schema, with_, error), *schema.rules(with_))
    return tuple(schema.rules(with_))


def parse_input(schema: type[InputT], with_: JsonObject) -> InputT:
    """Return the typed input of a call; raise `Invalid` (`with.invalid`) with all faults in its facts."""
    try:
        parsed = schema.model_validate(with_)
    except ValidationError as error:
        raise invalid_input((*_faults(schema, with_, error), *schema.rules(with_))) from None
    faults = tuple(schema.rules(with_))
    if faults:
        raise invalid_input(faults)
    return parsed


def invalid_input(faults: Sequence[InputFault]) -> Invalid:
    """Return the refusal of a resolved input; `faults` may be empty when all of them hold an expression."""
    first = faults[0].message if faults else "a value is still an expression"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    listed: list[JsonValue] = [
        {"code": fault.code, "message": fault.message, "path": list(fault.path)} for fault in faults
    ]
    return Invalid(
        "with.invalid",
        f"input: {first}{more}",
        hint="fix the `with:` block of the task",
        facts={"faults": listed},
    )


class Plain:
    """Defaults for a connector: a subclass needs `name` and `call`, and may name its `schema`.

    Without a `schema` every input is accepted.
    """

    name: str = ""
    schema: ClassVar[type[Input] | None] = None
    codes: ClassVar[ErrorCodes | None] = None
    """The error codes of its own; with them a misspelt `retry.on` is refused. None = not declared."""
    texts: ClassVar[Sequence[Sequence[str]]] = ()
    """Where its input holds text: paths, `*` for any key or index; scalars there stay as they are written."""

    def check(self, with_: JsonObject) -> Sequence[InputFault]:
        """Return every fault of an input; values with an expression are passed over."""
        return () if self.schema is None else check_input(self.schema, with_)

    def keep(self, with_: JsonObject) -> JsonObject:
        """Return an input as it is stored with a task: defaults that may change are written out."""
        return with_

    def may_repeat(self, with_: JsonObject) -> bool:
        """Say whether a call whose end was not seen may be made again unasked.

        Where it is False, `on_loss` is `ask` unless the task names another. Sees the raw input, expressions
        included: what an expression decides is not known, and False is the careful answer.
        """
        del with_
        return True

    async def start(self) -> None:
        """Open nothing."""

    async def stop(self) -> None:
        """Close nothing."""

    def classify(self, error: Exception) -> Failed:
        """Say what an error of an inline call means; unknown errors (`connector.error`) are retryable."""
        if isinstance(error, CallFailed):
            return error.failed
        if isinstance(error, TaskdeckError):
            return Failed(
                error=TaskError(code=error.code, message=error.message, facts=error.facts),
                permanent=isinstance(error, Invalid),
            )
        text = str(error)[:_MESSAGE_MAX] or type(error).__name__
        return Failed(
            error=TaskError(code="connector.error", message=text, facts={"type": type(error).__qualname__})
        )


def _faults(schema: type[Input], with_: JsonObject, error: ValidationError) -> list[InputFault]:
    """Translate pydantic's errors; those of one value (the arms of a union) become one fault."""
    by_value: dict[tuple[str | int, ...], InputFault] = {}
    for detail in error.errors(include_url=False, include_context=False):
        fault = _fault(schema, with_, detail)
        if fault is None:
            continue
        subject = detail["loc"][-1] if fault.code == MISSING else ""
        key = (fault.code, subject, *fault.path)
        earlier = by_value.get(key)
        by_value[key] = fault if earlier is None else _either(earlier, fault)
    return list(by_value.values())


def _fault(schema: type[Input], with_: JsonObject, detail: ErrorDetails) -> InputFault | None:
    loc, kind = detail["loc"], detail["type"]
    path = _path(with_, loc)
    if kind == "missing":
        return InputFault(code=MISSING, message=f"`{_dotted((*path, loc[-1]))}` is required", path=path)
    if kind == "extra_forbidden":
        known = schema.keys() if len(path) == 1 else ()
        message = f"`{_dotted(path)}`: unknown key{did_you_mean(str(path[-1]), known)}"
        return InputFault(code=UNKNOWN, message=message, path=path)
    if has_expression(detail["input"]):
        return None
    sentence = detail["msg"].removeprefix("Value error, ")
    if kind == "string_unicode":
        sentence = HALF_CHARACTER
    return InputFault(
        code=BAD_VALUE, message=f"`{_dotted(path)}`: {sentence[:1].lower()}{sentence[1:]}", path=path
    )


def _path(with_: JsonObject, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Keep of pydantic's place what leads through the input; the names of union arms do not."""
    path: list[str | int] = []
    value: JsonValue = with_
    for step in loc:
        try:
            value = value[step]  # type: ignore[index]
        except (TypeError, LookupError):
            continue
        path.append(step)
    return tuple(path)


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:_WORD_MAX]}" if text else step[:_WORD_MAX]
    return text


def _either(earlier: InputFault, later: InputFault) -> InputFault:
    alternative = later.message.partition(": ")[2].removeprefix("input should be ")
    if alternative in earlier.message:
        return earlier
    return replace(earlier, message=f"{earlier.message} or {alternative}")
