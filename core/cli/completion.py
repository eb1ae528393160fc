"""Completion of command lines for bash, zsh and fish.

Called by `_taskdeck` when the shell asks by `_TASKDECK_COMPLETE`. A shell waits for the answer while
the operator types: it loads a table of words instead of the commands, and reads names from the store at once.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from core.app.reading.names import names_of
from core.cli.completion_scripts import SCRIPTS
from core.files.kinds import is_dir

_TABLE = Path(__file__).with_name("completion_table.json")
_CONSOLE = {
    "--home": "DIR",
    "--host": "USER@BOX",
    "--remote-command": "COMMAND",
    "--embedded": None,
    "--read-only": None,
    "--plain": None,
    "--watch": None,
    "--bundle": "FILE",
    "--json": None,
    "--version": None,
    "--install-completion": None,
    "--show-completion": None,
    "--help": None,
}
_FILES_MAX = 500
_ID_DIGITS = 19
Table: TypeAlias = Mapping[str, object]
Candidate: TypeAlias = tuple[str, str]
"""A word and a remark about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A command line up to the cursor; `incomplete` is what stands of the word there."""

    words: tuple[str, ...]
    incomplete: str

    @property
    def home(self) -> str | None:
        """The data directory that it names."""
        for word, value in zip(self.words, self.words[1:], strict=False):
            if word == "--home":
                return value
        return None


def complete(asked: str, environ: Mapping[str, str]) -> int:
    """Answer a shell and return the exit status; nothing is written where nothing is known.

    `source_SHELL` asks for the script of a shell, `complete_SHELL` for words, as the script does.
    """
    verb, _, shell = asked.partition("_")
    if verb == "source" and shell in SCRIPTS:
        sys.stdout.write(SCRIPTS[shell])
        sys.stdout.flush()
        return 0
    try:
        line = _line_of(asked, environ)
        found = list(candidates(line, json.loads(_TABLE.read_text(encoding="ascii"))))
    except (OSError, ValueError, LookupError):
        return 1
    if asked.endswith("fish") and environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1
    sys.stdout.write(_written(asked, found))
    sys.stdout.flush()
    return 0


def candidates(line: Line, table: Table) -> Iterable[Candidate]:
    """Return the words that may stand at the cursor; none where files are meant."""
    command, rest = _command_of(line.words, table)
    if command is None:
        return ()
    options = cast("Mapping[str, object]", command["options"] or _CONSOLE)
    if rest and rest[-1] in options and (value := options[rest[-1]]) is not None:
        return _matching(_values(rest[-1], value, line), line)
    if "--" in rest:
        return ()
    if line.incomplete.startswith("-"):
        return _matching(((name, "") for name in (*options, "--help")), line)
    commands = cast("Mapping[str, Table]", command.get("commands", {}))
    if commands:
        return _matching(((name, str(one["help"])) for name, one in commands.items()), line)
    arguments = cast("Sequence[str]", command.get("arguments", ()))
    at = min(_arguments_before(rest, options), len(arguments) - 1)
    return _matching(_values("", arguments[at], line), line) if arguments else ()


def _arguments_before(rest: Sequence[str], options: Mapping[str, object]) -> int:
    """Count the words that are neither options nor values of options."""
    pairs = zip(("", *rest), rest, strict=False)
    return sum(not word.startswith("-") and options.get(before) is None for before, word in pairs)


class _Named(NamedTuple):
    """A command (None = there is none of that name), and the words behind its name."""

    command: Table | None
    rest: Sequence[str]


def _command_of(words: Sequence[str], table: Table) -> _Named:
    """Return the command that the words name as far as they do."""
    command, rest = table, list(words)
    while commands := cast("Mapping[str, Table]", command.get("commands", {})):
        while rest and rest[0].startswith("-"):
            takes_value = _CONSOLE.get(rest[0]) is not None
            if takes_value and len(rest) == 1:
                return _Named(command, rest)
            del rest[: 2 if takes_value else 1]
        if not rest:
            return _Named(command, ())
        if rest[0] not in commands:
            return _Named(None, ())
        command = commands[rest.pop(0)]
    return _Named(command, rest)


def _values(option: str, kind: object, line: Line) -> Iterable[Candidate]:
    if isinstance(kind, list):
        return [(str(choice), "") for choice in kind]
    if "--host" in line.words or "--bundle" in line.words:
        # Its jobs are on another machine, or in a file.
        return ()
    noun = str(kind).strip("[].")
    of_patterns = _values_of_patterns(option, noun, line)
    return _values_of_rows(option, noun, line) if of_patterns is None else of_patterns


def _values_of_patterns(option: str, noun: str, line: Line) -> Iterable[Candidate] | None:
    """Return what may answer tasks that wait, and what tasks left; None = something else is meant."""
    match option, noun:
        case (_, "ITEM|JOB/KEY"):
            return [*names_of(line.home, "items"), *_keys(line)]
        case ("--set", _):
            return _fields(line)
        case (_, "SIGNAL"):
            return names_of(line.home, "signals")
        case ("--key", _) if "signal" in line.words:
            name = next((word for word in _behind(line, "signal") if not word.startswith("-")), "")
            return names_of(line.home, "signal_keys", of=name)
        case (_, "JOB") if "artifacts" in line.words:
            return names_of(line.home, "artifact_jobs")
    return None


def _values_of_rows(option: str, noun: str, line: Line) -> Iterable[Candidate]:
    match option, noun:
        case "--queue", _:
            return names_of(line.home, "queues")
        case (_, "POOL" | "LIMIT" | "BUDGET" | "BACKEND" | "SCHEDULE" | "WORKFLOW"):
            return names_of(line.home, f"{noun.lower()}s")
        case ("--job", _) | (_, "JOB"):
            return names_of(line.home, "jobs")
        case ("--task", _):
            return names_of(line.home, "tasks")
        case (_, "TASK"):
            return [*names_of(line.home, "tasks"), *_keys(line)]
        case (_, "JOB|JOB/KEY" | "JOB|JOB/KEY|#TASK|GROUP:NAME"):
            return [*names_of(line.home, "jobs"), *_keys(line)]
        case ("--env", _):
            return [(name, "") for name in sorted(os.environ)]
        case (_, "FILE|NAME"):
            registered = names_of(line.home, "workflows")
            return [("sample", "a built-in workflow"), *registered, *_files(line.incomplete)]
    return ()


def _fields(line: Line) -> Iterable[Candidate]:
    """Return the fields of the form of a work item, to be followed by a value."""
    item = next((word for word in _behind(line, "approve") if _is_id(word)), "")
    return names_of(line.home, "fields", of=int(item)) if item else ()


def _behind(line: Line, command: str) -> Sequence[str]:
    """Return the words behind the name of a command."""
    return line.words[line.words.index(command) + 1 :] if command in line.words else ()


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < _ID_DIGITS


def _keys(line: Line) -> Iterable[Candidate]:
    job, slash, _ = line.incomplete.partition("/")
    return names_of(line.home, "keys", of=int(job)) if slash and _is_id(job) else ()


def _files(incomplete: str) -> Iterable[Candidate]:
    """Return the files and folders that a word may become, beside the names that it may."""
    folder, _, _ = incomplete.rpartition("/")
    start = f"{folder}/" if "/" in incomplete else ""
    try:
        names = sorted(os.listdir(os.path.expanduser(start) or "."))[:_FILES_MAX]  # noqa: PTH111, PTH208
    except OSError:
        return ()
    hidden = incomplete.rpartition("/")[2].startswith(".")
    shown = (start + name for name in names if name.isprintable() and (hidden or not name.startswith(".")))
    return [(f"{path}/" if is_dir(Path(path).expanduser()) else path, "") for path in shown]


def _matching(found: Iterable[Candidate], line: Line) -> Iterable[Candidate]:
    return [one for one in found if one[0].startswith(line.incomplete)]


def _line_of(asked: str, environ: Mapping[str, str]) -> Line:
    if asked == "complete_bash":
        words = _split(environ["COMP_WORDS"])
        at = int(environ["COMP_CWORD"])
        return Line(words=tuple(words[1:at]), incomplete=words[at] if at < len(words) else "")
    if asked not in ("complete_zsh", "complete_fish"):
        raise ValueError(asked)
    text = environ["_TYPER_COMPLETE_ARGS"]
    words = _split(text)[1:]
    if words and not text.endswith(" "):
        return Line(words=tuple(words[:-1]), incomplete=words[-1])
    return Line(words=tuple(words), incomplete="")


def _split(text: str) -> list[str]:
    """Split a line as a shell does; a quotation that is not closed yet ends with the text."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


def _written(asked: str, found: Sequence[Candidate]) -> str:
    if asked == "complete_bash":
        return "".join(f"{word}\n" for word, _ in found)
    if asked == "complete_fish":
        return "".join(f"{word}\t{remark}\n" if remark else f"{word}\n" for word, remark in found)
    if not found:
        return "_files"
    items = "\n".join(
        f'"{_zsh(word)}":"{_zsh(remark)}"' if remark else f'"{_zsh(word)}"' for word, remark in found
    )
    return f"_arguments '*: :(({items}))'"


def _zsh(text: str) -> str:
    # The text stands in double quotes within single quotes, and is evaluated.
    for char, written in (
        ("\\", "\\\\"),
        ('"', '\\"'),
        ("'", "''"),
        ("$", "\\$"),
        ("`", "\\`"),
        (":", "\\\\:"),
    ):
        text = text.replace(char, written)
    return text
