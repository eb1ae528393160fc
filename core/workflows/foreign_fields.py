"""Fields of other workflow tools, and what is written here.

Used where an unknown field is refused.
"""

from __future__ import annotations

_COMMAND = "`uses: shell` with `argv` or `script` in `with`"
_MANY = "`for_each`"
_ORDER = "`needs`"
FOREIGN = {
    "run": _COMMAND,
    "command": _COMMAND,
    "cmd": _COMMAND,
    "script": _COMMAND,
    "shell": _COMMAND,
    "bash_command": _COMMAND,
    "args": "`argv` in `with`",
    "argv": "`argv` in `with`",
    "cwd": "`cwd` in `with`",
    "stdin": "`stdin` in `with`",
    "url": "`url` in `with`",
    "depends": _ORDER,
    "depends_on": _ORDER,
    "dependencies": _ORDER,
    "after": _ORDER,
    "upstream": _ORDER,
    "if": "`when`",
    "condition": "`when`",
    "preconditions": "`when`",
    "steps": "`tasks`",
    "jobs": "`tasks`",
    "strategy": "`matrix`",
    "parallel": _MANY,
    "loop": _MANY,
    "with_items": _MANY,
    "with_param": _MANY,
    "parallelism": "`max_parallel`",
    "timeout_minutes": "`timeout`, such as 30m",
    "timeout_seconds": "`timeout`, such as 30s",
    "timeout_sec": "`timeout`, such as 30s",
    "retries": "`retry`",
    "retry_policy": "`retry`",
    "retry_strategy": "`retry`",
    "allow_failure": "`continue_on_error`",
    "continue_on": "`continue_on_error`",
    "ignore_errors": "`continue_on_error`",
    "dir": "`cwd` in `with`",
    "workdir": "`cwd` in `with`",
    "working_dir": "`cwd` in `with`",
    "working_directory": "`cwd` in `with`",
    "cron": "`schedule`",
    "handler_on": "`finally` or `on_failure`",
    "on_exit": "`finally`",
    "call": "`uses: workflow`",
    "workflow_call": "`uses: workflow`",
}
"""By the field in lower case, with `_` between words."""


def in_place_of(name: str) -> str:
    """Return `; here it is ...` to end a message with, or nothing for a field that none of them has."""
    spaced = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    known = FOREIGN.get(spaced.replace("-", "_").lstrip("_"))
    return f"; here it is {known}" if known else ""
