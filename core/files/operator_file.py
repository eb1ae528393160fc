"""Files that belong to one operator: their names.

Used by the console's memory and by the known decks.
"""

from __future__ import annotations

import getpass
import os
import re
from zlib import crc32

from core.model.actors import LABEL_VARIABLE

FOLDER = "console"
"""The folder of the data directory that holds what is remembered of each operator."""
_LONGEST = 120


def own_name() -> str:
    """Return the label of the operator, else the user of this process."""
    try:
        return os.environ.get(LABEL_VARIABLE) or getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def operator_file(operator: str, *more: str) -> str:
    """Return a file name for an operator and, if named, what else it is for; different for different ones."""
    parts = [
        re.sub(r"[^A-Za-z0-9_-]", lambda found: f"%{ord(found[0]):x}", text) for text in (operator, *more)
    ]
    name = "@".join(parts)
    if more and len(name) > _LONGEST:
        # Cut, two long ones would share a file.
        name = f"{name[: _LONGEST - 9]}-{crc32(name.encode()):08x}"
    return f"{name[:_LONGEST] or 'operator'}.json"
