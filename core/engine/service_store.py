"""Open a store as its owner, and end that.

Called by the engine when it is made, and when it has stopped.
"""

from __future__ import annotations

import os

from core.config import Settings
from core.logs import get_logger
from core.model.paths import Paths
from core.model.ports import Clock
from core.rules.writer import WRITER_RULES
from core.store.database import open_writer
from core.store.engine_time import read_time
from core.store.epochs import EngineCause, EngineEpoch, begin_epoch, end_epoch
from core.store.writer import Writer

_log = get_logger(__name__)


def open_store(
    paths: Paths, settings: Settings, clock: Clock, *, started_by: str
) -> tuple[EngineEpoch, Writer]:
    """Return who owns the store from now on, and its writer; the clock goes on from where it stood."""
    connection = open_writer(paths.db, synchronous=settings.synchronous, now=clock.now() - clock.offset)
    before = read_time(connection)
    clock.resume(before)
    owner = begin_epoch(connection, time=clock.saved(), before=before, pid=os.getpid(), actor=started_by)
    writer = Writer(
        connection=connection,
        epoch=owner.epoch,
        aging_step=settings.aging_step,
        manual_retries=settings.manual_retries,
        rules=WRITER_RULES,
    )
    return owner, writer


def end_ownership(writer: Writer, *, clock: Clock, cause: EngineCause) -> None:
    """Note the end of an engine in its store, which it owns no more."""
    try:
        end_epoch(writer.connection, time=clock.saved(), epoch=writer.epoch, cause=cause)
    except Exception as error:
        # The next engine does not need the note; the writer still has to close its connection.
        _log.warning("the store did not take the end of this engine", error=repr(error))
