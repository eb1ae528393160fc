"""import: the commands that read records of other programs.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from core.cli import import_crontab, import_wfformat

COMMANDS = (*import_wfformat.COMMANDS, *import_crontab.COMMANDS)
