"""Waits of clients that run within tasks.

Used by the routes of the socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.control import api
from core.host import surroundings_of
from core.model.errors import Conflict, NotFound
from core.model.status import JOB_FINAL, TASK_FINAL, TaskStatus

if TYPE_CHECKING:
    from core.control.api import ControlAPI, Request


class NestedWaits:
    """Refuse the wait that would never end: every slot is taken by a task that waits for a slot."""

    def __init__(self, control: ControlAPI) -> None:
        self._control = control
        self._waiting: Counter[int] = Counter()
        """Running tasks with a client in them that waits for work."""

    @asynccontextmanager
    async def noted(self, request: Request[object], pid: int) -> AsyncIterator[None]:
        """Note a wait for the duration, if a task makes it; raise `Conflict` (`wait.deadlock`)."""
        task_id = await self._task_of(pid) if isinstance(request, api.WaitJob | api.WaitTasks) else None
        if task_id is None:
            yield
            return
        self._waiting[task_id] += 1
        try:
            await self._check(request, task_id)
            yield
        finally:
            self._waiting[task_id] -= 1
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    async def _task_of(self, pid: int) -> int | None:
        """Return the task of this engine that a process is part of, while it runs."""
        surroundings = surroundings_of(pid) if pid else None
        named = surroundings.env.get("TASKDECK_TASK", "") if surroundings is not None else ""
        if surroundings is None or not named.isdecimal():
            return None
        if surroundings.env.get("TASKDECK_HOME") != (await self._control.status()).home:
            return None
        try:
            task = (await self._control.task(int(named))).task
        except NotFound:
            return None
        # What a task left behind holds no slot any more.
        return task.id if task.status == TaskStatus.RUNNING else None

    async def _check(self, request: Request[object], task_id: int) -> None:
        slots = (await self._control.status()).slots
        if len(self._waiting) < slots:
            return
        awaited = await self._unfinished(request)
        if awaited is not None:
            taken = "its own slot is the only one" if slots == 1 else f"all {slots} slots are taken so"
            raise Conflict(
                "wait.deadlock",
                f"task {task_id} would wait for {awaited} for ever: that needs a slot, and {taken}",
                hint="start the engine with more --slots, or submit with --detach and do not wait",
                facts={"task": task_id, "slots": slots},
            )

    async def _unfinished(self, request: Request[object]) -> str | None:
        """Name work that a request waits for and that has not ended; None if there is none."""
        if isinstance(request, api.WaitJob):
            job = await self._control.job(request.job_id)
            return f"job {job.id}" if job.status not in JOB_FINAL else None
        for number in request.task_ids if isinstance(request, api.WaitTasks) else ():
            if (await self._control.task(number)).task.status not in TASK_FINAL:
                return f"task {number}"
        return None
