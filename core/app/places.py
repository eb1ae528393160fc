"""Where a store is and how it is read without an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from core.config import Paths, Settings, find_home, load
from core.control.reading import ReadingControl
from core.host import default_home
from core.store.readers import Readers
from core.store.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a command line or program chose; None = as configured."""

    home: Path | None = None
    slots: int | None = None
    connectors: tuple[str, ...] = ()
    """`module:object` references of connectors of others."""
    host: str | None = None
    """`user@box`: the engine, and the home named above, are there."""
    remote_command: str | None = None
    """How taskdeck is called there."""

    @property
    def paths(self) -> Paths:
        """Return the places of this home; nothing is made."""
        return Paths(home=find_home(self.home, default=default_home))

    def settings(self) -> Settings:
        """Read the settings of this home, of this machine's own for a host; raise `Invalid` (`config.*`)."""
        home = find_home(None if self.host else self.home, default=default_home)
        return load(home, slots=self.slots)


@asynccontextmanager
async def reading(options: Options) -> AsyncIterator[ReadingControl]:
    """Read the store file, whether an engine runs or not; raise `Unavailable` (`store.missing`)."""
    paths = options.paths
    readers = Readers(paths.db)
    control = ReadingControl(Reports(readers), paths.output, readers=readers)
    try:
        yield control
    finally:
        await control.close()
