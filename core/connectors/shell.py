"""The connector `shell`: runs a program, or a script by a shell.

Built by the registry, called by the engine's runner. A command is a list of arguments or a script, never a
string joined from values.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

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
from core.connectors.script import keep_shell, script_argv
from core.connectors.strict_json import parse_json
from core.files.untrusted import read_small, tail_bytes
from core.model.bounds import EXIT_CODE_MAX, half_character_fault
from core.model.codes import ErrorCodes
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.ports import STDIN_PATH, InputFault, ProcessCall

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from core.model.ports import CallContext, ProcessExit
    from core.model.values import JsonObject, JsonValue

_SCRIPT = "script"
_STDIN = "stdin"
_READING = 'exec "$@" <"$0"'

Argument: TypeAlias = str | int | float | bool
"""What may stand as an argument or variable: a whole-string expression keeps its type."""


class ShellInput(Input):
    """The `with:` of a shell task: one of `argv` and `script`."""

    argv: Annotated[list[Argument], Field(min_length=1)] | None = None
    script: Annotated[str, Field(min_length=1)] | None = None
    shell: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    """What runs the script: `sh`, `bash`, `python`, or a command line with `{0}` for its file."""
    env: dict[str, Argument | None] = Field(default_factory=dict)
    """Null leaves a variable out."""
    stdin: WrittenText | None = None
    stdin_base64: str | None = None
    cwd: WrittenText | None = None
    parse: Literal["text", "json"] = "text"
    stderr: Literal["merged", "separate"] = "merged"
    ok: Annotated[list[Annotated[int, Field(ge=0, le=EXIT_CODE_MAX)]], Field(min_length=1)] | None = None

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for exactly one of `argv` and `script`, and for a script without expressions."""
        if (with_.get("argv") is None) == (with_.get("script") is None):
            yield InputFault(code="shell.choice", message="give either `argv` or `script`")
        if with_.get("stdin") is not None and with_.get("stdin_base64") is not None:
            yield InputFault(code="shell.choice", message="give either `stdin` or `stdin_base64`")
        for field in ("script", "shell"):
            text = with_.get(field)
            if isinstance(text, str) and OPENING in text:
                yield InputFault(
                    code="shell.fence",
                    message=f"`{field}`: an expression here could run what its value says; "
                    'pass the value by `env` and write "$NAME"',
                    path=(field,),
                )
        script, shell = with_.get("script"), with_.get("shell")
        if shell is not None and script is None:
            yield InputFault(code="shell.choice", message="`shell` goes with `script`", path=("shell",))
        if isinstance(script, str) and isinstance(shell, str | None):
            kept = keep_shell(with_).get("shell")
            try:
                script_argv(script, kept if isinstance(kept, str) else None, _SCRIPT)
            except ValueError as error:
                place = "script" if shell is None else "shell"
                yield InputFault(code="shell.choice", message=f"`{place}`: {error}", path=(place,))


