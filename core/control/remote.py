"""RemoteControl: the ControlAPI from another process or machine.

Made by `core.app` when it attaches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from core.control import api
from core.control.api import ControlAPI, DocumentText, Request
from core.control.arguments import DocumentSource
from core.control.calls import HANDSHAKE_SECONDS, Calls
from core.files.reading import read_document_text
from core.host import own_surroundings
from core.model.records import replace

if TYPE_CHECKING:
    from core.control.dialers import Dialer

R = TypeVar("R")


class RemoteControl(ControlAPI):
    """Ask an engine over any dialer's lines.

    Besides what `ControlAPI` says every verb may raise `Unavailable` (`engine.none`, `engine.lost`) and
    `Conflict` (`engine.protocol`), see `Calls`.
    """

    def __init__(self, dialer: Dialer, *, patience: float = HANDSHAKE_SECONDS) -> None:
        self._calls = Calls(dialer, patience=patience)
        self._shares_files = dialer.shares_files

    async def ask(self, request: Request[R]) -> R:
        """Send a request and return the answer."""
        if isinstance(request, api.StopEngine):
            await self._calls.stop(request.how, actor=request.actor)
            return cast("R", None)
        if isinstance(request, api.Submit | api.Describe) and not self._shares_files:
            request = cast("Request[R]", replace(request, document=_with_text(request.document)))
        if isinstance(request, api.Submit | api.Enqueue | api.EnqueueOnce) and self._shares_files:
            # As they are now: a program may have changed them since it was started.
            request = cast(
                "Request[R]", replace(request, surroundings=request.surroundings or own_surroundings())
            )
        return await self._calls.ask(request)

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()


def _with_text(source: DocumentSource) -> DocumentSource:
    """Read the file of a path, for an engine that cannot; raise what `read_document_text` raises."""
    if source.path is None:
        return source
    return DocumentSource(text=DocumentText(name=source.path, text=read_document_text(Path(source.path))))
