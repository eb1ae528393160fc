"""The connector `python`: calls a Python function in a child process.

Built by the registry, called by the engine's runner.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic import JsonValue as InputJson

from core.connectors.base import Input, Plain, WrittenText, parse_input
from core.connectors.cause_line import cause_line
from core.connectors.process import (
    EXIT_CODES,
    JSON_BYTES,
    TEXT_BYTES,
    check_strings,
    end_facts,
    environment,
    exit_message,
    program,
    skipped,
    unfit_texts,
    working_directory,
)
from core.connectors.strict_json import parse_json
from core.files.kinds import exists
from core.files.masked import hide_secrets
from core.files.untrusted import read_small, tail_text
from core.model.codes import ErrorCodes
from core.model.errors import Invalid
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.ports import InputFault, ProcessCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.ports import CallContext, ProcessExit
    from core.model.values import JsonObject, JsonValue

# By path alone: the child never imports this package, whose name a package of the user may have.
_MAIN = Path(__file__).resolve().parents[1] / "executors" / "pychild" / "main.py"
_CALL, _RESULT = "call.json", "result.json"
_PERMANENT = frozenset({"python.not_found", "python.result"})
_DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"


class PythonInput(Input):
    """The `with:` of a python task; `call` is `package.module:function`."""

    call: Annotated[str, Field(pattern=rf"^{_DOTTED}:{_DOTTED}$")]
    args: dict[str, InputJson] = Field(default_factory=dict)
    env: dict[str, WrittenText | None] = Field(default_factory=dict)
    """Null leaves a variable out."""
    cwd: WrittenText | None = None
    python: Annotated[str, Field(min_length=1)] | None = None


class Python(Plain):
    """The connector `python`."""

    name = "python"
    schema = PythonInput
    codes = ErrorCodes(
        codes=frozenset({"python.error", "python.exit", "python.not_found", "python.result", "python.text"}),
        numbers={"python.exit": EXIT_CODES},
    )
    secrets = (("env", "*"),)
    texts = (("env", "*"), ("cwd",), ("python",))

    def check(self, with_: JsonObject) -> Sequence[InputFault]:
        return (*super().check(with_), *unfit_texts(with_, "python.text"))

    def call(self, with_: JsonObject, context: CallContext) -> ProcessCall:
        """Describe the process.

        Raises `Invalid`: `with.invalid`, `python.not_found` (interpreter), `python.text`, `process.cwd`.
        """
        parsed = parse_input(PythonInput, with_)
        # Unbuffered, so that a log can be followed.
        given = {name: text for name, text in parsed.env.items() if text is not None}
        env = environment(context, {"PYTHONUNBUFFERED": "1", **(context.env or {}), **given})
        cwd = working_directory(parsed.cwd, context)
        fault = check_strings([parsed.python or ""], env)
        if fault is not None:
            raise Invalid("python.text", fault, hint="fix the `with:` block of the task")
        python = program(parsed.python or sys.executable, code="python.not_found", env=env, cwd=cwd)
        call = {"call": parsed.call, "args": parsed.args}
        return ProcessCall(
            argv=(python, str(_MAIN), str(context.directory)),
            cwd=cwd,
            env=env,
            files={_CALL: json.dumps(call).encode("utf-8")},
        )

    def conclude(self, with_: JsonObject, context: CallContext, end: ProcessExit) -> Outcome:
        """Judge an exit: the returned JSON, or `python.error`, `.not_found`, `.result`, `.exit`.

        Where nothing was returned the exit code may still be one that succeeds or skips: `{exit}`.
        """
        del with_
        path = context.directory / _RESULT
        if not exists(path):
            return _silent(end, context)
        if context.masks:
            hide_secrets(path, context.masks)
        data = read_small(path, JSON_BYTES)
        if data is None:
            return _failed("python.result", f"the result is larger than {JSON_BYTES} bytes")
        try:
            result = parse_json(data.decode("utf-8"))
        except ValueError as error:
            return _failed("python.result", f"the result cannot be read: {error}")
        return _judged(result, context)


def _judged(result: JsonValue, context: CallContext) -> Outcome:
    match result:
        case {"returned": value}:
            return Succeeded(output=value)
        case {"error": {"code": str(code), "message": str(message), "facts": dict(facts)}}:
            left_with = facts.get("exit")
            chosen = _chosen(left_with, context) if isinstance(left_with, int) else None
            return chosen or _failed(code, message, facts=facts)
    return _failed("python.result", "the result has a form that taskdeck did not write")


def _chosen(code: int, context: CallContext) -> Outcome | None:
    """Return the end that the task chose for an exit code (also of `sys.exit`), or None."""
    if code in context.skip_exit_codes:
        return skipped(code, {"exit": code})
    return Succeeded(output={"exit": code}) if code in context.success_exit_codes else None


def _silent(end: ProcessExit, context: CallContext) -> Outcome:
    chosen = _chosen(end.code, context)
    if chosen is not None:
        return chosen
    try:
        output = tail_text(end.out, TEXT_BYTES)
    except OSError:
        output = ""
    cause = cause_line(output) or "the process ended without a result"
    return _failed("python.exit", exit_message(end.code, cause), facts=end_facts(end.code))


def _failed(code: str, message: str, *, facts: JsonObject | None = None) -> Failed:
    return Failed(
        error=TaskError(code=code, message=message, facts=facts or {}), permanent=code in _PERMANENT
    )