class Shell(Plain):
    """The connector `shell`."""

    name = "shell"
    schema = ShellInput
    codes = ErrorCodes(
        codes=frozenset({"shell.exit", "shell.not_found", "shell.output", "shell.text"}),
        numbers={"shell.exit": EXIT_CODES},
    )
    secrets = (("env", "*"), ("stdin",))
    texts = (("argv", "*"), ("env", "*"), ("script",), ("shell",), ("stdin",), ("cwd",))

    def check(self, with_: JsonObject) -> Sequence[InputFault]:
        faults = [*super().check(with_), *unfit_texts(with_, "shell.text")]
        stdin = with_.get("stdin")
        fault = half_character_fault(stdin) if isinstance(stdin, str) else None
        if fault is not None:
            faults.append(InputFault(code="shell.text", message=f"`stdin` {fault}", path=("stdin",)))
        return faults

    def keep(self, with_: JsonObject) -> JsonObject:
        return keep_shell(with_)

    def call(self, with_: JsonObject, context: CallContext) -> ProcessCall:
        """Describe the process.

        Raises `Invalid`: `with.invalid`, `shell.not_found` (program), `shell.text` (what no process
        can be given), `process.cwd`.
        """
        parsed = parse_input(ShellInput, with_)
        given = {name: _as_text(value) for name, value in parsed.env.items() if value is not None}
        env = environment(context, given)
        cwd = working_directory(parsed.cwd, context)
        files: dict[str, bytes] = {}
        if parsed.script is not None:
            files[_SCRIPT] = parsed.script.encode("utf-8")
            argv = script_argv(parsed.script, parsed.shell, str(context.directory / _SCRIPT))
        else:
            argv = [_as_text(value) for value in parsed.argv or ()]
        fault = check_strings(argv, env)
        if fault is not None:
            raise Invalid("shell.text", fault, hint="fix the `with:` block of the task")
        argv[0] = program(argv[0], code="shell.not_found", env=env, cwd=cwd)
        data = _standard_input(parsed)
        in_memory = data if context.masks else None
        if data is not None:
            # By a shell that is replaced at once: the wrapper around all attempts stays as small as it is.
            path = str(context.directory / _STDIN) if in_memory is None else STDIN_PATH
            files |= {_STDIN: data} if in_memory is None else {}
            argv = ["/bin/sh", "-c", _READING, path, *argv]
        err: Literal["err"] | None = "err" if parsed.stderr == "separate" else None
        return ProcessCall(argv=tuple(argv), cwd=cwd, env=env, files=files, stderr=err, stdin=in_memory)

    def conclude(self, with_: JsonObject, context: CallContext, end: ProcessExit) -> Outcome:
        """Judge an exit: accepted codes succeed with an output, others are `shell.exit`; some may skip.

        The output is `{exit, path, size, dropped, text, omitted}`, or `json` for `text` and `omitted`; with
        `stderr: separate` also `stderr` (its last 64 KiB) and `stderr_path`.
        """
        parsed = parse_input(ShellInput, with_)
        is_skip = end.code in context.skip_exit_codes
        if not is_skip and end.code not in _accepted(parsed, context):
            return _failed(end, context)
        output: dict[str, JsonValue] = {"exit": end.code, "path": str(end.out), **_extent(end)}
        if end.err is not None:
            output |= {"stderr": _tail(end.err).decode("utf-8", "replace"), "stderr_path": str(end.err)}
        if is_skip:
            return skipped(end.code, {**output, **_text(end)})
        if parsed.parse == "text":
            return Succeeded(output={**output, **_text(end)})
        try:
            return Succeeded(output={**output, "json": _json(end)})
        except ValueError as error:
            # Not permanent: what a program prints once in a while, its next attempt may not print.
            facts = {"exit": end.code, **_extent(end)}
            return Failed(error=TaskError(code="shell.output", message=f"output: {error}", facts=facts))


def _accepted(parsed: ShellInput, context: CallContext) -> Collection[int]:
    """Return the exit codes that are a success; `ok` of the input stands over those of the task."""
    return parsed.ok or context.success_exit_codes or (0,)


def _standard_input(parsed: ShellInput) -> bytes | None:
    if parsed.stdin_base64 is None:
        return _as_bytes(parsed.stdin)
    try:
        return base64.b64decode(parsed.stdin_base64, validate=True)
    except ValueError as error:
        message = f"`stdin_base64` is not base64: {error}"
        raise Invalid("with.invalid", message, hint="fix the `with:` block of the task") from error


def _as_bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    fault = half_character_fault(text)
    if fault is not None:
        hint = "fix the `with:` block of the task"
        raise Invalid("shell.text", f"`stdin` {fault}", hint=hint, facts={"field": "stdin"})
    return text.encode("utf-8", "surrogateescape")


def _as_text(value: Argument) -> str:
    # As YAML and JSON write it: Python's own word for a truth is another.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _failed(end: ProcessExit, context: CallContext) -> Failed:
    errors = b"" if end.err is None else _tail(end.err)
    script = str(context.directory / _SCRIPT)
    # What went to standard error tells why, if anything did; merged, it is in the output.
    causes = (cause_line(data.decode("utf-8", "replace"), script=script) for data in (errors, _tail(end.out)))
    facts = end_facts(end.code) | (_extent(end) if end.dropped or end.lost else {})
    message = exit_message(end.code, next(filter(None, causes), ""))
    return Failed(error=TaskError(code="shell.exit", message=message, facts=facts))


def _extent(end: ProcessExit) -> dict[str, JsonValue]:
    """Say how much was written, and how much of that is missing in the file."""
    return {"size": end.size, "dropped": end.dropped, **({"lost": True} if end.lost else {})}


def _text(end: ProcessExit) -> dict[str, JsonValue]:
    """Return the end of the output, and how many bytes before it are in the file only."""
    data = _tail(end.out)
    omitted = max(0, end.size - end.dropped - len(data))
    text: dict[str, JsonValue] = {"text": data.decode("utf-8", "replace"), "omitted": omitted}
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text["base64"] = base64.b64encode(data).decode("ascii")
    return text


def _tail(path: Path) -> bytes:
    try:
        return tail_bytes(path, TEXT_BYTES)
    except OSError:
        return b""


def _json(end: ProcessExit) -> JsonValue:
    if end.dropped or end.lost:
        raise ValueError("it is not whole: it went over its limit, or could not be written")
    data = read_small(end.out, JSON_BYTES)
    if data is None:
        raise ValueError(f"it is not there, or larger than {JSON_BYTES} bytes, and is not read as JSON")
    return parse_json(data.decode("utf-8"))
