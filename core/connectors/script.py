"""Scripts of shell tasks: which program runs them, and how.

Used by the connector `shell`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.values import JsonObject

HASHBANG = "#!"
"""Begins a script that names its program; as a `shell` it says that the script does."""
_PLACE = "{0}"
_KNOWN = {
    "sh": ("/bin/sh", "-e", _PLACE),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", _PLACE),
    "python": ("python3", _PLACE),
}
"""Command lines of names, as GitHub Actions reads them: the first command that fails ends the script."""


def keep_shell(with_: JsonObject) -> JsonObject:
    """Return an input with the `shell` of its script written out, as it is today.

    A script stored without one comes from a version that ran all of them by `/bin/sh`, past failed commands.
    """
    script = with_.get("script")
    if not isinstance(script, str) or with_.get("shell") is not None:
        return with_
    return {**with_, "shell": HASHBANG if script.startswith(HASHBANG) else "sh"}


def script_argv(script: str, shell: str | None, path: str) -> list[str]:
    """Return the command line that runs a script which was written to `path`; raise `ValueError`."""
    if shell is None:
        return ["/bin/sh", path]
    if shell == HASHBANG:
        return [*_hashbang(script), path]
    words = list(_KNOWN.get(shell) or shlex.split(shell))
    if not words:
        raise ValueError("it names no program")
    if not any(_PLACE in word for word in words):
        words.append(_PLACE)
    return [word.replace(_PLACE, path) for word in words]


def _hashbang(script: str) -> list[str]:
    # As the kernel reads it: all that follows the program is one argument.
    words = script.partition("\n")[0].removeprefix(HASHBANG).strip().split(maxsplit=1)
    if not words:
        raise ValueError("its first line `#!` names no program")
    return words
