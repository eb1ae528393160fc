"""What connectors of processes share: environment, directory, program, signals.

Used by the connectors `shell` and `python`.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from core import host
from core.files.kinds import is_dir
from core.model.bounds import EXIT_CODE_MAX, process_text_fault
from core.model.codes import Numbers
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.limits.usage import FILE
from core.model.outcomes import Skipped
from core.model.ports import InputFault
from core.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.model.ports import CallContext
    from core.model.values import JsonObject, JsonValue

EXIT_CODES = Numbers(least=0, most=EXIT_CODE_MAX, noun="an exit code")
"""As a shell gives them: 128 + n is the signal n."""
JSON_BYTES = 8 * 1024 * 1024
"""Larger JSON of a child is refused: it would become a row of the store."""
TEXT_BYTES = 65_536
"""How much of the end of an output becomes a value."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STRING_BYTES = 127 * 1024
"""Bytes of one argument or variable; the kernel takes no more than 128 KiB."""


def environment(context: CallContext, given: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child.

    From weak to strong: what was captured where the task was asked for, the task's `env`, and what
    taskdeck says of the attempt.
    """
    captured = context.env
    if captured is None:
        captured = Surroundings(env=os.environ).allowed(()).env
    return {**captured, **given, **_about(context)}


def check_strings(argv: list[str], env: Mapping[str, str]) -> str | None:
    """Return why these cannot be handed to a process, or None.

    The kernel takes no single string above 128 KiB and no NUL; shells drop names that are not identifiers.
    """
    for name, text in env.items():
        if not _NAME.fullmatch(name):
            return f"`env`: {name!r} is not a name for a variable"
        fault = _string_fault(f"{name}={text}")
        if fault is not None:
            return f"`env.{name}` {fault}"
    for index, text in enumerate(argv):
        fault = _string_fault(text)
        if fault is not None:
            return f"`argv.{index}` {fault}"
    return None


def working_directory(asked: str | None, context: CallContext) -> str:
    """Return where the child runs: the task's `cwd`, the caller's, or the home directory.

    A relative path is taken from the caller's directory. Raises `Invalid` (`process.cwd`).
    """
    base = context.cwd or _home_directory()
    folder = Path(base, asked) if asked is not None else Path(base)
    if not is_dir(folder):
        raise Invalid(
            "process.cwd",
            f"cannot run in {folder}: no such directory",
            hint="fix `cwd`",
            facts={"cwd": str(folder)},
        )
    return str(folder)


def _home_directory() -> str:
    try:
        return str(Path.home())
    except RuntimeError as error:
        message = "the task names no directory, and this user has no home directory"
        raise Invalid("process.cwd", message, hint="give the task a `cwd`") from error


def program(name: str, *, code: str, env: Mapping[str, str], cwd: str) -> str:
    """Return the absolute path of a program by the child's own PATH; raise `Invalid` with `code`."""
    path = host.find_program(name, path=env.get("PATH", os.defpath), cwd=cwd)
    if path is None:
        raise Invalid(
            code,
            f"{name}: no such program, or not executable",
            hint="fix its name, or PATH",
            facts={"program": name, "cwd": cwd},
        )
    return str(path)


def end_facts(code: int) -> dict[str, JsonValue]:
    """Return the exit code of a process, and the signal that it stands for."""
    name = signal_name(code) if code > 128 else None
    return {"exit": code} if name is None else {"exit": code, "signal": name}


def signal_name(code: int) -> str | None:
    """Return the signal that a status over 128 stands for (`SIGKILL`), or None."""
    try:
        return signal.Signals(code - 128).name
    except ValueError:
        return None


def skipped(code: int, output: JsonValue) -> Skipped:
    """Return the end of a process whose exit code says that there was nothing to do."""
    return Skipped(output=output, reason=f"exit {code}, by `skip_exit_codes`")


def exit_message(code: int, cause: str) -> str:
    """Say how a process ended and why: `exit 65: no rows`, `SIGKILL`."""
    how = (signal_name(code) if code > 128 else None) or f"exit {code}"
    return f"{how}: {cause}" if cause else how


def _about(context: CallContext) -> dict[str, str]:
    home = {} if context.home is None else {"TASKDECK_HOME": str(context.home)}
    return {
        **home,
        "TASKDECK_TASK": str(context.ref.task_id),
        "TASKDECK_EPOCH": str(context.ref.epoch),
        "TASKDECK_JOB": str(context.job_id),
        "TASKDECK_KEY": context.key,
        "TASKDECK_IDEMPOTENCY_KEY": context.idempotency_key,
        "TASKDECK_DIR": str(context.directory),
        "TASKDECK_USAGE": str(context.directory / FILE),
    }


def unfit_texts(with_: JsonObject, code: str) -> Iterator[InputFault]:
    """Yield the texts of an input that no process can be given; those with an expression are passed over."""
    env = with_.get("env")
    if isinstance(env, dict):
        for name in env:
            if not _NAME.fullmatch(name):
                message = f"`env`: {name!r} is not a name for a variable"
                yield InputFault(code=code, message=message, path=("env", name))
    for path, text in _texts_for_process(with_):
        fault = None if OPENING in text else _string_fault(text)
        if fault is not None:
            place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
            yield InputFault(code=code, message=f"`{place[1:]}` {fault}", path=path)


def _texts_for_process(with_: JsonObject) -> Iterator[tuple[tuple[str | int, ...], str]]:
    argv, env = with_.get("argv"), with_.get("env")
    places: list[tuple[tuple[str | int, ...], JsonValue]] = [
        *((("argv", number), one) for number, one in enumerate(argv if isinstance(argv, list) else ())),
        *((("env", name), one) for name, one in (env.items() if isinstance(env, dict) else ())),
        *(((field,), with_.get(field)) for field in ("cwd", "python")),
    ]
    return ((path, text) for path, text in places if isinstance(text, str))


def _string_fault(text: str) -> str | None:
    fault = process_text_fault(text)
    if fault is not None:
        return fault
    size = len(os.fsencode(text))
    if size > STRING_BYTES:
        return f"is {size} bytes long; a process takes {STRING_BYTES}: pass it by file"
    return None
