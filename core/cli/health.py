"""doctor, config check, version: is everything as it should be."""

from __future__ import annotations

import core
from core import host
from core.app.examination import doctor as examine
from core.cli.arguments import Command, Common
from core.cli.deck import options
from core.cli.output import emit, say, status
from core.config import Paths, find_home, load
from core.model.errors import Unavailable
from core.model.text import safe_line
from core.model.values import JsonValue


async def doctor(arguments: Common) -> int:
    """Examine machine, data directory and store: integrity, recount, fold."""
    report = await examine(options(arguments))
    ok = all(check.ok for check in report.checks)
    if arguments.json:
        checks: list[JsonValue] = [
            {"name": check.name, "ok": check.ok, "message": check.message} for check in report.checks
        ]
        emit({"ok": ok, "checks": checks})
    else:
        for check in report.checks:
            word = status("succeeded", "ok  ") if check.ok else status("failed", "BAD ")
            say(word, f"{safe_line(check.name)}: {safe_line(check.message)}")
        say("all is well" if ok else "something is wrong")
    return 0 if ok else Unavailable.exit_code


async def config_check(arguments: Common) -> int:
    """Read the settings and show them, or every fault in them."""
    home = find_home(arguments.home, default=host.default_home)
    settings = load(home).model_dump(mode="json")
    if arguments.json:
        emit({"ok": True, "home": str(home), "file": str(Paths(home=home).config), "settings": settings})
        return 0
    say(f"home {home}")
    for name, value in settings.items():
        say(f"{name} = {value}")
    return 0


async def version(arguments: Common) -> int:
    """Print the version."""
    if arguments.json:
        emit({"version": core.__version__})
    else:
        say(f"taskdeck {core.__version__}")
    return 0


COMMANDS = (
    Command(
        name="doctor", arguments=Common, run=doctor, examples=("taskdeck doctor", "taskdeck doctor --json")
    ),
    Command(
        name="config check",
        arguments=Common,
        run=config_check,
        examples=("taskdeck config check", "taskdeck config check --home /srv/deck"),
    ),
    Command(name="version", arguments=Common, run=version, examples=("taskdeck version",)),
)
