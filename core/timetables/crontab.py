"""Crontabs: each line a schedule to be, or refused by its number.

Called by the import of crontabs. The form is that of Vixie's cron: variables hold for the lines
below them, `%` ends the command and what follows is its standard input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from core.model.errors import Invalid
from core.model.text import safe_line
from core.model.timing.schedules import Timing
from core.timetables.crontab_names import name_of
from core.timetables.timetable import timetable_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"""("[^"]*"|'[^']*'|[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)""")
_ENTRY = re.compile(r"(@\S+|\S+(?:\s+\S+){4})(?:\s+(\S.*))?")
_USER = re.compile(r"(\S+)(?:\s+(\S.*))?")
_INPUT = re.compile(r"(?<!\\)%")
_UNLOGGED = re.compile(r"\A-(?=[0-9*@])")
_FIELD = re.compile(r"[0-9*][0-9*/,-]*")
"""What stands where a command begins, of a line with a sixth field."""
_USUAL_USERS = ("root", "www-data", "daemon", "postgres", "mysql", "ubuntu", "ec2-user", "pi")
_DELAY = "RANDOM_DELAY"
_MINUTE_MS = 60_000
_MOST_DELAY = 24 * 60
_DELAYS = re.compile(r"[0-9]{1,4}")
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabEntry:
    """A line that becomes a schedule."""

    line: int
    """Counted from 1."""
    name: str
    """Made from the command; no two of a crontab are the same."""
    timing: Timing
    command: str
    """For the shell, in the directory HOME."""
    stdin: str | None
    variables: Mapping[str, str]
    """Those above the line, without MAILTO, CRON_TZ and RANDOM_DELAY."""
    delay_ms: int
    """Up to how much each fire is put off, by RANDOM_DELAY."""
    mail_to: str | None
    """Whom cron would have mailed the output, if the crontab says; nothing is mailed to them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabRefusal:
    """A line that does not become a schedule, and why."""

    line: int
    error: Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    zone: str
    user: str | None


_OF_CRON = ("MAILTO", "CRON_TZ", _DELAY)
CrontabLine: TypeAlias = CrontabEntry | CrontabRefusal


def read_crontab(text: str, *, zone: str = "UTC", user: str | None = None) -> tuple[CrontabLine, ...]:
    """Return what each line that is neither empty, a comment nor a variable becomes, in order.

    With `user` the lines have a column of users, as `/etc/crontab`; those of other users are refused. `zone`
    holds unless a line CRON_TZ names another.
    """
    variables: dict[str, str] = {}
    names: set[str] = set()
    lines: list[CrontabLine] = []
    for number, raw in enumerate(text.split("\n"), 1):
        typed = raw.strip()
        if not typed or typed.startswith("#"):
            continue
        if match := _VARIABLE.fullmatch(typed):
            variables[_bare(match[1])] = _bare(match[2])
            if _bare(match[1]) == _DELAY and (error := _wrong_delay(number, variables[_DELAY])) is not None:
                lines.append(CrontabRefusal(line=number, error=error))
                variables[_DELAY] = "0"
            continue
        try:
            entry = _entry(typed, number, variables, _Form(zone=zone, user=user))
        except Invalid as error:
            lines.append(CrontabRefusal(line=number, error=error))
            continue
        name = name_of(entry.command, number, names)
        names.add(name)
        lines.append(replace(entry, name=name))
    return tuple(lines)


def _entry(typed: str, line: int, variables: Mapping[str, str], form: _Form) -> CrontabEntry:
    # Some distributions write a - before a line that is not to be logged.
    match = _ENTRY.fullmatch(_UNLOGGED.sub("", typed, count=1))
    if match is None:
        raise Invalid(
            "crontab.line",
            f"`{safe_line(typed[:_SHOWN])}` is neither a variable nor five fields with a command",
            hint="write it as '30 2 * * * command'",
            facts={"line": line, "value": safe_line(typed[:_SHOWN])},
        )
    timing = Timing(cron=" ".join(match[1].split()), zone=variables.get("CRON_TZ") or form.zone)
    timetable_of(timing)
    command = match[2] if form.user is None else _command_of(form.user, match[2] or "")
    if form.user is None and (command or "").partition(" ")[0].partition("\t")[0] in _USUAL_USERS:
        raise Invalid(
            "crontab.user",
            f"`{(command or '').split()[0]}` is a user: the line is that of a system crontab",
            hint="read it as a system crontab, whose lines have a column of users",
            facts={"line": line, "user": (command or "").split()[0]},
        )
    if _FIELD.fullmatch((command or "").partition(" ")[0].partition("\t")[0]):
        raise Invalid(
            "crontab.line",
            f"`{safe_line(typed[:_SHOWN])}` has six fields: cron would take the last one for the command",
            hint="leave out the seconds, or add it by hand: taskdeck schedule add --cron takes them",
            facts={"line": line, "value": safe_line(typed[:_SHOWN])},
        )
    command, stdin = _without_input(command or "")
    if not command:
        raise Invalid(
            "crontab.command",
            "the line has no command after its times",
            hint="write a command after the times",
        )
    return CrontabEntry(
        line=line,
        name="",
        timing=timing,
        command=command,
        stdin=stdin,
        variables={name: value for name, value in variables.items() if name not in _OF_CRON},
        delay_ms=_delay(variables.get(_DELAY, "0")),
        mail_to=variables.get("MAILTO") or None,
    )


def _command_of(user: str, rest: str) -> str | None:
    """Return what follows the column of users, if that names this user."""
    match = _USER.fullmatch(rest)
    if match is not None and match[1] != user:
        raise Invalid(
            "crontab.user",
            f"the line is for the user `{safe_line(match[1][:_SHOWN])}`, not `{user}`",
            hint="import it as that user",
            facts={"user": safe_line(match[1][:_SHOWN])},
        )
    return match[2] if match is not None else None


def _wrong_delay(line: int, minutes: str) -> Invalid | None:
    """Return why a delay cannot be; the lines below it have none then, as with cron."""
    if _DELAYS.fullmatch(minutes) and int(minutes) <= _MOST_DELAY:
        return None
    shown = safe_line(minutes[:_SHOWN])
    return Invalid(
        "crontab.delay",
        f"{_DELAY} is `{shown}`, not minutes up to {_MOST_DELAY:,}: the lines below it are not put off",
        hint="write the minutes, such as RANDOM_DELAY=45",
        facts={"line": line, "value": shown},
    )


def _delay(minutes: str) -> int:
    return int(minutes) * _MINUTE_MS


def _without_input(text: str) -> tuple[str, str | None]:
    """Return a command and the standard input that `%` begins in it, with each further `%` as a new line."""
    command, *lines = (part.replace("\\%", "%") for part in _INPUT.split(text))
    return command.strip(), "\n".join(lines).removesuffix("\n") + "\n" if lines else None


def _bare(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
