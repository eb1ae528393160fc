"""Attach to the engine of another machine through the user's own ssh.

Called by the console's sessions and by the commands, for `--host`.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.app.attach import closing
from core.app.options import Options
from core.control.api import ControlAPI
from core.control.remote import RemoteControl
from core.control.transport import CommandDialer
from core.host import find_process, runtime_dir, signal_process
from core.model.errors import Invalid, TaskdeckError, Unavailable
from core.model.text import safe_line

PERSIST_SECONDS = 60
"""How long a connection to a host is kept for the next command."""
NO_QUESTIONS = ("-o", "BatchMode=yes")
"""Options of ssh that have it fail instead of asking: a full screen would hide the question."""
_SSH_FAILED = 255
_NOT_FOUND = (126, 127)
_USAGE = 2
_REFUSAL = re.compile(r"error\[([a-z_.]+)\]: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHost:
    """A taskdeck on another machine: how to reach it, how it is called, its data directory."""

    host: str
    ssh: str = "ssh"
    remote_command: str = "taskdeck"
    home: str | None = None
    shared: Path | None = None
    """A private folder for the connection that all commands share; None = each makes its own."""

    def __post_init__(self) -> None:
        """Refuse a host that ssh would take for one of its options."""
        if not self.host or self.host.startswith("-") or any(char.isspace() for char in self.host):
            raise Invalid(
                "host.name",
                f"{safe_line(self.host)!r} is not a host",
                hint="write user@box",
                facts={"host": self.host},
            )

    def starting_argv(self, *more: str) -> list[str]:
        """Return the command that dials an engine there, started if none runs; `more` = options of ssh."""
        return [*self._ssh(), *more, self.host, self.command("dial-stdio", "--start")]

    def attaching_argv(self, *more: str) -> list[str]:
        """Return the same for an engine that runs already."""
        return [*self._ssh(), *more, self.host, self.command("dial-stdio")]

    def command(self, *arguments: str) -> str:
        """Return a command line for the shell there, which also expands how taskdeck is called."""
        home = [] if self.home is None else ["--home", self.home]
        return f"{self.remote_command} {shlex.join([*arguments, *home])}"

    def _ssh(self) -> list[str]:
        # A connection that broke silently is noticed within half a minute.
        argv = [*shlex.split(self.ssh), "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2"]
        if self.shared is None:
            return argv
        # One connection, one password: later commands share the first one.
        path = f"ControlPath={self.shared}/%C"
        return [*argv, "-o", "ControlMaster=auto", "-o", path, "-o", f"ControlPersist={PERSIST_SECONDS}s"]


def remote_host(options: Options) -> RemoteHost:
    """Return how the host of these options is reached, by the settings of this machine."""
    assert options.host is not None, "only a named host is remote"
    settings = options.settings()
    return RemoteHost(
        host=options.host,
        ssh=settings.ssh,
        remote_command=options.remote_command or settings.remote_command,
        home=None if options.home is None else str(options.home),
        shared=runtime_dir(),
    )


@asynccontextmanager
async def attach_or_start_remote(
    options: Options, *, ssh_options: Sequence[str] = (), first_options: Sequence[str] = ()
) -> AsyncIterator[ControlAPI]:
    """Attach to the engine of a host, started there if none runs; raise `Unavailable` (`host.*`).

    Connects once by itself first, when ssh may ask for a password, unless `first_options` of ssh say
    otherwise; `ssh_options` are for later connections.
    """
    host = remote_host(options)
    await try_connection(host.starting_argv(*first_options), host)
    async with closing(RemoteControl(CommandDialer(host.starting_argv(*ssh_options)))) as control:
        yield control


@asynccontextmanager
async def attach_remote(
    options: Options, *, ssh_options: Sequence[str] = (), first_options: Sequence[str] = ()
) -> AsyncIterator[ControlAPI]:
    """Do the same where an engine has to run already; raise `Unavailable` (`engine.none`)."""
    host = remote_host(options)
    await try_connection(host.attaching_argv(*first_options), host)
    async with closing(RemoteControl(CommandDialer(host.attaching_argv(*ssh_options)))) as control:
        yield control


async def try_connection(argv: Sequence[str], host: RemoteHost) -> None:
    """Connect and hang up, in the plain terminal; raise `Unavailable` (`host.*`, or as refused there).

    ssh asks for passwords and unknown hosts at the terminal itself.
    """
    # A file, not a pipe: the connection that ssh keeps for other commands holds it open for a minute.
    with tempfile.TemporaryFile() as stderr:
        code = await _run(argv, stderr)
        stderr.seek(0)
        text = stderr.read()[-4_096:].decode(errors="replace")
    if code != 0:
        raise refusal(host, code, text)


async def _run(argv: Sequence[str], stderr: IO[bytes]) -> int:
    null = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=null, stdout=null, stderr=stderr)
    except OSError as error:
        raise Unavailable(
            "host.ssh",
            f"cannot run '{safe_line(argv[0])}': {error.strerror}",
            hint="install OpenSSH's client, or name another command with TASKDECK_SSH",
            facts={"command": argv[0], "reason": error.strerror or ""},
        ) from error
    ssh = find_process(process.pid)
    try:
        return await process.wait()
    except BaseException:
        # Not by the process of asyncio: that would collect the exit status before its watcher does.
        if ssh is not None:
            signal_process(ssh, signal.SIGTERM)
        raise


def refusal(host: RemoteHost, code: int, stderr: str) -> TaskdeckError:
    """Return why a host was not reached, from the exit status of ssh and its standard error."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last, name = safe_line(lines[-1] if lines else "no message"), safe_line(host.host)
    if code == _SSH_FAILED:
        return Unavailable(
            "host.unreachable",
            f"ssh cannot reach {name}: {last}",
            hint=f"try: {host.ssh} {name} true",
            facts={"host": host.host, "reason": last},
        )
    if code in _NOT_FOUND:
        return Unavailable(
            "host.taskdeck",
            f"'{safe_line(host.remote_command)}' was not found on {name}: {last}",
            hint="install it there, or name its path with --remote-command (TASKDECK_REMOTE_COMMAND)",
            facts={"host": host.host, "command": host.remote_command, "reason": last},
        )
    refused = [match for match in map(_REFUSAL.match, lines) if match and match[1] != "usage"]
    if code == _USAGE and not refused:
        return Unavailable(
            "host.version",
            f"taskdeck on {name} does not know 'dial-stdio': {last}",
            hint="install this version of taskdeck there",
            facts={"host": host.host, "reason": last},
        )
    if refused:
        code_there, message = refused[-1].groups()
        return Unavailable(
            code_there,
            f"{name}: {safe_line(message)}",
            hint=f"check {name} itself",
            facts={"host": host.host},
        )
    return Unavailable(
        "host.command",
        f"the command on {name} ended with exit {code}: {last}",
        hint="run it there by hand",
        facts={"host": host.host, "exit": code, "reason": last},
    )
