"""The options that many commands share, as frozen dataclasses.

Used by every command.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

from core.app.options import Options, own_claim
from core.cli.output import note
from core.cli.parameters import Option
from core.model.actors import LABEL_VARIABLE, Door, claim
from core.model.bounds import ATTEMPTS_MAX
from core.model.errors import Invalid
from core.model.paths import named_home


def _home(text: str) -> Path:
    return named_home(text, by="--home")


def _bundle(text: str) -> Path:
    if not text or "\0" in text:
        raise Invalid("usage", "--bundle names no file", hint="name the file that 'taskdeck bundle' wrote")
    return Path(text).expanduser()


Label: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="LABEL",
        variable=LABEL_VARIABLE,
        help="Who asks, beside your user; the history has both.",
    ),
]

Retries: TypeAlias = Annotated[
    int,
    Option(
        metavar="N",
        min=0,
        max=ATTEMPTS_MAX - 1,
        help="Run a failed task that has no `retry:` again up to N times, in children too.",
    ),
]
Project: TypeAlias = Annotated[
    str | None,
    Option(short="-P", metavar="NAME", help="A label; limits can be for a project."),
]


HostOption: TypeAlias = Annotated[
    str | None,
    Option(metavar="USER@BOX", help="Use the engine on this host, through ssh; --home is there."),
]
RemoteCommandOption: TypeAlias = Annotated[
    str | None,
    Option(metavar="COMMAND", help="How taskdeck is called on the --host. [default: taskdeck]"),
]
BundleOption: TypeAlias = Annotated[
    Path | None,
    Option(read=_bundle, metavar="FILE", help="Read this incident bundle (see: bundle)."),
]


def actor_of(label: str | None) -> str:
    """Return who a command line says is asking; the engine adds the user."""
    return claim(Door.CLI, label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options of every command."""

    home: Annotated[
        Path | None,
        Option(
            read=_home,
            metavar="DIR",
            help="Data directory, instead of $TASKDECK_HOME.",
        ),
    ] = None
    json: Annotated[bool, Option(help="Write JSON, one object a line.")] = False

    def options(self) -> Options:
        """Return what the command line chose; raise `Invalid` (`usage`)."""
        return Options(home=self.home, actor=own_claim(Door.CLI), tell=note)

    def command(self, *argv: str) -> str:
        """Return another command line for the same data directory, for a hint."""
        home = ["--home", str(self.home)] if self.home else []
        return shlex.join(["taskdeck", *argv, *home])


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote(Common):
    """The options of commands that can use the engine of a remote host."""

    host: HostOption = None
    remote_command: RemoteCommandOption = None

    def options(self) -> Options:
        """Return what the command line chose; raise `Invalid` (`usage`)."""
        return _remote_options(self.home, self.host, self.remote_command)

    def command(self, *argv: str) -> str:
        """Return another command line for the same data directory and host, for a hint."""
        host = ["--host", self.host] if self.host else []
        # dataclass(slots=True) replaces the class, and a bare super() refers to the one it replaced.
        return Common.command(self, *argv, *host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Common):
    """The options of commands that only read: an engine here or on a host, or what a bundle holds."""

    host: HostOption = None
    remote_command: RemoteCommandOption = None
    bundle: BundleOption = None

    def options(self) -> Options:
        """Return what the command line chose; raise `Invalid` (`usage`)."""
        if self.bundle is not None and (self.home is not None or self.host is not None):
            raise Invalid("usage", "--bundle is read in the place of a --home or --host: choose one")
        return _remote_options(self.home, self.host, self.remote_command)

    def command(self, *argv: str) -> str:
        """Return another command line for the same data directory, host or bundle, for a hint."""
        host = ["--host", self.host] if self.host else []
        bundle = [] if self.bundle is None else ["--bundle", str(self.bundle)]
        return Common.command(self, *argv, *host, *bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting(Common):
    """The options of commands that can host an engine."""

    slots: Annotated[
        int | None,
        Option(
            metavar="N", min=1, max=10_000, help="Attempts that run at once. [default: one per processor]"
        ),
    ] = None
    connector: Annotated[
        list[str], Option(metavar="MODULE:OBJECT", help="Add a connector of yours; may be repeated.")
    ] = field(default_factory=list)

    def options(self) -> Options:
        """Return what the command line chose."""
        return Options(
            home=self.home,
            slots=self.slots,
            connectors=tuple(self.connector),
            actor=own_claim(Door.CLI),
            tell=note,
        )


def _remote_options(home: Path | None, host: str | None, remote_command: str | None) -> Options:
    if remote_command is not None and host is None:
        raise Invalid("usage", "--remote-command needs a --host")
    return Options(home=home, host=host, remote_command=remote_command, actor=own_claim(Door.CLI), tell=note)
