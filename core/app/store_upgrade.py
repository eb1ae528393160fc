"""Bring an older store of a home up.

Called by `hosting` before an engine starts, and by `backups` for a restored store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from core.rules.families import family_of
from core.store.version import is_older


def bring_up(store: Path, tell: Callable[[str], None], stop: Event) -> None:
    """Upgrade a store that is older; once `stop` is set it is left as it was. Raises as `upgrade_store`."""
    if not is_older(store):
        return
    # Alembic takes a quarter of a second to import, and is needed once for each release.
    from core.store.upgrade import Progress, upgrade_store

    upgrade_store(store, Progress(tell=tell, stop=stop), family_of=family_of)
