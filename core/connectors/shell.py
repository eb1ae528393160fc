"""The connector `shell`: runs a program, or a script by a shell.

Built by the registry, called by the engine's runner. A command is a list of arguments or a script, never a
string joined from values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

from core.connectors.base import Input, Plain, parse_input
from core.connectors.process import (
    JSON_BYTES,
    TEXT_BYTES,
    check_strings,
    environment,
    last_line,
    parse_json,
    program,
    signal_name,
    working_directory,
)
from core.files.untrusted import read_small, tail_text
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.ports import InputFault, ProcessCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.ports import CallContext, ProcessExit
    from core.model.values import JsonObject, JsonValue

_SHELL = "/bin/sh"
_SCRIPT = "script"

Argument: TypeAlias = str | int | float | bool
"""What may stand as an argument or variable: a whole-string expression keeps its type."""


class ShellInput(Input):
    """The `with:` of a shell task: one of `argv` and `script`."""

    argv: Annotated[list[Argument], Field(min_length=1)] | None = None
    script: Annotated[str, Field(min_length=1)] | None = None
    env: dict[str, Argument] = Field(default_factory=dict)
    cwd: str | None = None
    parse: Literal["text", "json"] = "text"
    ok: list[Annotated[int, Field(ge=0, le=255)]] = Field(default_factory=lambda: [0], min_length=1)

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for exactly one of `argv` and `script`, and for a script without expressions."""
        if (with_.get("argv") is None) == (with_.get("script") is None):
            yield InputFault(code="shell.choice", message="give either `argv` or `script`")
        script = with_.get("script")
        if isinstance(script, str) and OPENING in script:
            yield InputFault(
                code="shell.fence",
                message="`script`: an expression here could run what its value says; "
                'pass the value by `env` and write "$NAME"',
                path=("script",),
            )


class Shell(Plain):
    """The connector `shell`."""

    name = "shell"
    schema = ShellInput

    def call(self, with_: JsonObject, context: CallContext) -> ProcessCall:
        """Describe the process.

        Raises `Invalid`: `with.invalid`, `shell.not_found` (program), `shell.text` (what no process
        can be given), `process.cwd`.
        """
        parsed = parse_input(ShellInput, with_)
        given = {name: _as_text(value) for name, value in parsed.env.items()}
        env = environment(context, given)
        cwd = working_directory(parsed.cwd, context)
        files: dict[str, bytes] = {}
        if parsed.script is not None:
            files[_SCRIPT] = parsed.script.encode("utf-8")
            argv = [_SHELL, str(context.directory / _SCRIPT)]
        else:
            argv = [_as_text(value) for value in parsed.argv or ()]
        fault = check_strings(argv, env)
        if fault is not None:
            raise Invalid("shell.text", fault, hint="fix the `with:` block of the task")
        argv[0] = program(argv[0], code="shell.not_found", env=env, cwd=cwd)
        return ProcessCall(argv=tuple(argv), cwd=cwd, env=env, files=files)

    def conclude(self, with_: JsonObject, context: CallContext, end: ProcessExit) -> Outcome:
        """Judge an exit: accepted codes succeed with `{exit, path, text | json}`, others are `shell.exit`."""
        parsed = parse_input(ShellInput, with_)
        if end.code not in parsed.ok:
            return _failed(end)
        output: dict[str, JsonValue] = {"exit": end.code, "path": str(end.out)}
        if parsed.parse == "text":
            return Succeeded(output={**output, "text": _tail(end)})
        try:
            return Succeeded(output={**output, "json": _json(end)})
        except ValueError as error:
            return Failed(error=TaskError(code="shell.output", message=f"output: {error}"), permanent=True)


def _as_text(value: Argument) -> str:
    # As YAML and JSON write it: Python's own word for a truth is another.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _failed(end: ProcessExit) -> Failed:
    name = signal_name(end.code) if end.code > 128 else None
    how = f"exited with {end.code}" if name is None else f"exited with {end.code} (as by {name})"
    line = last_line(_tail(end))
    facts: dict[str, JsonValue] = {"exit": end.code}
    if name is not None:
        facts["signal"] = name
    message = f"{how}: {line}" if line else how
    return Failed(error=TaskError(code="shell.exit", message=message, facts=facts))


def _tail(end: ProcessExit) -> str:
    try:
        return tail_text(end.out, TEXT_BYTES)
    except OSError:
        return ""


def _json(end: ProcessExit) -> JsonValue:
    if end.capped:
        raise ValueError("it went over its cap, so that its middle is missing")
    data = read_small(end.out, JSON_BYTES)
    if data is None:
        raise ValueError(f"it is not there, or larger than {JSON_BYTES} bytes, and is not read as JSON")
    return parse_json(data)
