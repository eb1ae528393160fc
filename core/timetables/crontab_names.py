"""Names of schedules, made from the commands of a crontab.

Called by the reader of crontabs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

NAME_MAX = 60
"""Characters of a name."""

_COMMANDS = re.compile(r"&&|[|;&]+")
_WORDS = re.compile(r"[^\s\"'`(){}<>]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=\S*")
# fmt: off
_WRAPPERS = frozenset({
    "sudo", "nice", "ionice", "nohup", "env", "exec", "time", "timeout", "flock", "chronic", "setsid",
    "command", "sh", "bash", "dash", "zsh", "ksh", "perl", "python", "python2", "python3", "php", "ruby",
    "node", "java", "run-parts", "!",
})
"""They run what says more; their options and numbers are passed over."""
# fmt: on
_PREPARATIONS = frozenset({"cd", "test", "[", "[[", "source", ".", "sleep", "export", "true", "exit"})
_OPTION = re.compile(r"-.*|[0-9]+[smhd]?")
_SUBCOMMAND = re.compile(r"[a-z][a-z0-9:_-]*")
_EXTENSION = re.compile(r"\.(?:sh|bash|py|pl|php|rb|js|jar)$")
_LOCK = re.compile(r"\.(?:lock|lck|pid)$")


def name_of(command: str, line: int, taken: Collection[str]) -> str:
    """Return a name of small letters, digits, `.`, `_` and `-` that is not taken."""
    stem = next((name for part in _COMMANDS.split(command) if (name := _stem(part))), f"line-{line}")
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem[: NAME_MAX - len(str(count)) - 1]}-{count}"
    return name


def _stem(command: str) -> str:
    words = _WORDS.findall(command)
    while words and _says_nothing(words[0]):
        words.pop(0)
    if not words or words[0] in _PREPARATIONS:
        return ""
    parts = [_EXTENSION.sub("", _base(words[0]))]
    if len(words) > 1 and _SUBCOMMAND.fullmatch(words[1]):
        parts.append(words[1])
    return re.sub(r"[^a-z0-9._]+", "-", "-".join(parts).lower()).strip("-._")[:NAME_MAX]


def _says_nothing(word: str) -> bool:
    return (
        _base(word) in _WRAPPERS
        or _OPTION.fullmatch(word) is not None
        or _VARIABLE.fullmatch(word) is not None
        or _LOCK.search(word) is not None
    )


def _base(word: str) -> str:
    return word.rstrip("/").rpartition("/")[2]
