"""Rewrite the store of a home without its free pages.

Called by the command `compact`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event

from core.app.backups.threads import in_thread
from core.app.options import Options
from core.app.ownership import own
from core.store.compacting import Compacted, compact_store
from core.store.readers import check_there

_HINT = "stop it first: taskdeck stop; or leave it to the engine, which gives free room back by itself"


async def compact_home(options: Options, tell: Callable[[str], None]) -> Compacted:
    """Rewrite the store of a home under its lock.

    Raises `Unavailable` (`engine.running`), and as `compact_store`.
    """
    check_there(options.paths.db)
    with await own(options, hint=_HINT):
        return await in_thread(partial(_compact, options, tell))


def _compact(options: Options, tell: Callable[[str], None], stop: Event) -> Compacted:
    return compact_store(options.paths.db, stop, tell)
