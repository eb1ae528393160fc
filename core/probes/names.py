"""Names of hosts, resolved in threads of their own.

Used by the probes that connect. The resolver of the machine may hang for minutes and cannot be called off;
in the loop's own pool a few such names would keep everything else waiting.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress
from typing import TypeAlias

TRIED = 4
"""Addresses of one name that are tried."""
Addresses: TypeAlias = tuple[str, ...]


class Names:
    """Resolves names; one that is being resolved is not asked for again."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[Addresses]] = {}

    async def resolve(self, host: str) -> Addresses:
        """Return the first addresses of a host; raise `OSError` for one that has none."""
        if _is_number(host):
            return (host,)
        asked = self._under_way.get(host)
        if asked is None:
            asked = self._under_way[host] = self._ask(host)
        # Who gives up does not call it off for the next look.
        return await asyncio.shield(asked)

    def _ask(self, host: str) -> asyncio.Future[Addresses]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Addresses] = loop.create_future()

        def settle(found: Addresses | OSError) -> None:
            self._under_way.pop(host, None)
            if isinstance(found, OSError):
                answer.set_exception(found)
                # It may be that none waits any more.
                answer.exception()
            else:
                answer.set_result(found)

        def ask() -> None:
            found: Addresses | OSError
            try:
                found = _look_up(host)
            except OSError as error:
                found = error
            except UnicodeError:
                found = socket.gaierror(socket.EAI_NONAME, "not a name of a host")
            # The loop may be gone by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, found)

        # Not joined at the end of the process, as a pool would.
        threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        return answer


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str) -> Addresses:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))[:TRIED]
