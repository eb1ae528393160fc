"""BundleControl: a ControlAPI on a bundle, which changes nothing.

Used by the console's sessions.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar, cast

from core.app.bundles.opening import OpenBundle
from core.control import api
from core.control.api import ControlAPI, Kind, Request, kind_of
from core.control.nouns.orphans import ListOrphans
from core.control.requests import verb_of
from core.model.bundles import STATE
from core.model.errors import Conflict
from core.model.text import safe_line
from core.model.values import to_iso
from core.model.version import VERSION
from core.model.views import Changes, EngineInfo

R = TypeVar("R")
_POLL_SECONDS = 10.0
READ_ONLY = "a bundle is read-only: it shows what was"


class BundleControl(ControlAPI):
    """Answers what reads from the bundle, and what follows changes with none; refuses all else.

    Who opened the bundle closes it.
    """

    def __init__(self, opened: OpenBundle) -> None:
        self._opened = opened

    async def ask(self, request: Request[R]) -> R:
        """Answer what reads; raise `Conflict` (`bundle.read_only`)."""
        if kind_of(request) is Kind.READ:
            return await self._opened.control.ask(request)
        if isinstance(request, api.Status):
            return cast("R", _info(self._opened))
        if isinstance(request, api.Changes):
            return cast("R", await _changes(self._opened, request.after))
        if isinstance(request, ListOrphans):
            return cast("R", tuple(await self._opened.reports.lost.orphans()))
        raise Conflict(
            "bundle.read_only",
            READ_ONLY,
            hint="do it where the job is: --home DIR or --host USER@BOX",
            facts={"verb": verb_of(request).name},
        )

    async def close(self) -> None:
        """Do nothing."""


def title(opened: OpenBundle) -> str:
    """Say what a bundle is of: `bundle night.zip: job 12 as of 2026-11-28T02:10:00.000Z`."""
    jobs = opened.manifest.jobs
    listed = ", ".join(map(str, jobs[:10])) + (", ..." if len(jobs) > 10 else "")
    return safe_line(
        f"bundle {opened.file.name}: job{'' if len(jobs) == 1 else 's'} {listed}"
        f" as of {to_iso(opened.manifest.at)}"
    )


def about(opened: OpenBundle) -> str:
    """Say what a bundle is of, and what of its outputs was cut."""
    return "; ".join(filter(None, (title(opened), cut_text(opened))))


def cut_text(opened: OpenBundle) -> str:
    """Say which outputs were cut when a bundle was made; '' = none was."""
    manifest = opened.manifest
    if not manifest.cut:
        return ""
    number = f"{manifest.cut} outputs were" if manifest.cut > 1 else "1 output was"
    return f"{number} cut to {manifest.max_log or 0:,} bytes when it was made: the middle is missing"


def _info(opened: OpenBundle) -> EngineInfo:
    return EngineInfo(version=VERSION, pid=0, epoch=0, slots=0, running=0, home=about(opened), state=STATE)


async def _changes(opened: OpenBundle, after: int | None) -> Changes:
    if after is not None:
        # As often as an engine answers that has nothing new.
        await asyncio.sleep(_POLL_SECONDS)
    standing = await opened.reports.totals.current()
    return Changes(
        last_event=after or 1,
        kinds=frozenset(),
        tasks=standing.tasks,
        jobs=standing.jobs,
        paused_queues=standing.paused_queues,
        paused_pools=standing.paused_pools,
        spent_budgets=standing.spent_budgets,
        is_frozen=standing.is_frozen,
        engine=_info(opened),
        lost=await opened.reports.lost.count(),
        acknowledged=await opened.reports.failures.acknowledged(),
    )
