"""Reach a taskdeck on another machine through the user's own ssh."""

from __future__ import annotations

import asyncio
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.model.errors import Invalid, TaskdeckError, Unavailable
from core.model.text import safe_line

PERSIST_SECONDS = 60
"""How long a connection to a host is kept for the next command."""
_FAILED = 255
_NOT_FOUND = (126, 127)
_USAGE = 2
_TOLD = re.compile(r"error\[([a-z_.]+)\]: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """A taskdeck on another machine: how to get there, how it is called, its data directory."""

    host: str
    ssh: str = "ssh"
    remote_command: str = "taskdeck"
    home: str | None = None
    shared: Path | None = None
    """A private folder for the connection that all commands share; None = each makes its own."""

    def __post_init__(self) -> None:
        """Refuse a host that ssh would take for one of its options."""
        if not self.host or self.host.startswith("-") or any(char.isspace() for char in self.host):
            raise Invalid("host.name", f"{safe_line(self.host)!r} is no host", hint="say user@box")

    def argv(self, *more: str) -> list[str]:
        """Return the command that carries bytes to an engine there, started if none runs."""
        return [*self._ssh(), *more, self.host, self.command("dial-stdio", "--start")]

    def plain_argv(self, *more: str) -> list[str]:
        """Return the same, but for an engine that runs already."""
        return [*self._ssh(), *more, self.host, self.command("dial-stdio")]

    def command(self, *words: str) -> str:
        """Return a command line for the shell there; how taskdeck is called may use that shell's words."""
        home = [] if self.home is None else ["--home", self.home]
        return f"{self.remote_command} {shlex.join([*words, *home])}"

    def _ssh(self) -> list[str]:
        # A line that went dead without a word is noticed within half a minute.
        words = [*shlex.split(self.ssh), "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2"]
        if self.shared is None:
            return words
        # One connection, one password: whatever comes later goes through the first one.
        path = f"ControlPath={self.shared}/%C"
        return [*words, "-o", "ControlMaster=auto", "-o", path, "-o", f"ControlPersist={PERSIST_SECONDS}s"]


async def greet(there: Far) -> None:
    """Go there and back once, in the plain terminal; raise `Unavailable` (`host.*` or what is told there).

    ssh asks for passwords and unknown hosts at the terminal itself.
    """
    await _try(there.argv(), there)


async def greet_running(there: Far) -> None:
    """Do the same where an engine has to run already; raise `Unavailable` (`engine.none`)."""
    await _try(there.plain_argv(), there)


async def _try(argv: list[str], there: Far) -> None:
    # A file, not a pipe: the connection that is kept for others holds it open for a minute.
    with tempfile.TemporaryFile() as words:
        code = await _run(argv, words)
        words.seek(0)
        said = words.read()[-4_096:].decode(errors="replace")
    if code != 0:
        raise refusal(there, code, said)


async def _run(argv: list[str], words: IO[bytes]) -> int:
    null = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=null, stdout=null, stderr=words)
    except OSError as error:
        raise Unavailable(
            "host.ssh",
            f"cannot run '{safe_line(argv[0])}': {error.strerror}",
            hint="install OpenSSH's client, or name another command with TASKDECK_SSH",
        ) from error
    try:
        return await process.wait()
    except BaseException:
        process.terminate()
        raise


def refusal(there: Far, code: int, said: str) -> TaskdeckError:
    """Say why a host was not reached, from the exit status of ssh and what was written on the way."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last, host = safe_line(lines[-1] if lines else "it says nothing"), safe_line(there.host)
    if code == _FAILED:
        return Unavailable(
            "host.unreachable", f"ssh does not get to {host}: {last}", hint=f"try: {there.ssh} {host} true"
        )
    if code in _NOT_FOUND:
        return Unavailable(
            "host.taskdeck",
            f"there is no '{safe_line(there.remote_command)}' on {host}: {last}",
            hint="install it there, or say where it is with --remote-command (TASKDECK_REMOTE_COMMAND)",
        )
    if code == _USAGE:
        return Unavailable(
            "host.version",
            f"taskdeck on {host} does not know 'dial-stdio': {last}",
            hint="install this version of taskdeck there",
        )
    told = [found for found in map(_TOLD.match, lines) if found]
    if told:
        return Unavailable(told[-1][1], f"{host}: {safe_line(told[-1][2])}", hint=f"look on {host} itself")
    return Unavailable(
        "host.command", f"the command on {host} ended with exit {code}: {last}", hint="try it there by hand"
    )
