"""Options of loose tasks that are created once for each key.

Used by `exec` and `map`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.cli.parameters import Option
from core.cli.refusals import usage
from core.model.limits.once import UNFINISHED, Once, read_once


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceOptions:
    """The key of a task, and how long it is taken."""

    once: Annotated[
        str | None,
        Option(
            metavar="KEY",
            help="Create no second task with this key: follow the first. {} is the line of map.",
        ),
    ] = None
    once_for: Annotated[
        str | None,
        Option(
            metavar="TIME",
            help="How long the key is taken: unfinished, 1h, ever. [default: unfinished]",
        ),
    ] = None


def read_options(options: OnceOptions) -> Once | None:
    """Return what is said of one task."""
    if options.once is None:
        if options.once_for is not None:
            raise usage("--once-for says how long a key is taken", hint="name the key with --once KEY")
        return None
    return read_once(Once(key=options.once, for_=options.once_for or UNFINISHED))


def read_options_of_line(options: OnceOptions, line: str) -> Once | None:
    """Return what is said of the task of a line, which stands in the place of each `{}`."""
    once = read_options(options)
    if once is None:
        return None
    if "{}" not in once.key:
        raise usage(
            "--once: all lines would have this key, and one task be created",
            hint="write {} in it, which is the line",
        )
    return read_once(Once(key=once.key.replace("{}", line), for_=once.for_))
