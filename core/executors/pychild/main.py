"""Call one function for a python task and write down its result.

Run by path in whatever interpreter the task names: the standard library only, Python 3.8 and later.
`main.py DIRECTORY` reads `call.json` of the attempt directory and writes `result.json`:
`{"returned": value}` or `{"error": {"code", "message", "facts"}}`. A traceback goes to stderr.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TRACE_CHARS = 4000
MESSAGE_CHARS = 500


class NotFound(Exception):
    """The module or the function that the task names does not exist."""


class BadResult(Exception):
    """The function returned what is not JSON."""


def main(directory: Path) -> int:
    """Run the call of an attempt directory; return the exit status."""
    put_cwd_first()
    # Held open: the data directory may be moved meanwhile.
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    call = json.loads((directory / "call.json").read_text(encoding="utf-8"))
    code, answer = 0, ""
    try:
        answer = encode(run(call["call"], call["args"]))
    except BaseException as error:
        code, answer = 1, json.dumps({"error": describe(error)})
    write(folder, "result.json", answer)
    return code


def put_cwd_first() -> None:
    """Look for modules where the task runs, and never in the folder of this file."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    sys.path.insert(0, str(Path.cwd()))


def run(target: str, args: dict[str, object]) -> object:
    """Return what `module:function` returns for these keyword arguments, awaited if need be."""
    value = find(target)(**args)
    return asyncio.run(settle(value)) if inspect.isawaitable(value) else value


async def settle(awaitable: Awaitable[object]) -> object:
    """Await any awaitable within a loop."""
    return await awaitable


def find(target: str) -> Callable[..., object]:
    """Return the function; raise `NotFound`, or what the import of its module raises."""
    module_name, _, path = target.partition(":")
    value: object
    try:
        value = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that the task's module misses is an error of that module.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise NotFound(f"no module {error.name!r} in {Path.cwd()} or the interpreter's paths") from None
    for name in path.split("."):
        try:
            value = getattr(value, name)
        except AttributeError:
            raise NotFound(f"{module_name} has no {path!r}") from None
    if not callable(value):
        raise NotFound(f"{target} is not a function")
    return value


def encode(value: object) -> str:
    """Return the answer as JSON text; raise `BadResult` for what JSON cannot hold."""
    try:
        return json.dumps({"returned": value}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadResult(f"the result of type {type(value).__name__} is not JSON: {error}") from None


def describe(error: BaseException) -> dict[str, object]:
    """Return code, message and facts of an error; its whole traceback goes to stderr."""
    if isinstance(error, NotFound):
        return {"code": "python.not_found", "message": str(error), "facts": {}}
    if isinstance(error, BadResult):
        return {"code": "python.result", "message": str(error)[:MESSAGE_CHARS], "facts": {}}
    trace = traceback.TracebackException.from_exception(error)
    own = [index for index, frame in enumerate(trace.stack) if frame.filename == __file__]
    # The frames of this file mean nothing to the author of the task.
    del trace.stack[: own[-1] + 1 if own else 0]
    text = "".join(trace.format())
    print(text, end="", file=sys.stderr, flush=True)
    name = type(error).__qualname__
    facts: dict[str, object] = {"type": name, "traceback": text[-TRACE_CHARS:]}
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        facts["exit"] = error.code
    return {"code": "python.error", "message": summary(error)[:MESSAGE_CHARS], "facts": facts}


def summary(error: BaseException) -> str:
    """Return type and text of an error on one line; of a group, of the first error in it too."""
    kind = type(error)
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    told = f"{module}{kind.__qualname__}: {error}".rstrip(": ")
    members = getattr(error, "exceptions", ())
    if isinstance(members, tuple) and members:
        told = f"{told}: {summary(members[0])}"
    return " ".join(told.split())


def write(folder: int, name: str, text: str) -> None:
    """Write a private file into an open directory; it appears only when it is complete."""
    incomplete = f"{name}.draft"
    descriptor = os.open(incomplete, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(incomplete, name, src_dir_fd=folder, dst_dir_fd=folder)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
