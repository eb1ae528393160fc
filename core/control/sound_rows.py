"""SoundRows: a damaged store, read without its damaged rows.

Used by `ReadingControl` for a request that has failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import structs

from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.store.damage import (
    READING_ERRORS,
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


class _Sound(NamedTuple):
    """What reads the sound rows of a store, and those that it leaves out: at least one."""

    control: ReadingControl
    left_out: tuple[DamagedRow, ...]


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
        self._sound: _Sound | None = None
        """None = no row was found damaged."""
        self._turn = asyncio.Lock()

    @property
    def damaged(self) -> tuple[DamagedRow, ...]:
        """The rows that were found damaged."""
        return () if self._sound is None else self._sound.left_out

    async def ask(self, request: Request[R], error: Exception) -> R:
        """Answer a request that has failed; raise the error where no row is damaged.

        Raises `Unavailable` (`store.row`), which names the row, where the answer needs it.
        """
        sound = await self._look()
        if sound is None:
            raise error
        # Made now: a look for another request may find no damaged row any more.
        refusal = _refuse(sound.left_out, request)
        try:
            answer = await sound.control.ask_once(request)
        except NotFound as missing:
            raise refusal from missing
        except (TaskdeckError, *READING_ERRORS) as again:
            if isinstance(again, TaskdeckError) and not may_be_damage(again):
                raise
            raise refusal from again
        if self._hear is not None:
            self._hear(refusal)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        sound, self._sound = self._sound, None
        if sound is not None:
            await sound.control.close()

    async def _look(self) -> _Sound | None:
        """Look for damaged rows, unless that was done just now; None = all are sound."""
        async with self._turn:
            if self._looked_at is None or time.monotonic() - self._looked_at > KEPT_SECONDS:
                damage = await asyncio.to_thread(find_damage, self._path)
                self._looked_at = time.monotonic()
                await self.close()
                if damage.rows:
                    readers = Readers(self._path, size=2, views=damage.views)
                    self._sound = _Sound(self._control_of(readers), damage.rows)
            return self._sound


def _refuse(rows: Sequence[DamagedRow], request: Request[object]) -> Unavailable:
    """Return the refusal that names a damaged row: one that the request names, if there is one."""
    values = structs.asdict(request).values()
    return refuse_row(rows, asked={str(one) for one in values if isinstance(one, int | str)})
