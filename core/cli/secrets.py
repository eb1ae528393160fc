"""secrets: list and check secrets by name, never their values.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from core import host
from core.cli.arguments import Common
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.config.checks import check
from core.config.secrets_section import SECRETS
from core.model.errors import TaskdeckError
from core.model.paths import find_home
from core.model.text import safe_line
from core.secret_sources.reader import SecretReader


async def secrets_list(arguments: Common) -> int:
    """List the secrets of config.toml by name, with the source of each; no value is read."""
    tables = check(find_home(arguments.home, default=host.default_home)).tables.named(SECRETS)
    for name, table in tables.items():
        if arguments.json:
            emit({"name": name, "source": table.source, "place": table.place})
        else:
            say(f"secrets.{name}  {table.source}  {safe_line(table.place)}")
    if not tables:
        note("no secrets are configured: see [secrets.NAME] in 'taskdeck config init --print'")
    return 0


async def secrets_check(arguments: Common) -> int:
    """Read each secret as an attempt would, here and now, and say whether it can be had.

    An engine has variables and credentials of its own. Exit status 1 where one cannot be had.
    """
    home = find_home(arguments.home, default=host.default_home)
    tables = check(home).tables.named(SECRETS)
    reader, bad = SecretReader(home, lambda: tables), 0
    for name in tables:
        error = await _fault(reader, name)
        bad += error is not None
        if arguments.json:
            emit({"name": name, "ok": error is None, "error": None if error is None else error.code})
        elif error is None:
            say(f"secrets.{name}  can be read")
        else:
            say(safe_line(f"secrets.{name}  [{error.code}] {error.message}; {error.hint}"))
    return 1 if bad else 0


async def _fault(reader: SecretReader, name: str) -> TaskdeckError | None:
    try:
        await reader.read([name])
    except TaskdeckError as error:
        return error
    return None


COMMANDS = (
    Command(
        name="secrets list",
        arguments=Common,
        run=secrets_list,
        examples=("taskdeck secrets", "taskdeck secrets list --json"),
    ),
    Command(name="secrets check", arguments=Common, run=secrets_check, examples=("taskdeck secrets check",)),
)
