"""SoundRows: a damaged store, read without its damaged rows.

Used by `ReadingControl` for a request that has failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import structs

from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.store.damage import (
    READING_ERRORS,
    Damage,
    DamagedRow,
    find_damage,
    may_be_damage,
    refuse_row,
)
from core.store.readers import Readers

if TYPE_CHECKING:
    from core.control.reading import ReadingControl
    from core.control.requests import Request

R = TypeVar("R")
KEPT_SECONDS = 60.0
"""How long the rows found damaged, or none, are taken for all there are: a look reads the whole store."""


class SoundRows:
    """Looks for damaged rows, and answers without them.

    What was left out is in `damaged`; `hear` is told of it with each answer.
    """

    def __init__(
        self,
        path: Path,
        control_of: Callable[[Readers], ReadingControl],
        *,
        hear: Callable[[TaskdeckError], None] | None,
    ) -> None:
        self._path = path
        self._control_of = control_of
        self._hear = hear
        self._looked_at: float | None = None
        self._damage = Damage(rows=(), views=())
        self._control: ReadingControl | None = None
        self._turn = asyncio.Lock()

    @property
    def damaged(self) -> tuple[DamagedRow, ...]:
        """The rows that were found damaged."""
        return self._damage.rows

    async def ask(self, request: Request[R], error: Exception) -> R:
        """Answer a request that has failed; raise the error where no row is damaged.

        Raises `Unavailable` (`store.row`), which names the row, where the answer needs it.
        """
        control = await self._lend()
        if control is None:
            raise error
        try:
            answer = await control.ask_once(request)
        except NotFound as missing:
            raise self._refuse(request) from missing
        except (TaskdeckError, *READING_ERRORS) as again:
            if isinstance(again, TaskdeckError) and not may_be_damage(again):
                raise
            raise self._refuse(request) from again
        if self._hear is not None:
            self._hear(self._refuse(request))
        return answer

    async def close(self) -> None:
        """Close the connections."""
        control, self._control = self._control, None
        if control is not None:
            await control.close()

    async def _lend(self) -> ReadingControl | None:
        """Return what reads the store without its damaged rows; None = all are sound."""
        async with self._turn:
            if self._looked_at is None or time.monotonic() - self._looked_at > KEPT_SECONDS:
                await self.close()
                self._damage = await asyncio.to_thread(find_damage, self._path)
                self._looked_at = time.monotonic()
                if self._damage.rows:
                    self._control = self._control_of(Readers(self._path, size=2, views=self._damage.views))
            return self._control

    def _refuse(self, request: Request[object]) -> Unavailable:
        """Return the refusal that names a damaged row: one that the request names, if there is one."""
        values = structs.asdict(request).values()
        return refuse_row(self.damaged, asked={str(one) for one in values if isinstance(one, int | str)})
