"""Readers of an engine's store: its own, and its clients'.

Made by `Engine`.
"""

from __future__ import annotations

from pathlib import Path

from core.store.readers import ENGINE_TURN_SECONDS, Readers
from core.store.reports import Reports


class StoreReaders:
    """Two pools of connections: what clients read holds no task up, and waits for other clients alone."""

    def __init__(self, path: Path) -> None:
        self._own = Readers(path, turn=ENGINE_TURN_SECONDS)
        self._clients = Readers(path)
        self.reports = Reports(self._own)
        self.client_reports = Reports(self._clients)

    def oldest_ms(self) -> float:
        """Return how long the oldest snapshot of either is lent by now."""
        return max(self._own.oldest_ms(), self._clients.oldest_ms())

    async def close(self) -> None:
        """Close the connections of both."""
        await self._own.close()
        await self._clients.close()
