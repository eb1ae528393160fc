"""Names of jobs, tasks, queues and others, for completion.

Called by `core.cli.completion`.
"""

from __future__ import annotations

from pathlib import Path

from core.host import default_home
from core.model.errors import TaskdeckError
from core.model.paths import Paths, find_home
from core.model.text import safe_line
from core.store.names import StoredName, stored_names


def names_of(home: str | None, what: str, *, of: int | str = 0) -> list[StoredName]:
    """Return names with remarks, safe for a terminal; nothing where nothing can be read."""
    try:
        paths = Paths(home=find_home(Path(home) if home else None, default=default_home))
        found = stored_names(paths.db, what, of=of)
    except (TaskdeckError, OSError, ValueError):
        return []
    return [StoredName(name, safe_line(remark)) for name, remark in found if safe_line(name) == name]
