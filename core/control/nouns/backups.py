"""Backups: their request, and the verb that asks it.

The part `backups` of the ControlAPI.
"""

from __future__ import annotations

from core.control.requests import Kind, Request, Verbs, verb
from core.model.backups import StoreCopied


@verb("copy_store", Kind.WAIT)
class CopyStore(Request[StoreCopied], frozen=True, kw_only=True):
    file: str


class Backups(Verbs):
    """Copies of the store."""

    async def copy_store(self, file: str) -> StoreCopied:
        """Copy the store into an empty file of this user on the engine's machine, beside its work.

        What is committed meanwhile is in the copy, which is not synced. Who stops waiting ends the copy.
        Raises `Invalid` (`backup.file`), `Conflict` (`store.lent`: one is being made) and `Unavailable`
        (`backup.full`, `backup.unwritable`).
        """
        return await self._control.ask(CopyStore(file=file))
