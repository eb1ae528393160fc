"""doctor, version: the state of this installation.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from dataclasses import dataclass

import core
from core.app.doctor import Check, DoctorReport
from core.app.doctor import doctor as check_home
from core.cli.arguments import BundleOption, Common
from core.cli.commands import Command
from core.cli.output import Piece, emit, say, status
from core.cli.refusals import usage
from core.cli.store_reading import check_bundle
from core.model.errors import Unavailable
from core.model.text import safe_line
from core.model.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor(Common):
    """The arguments of `doctor`."""

    bundle: BundleOption = None


async def doctor(arguments: Doctor) -> int:
    """Check machine, data directory and store, or a bundle: integrity, counters, history."""
    report = await _report(arguments)
    if arguments.json:
        checks: list[JsonValue] = [
            {"name": check.name, "ok": check.ok, "warning": check.warning, "message": check.message}
            for check in report.checks
        ]
        emit({"ok": report.ok, "checks": checks})
    else:
        for check in report.checks:
            say(_mark(check), f"{safe_line(check.name)}: {safe_line(check.message)}")
        warned = sum(check.warning for check in report.checks)
        say(("no faults" + (f", warnings: {warned}" if warned else "")) if report.ok else "there are faults")
    return 0 if report.ok else Unavailable.exit_code


async def _report(arguments: Doctor) -> DoctorReport:
    if arguments.bundle is None:
        return await check_home(arguments.options())
    if arguments.home is not None:
        raise usage("--bundle is checked in the place of a --home: choose one")
    return await check_bundle(arguments.bundle)


def _mark(check: Check) -> Piece:
    if not check.ok:
        return status("failed", "BAD ")
    return status("held", "WARN ") if check.warning else status("succeeded", "ok  ")


async def version(arguments: Common) -> int:
    """Print the version."""
    if arguments.json:
        emit({"version": core.__version__})
    else:
        say(f"taskdeck {core.__version__}")
    return 0


COMMANDS = (
    Command(
        name="doctor",
        arguments=Doctor,
        run=doctor,
        examples=("taskdeck doctor", "taskdeck doctor --json", "taskdeck doctor --bundle incident.zip"),
    ),
    Command(name="version", arguments=Common, run=version, examples=("taskdeck version",)),
)
