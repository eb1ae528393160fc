"""The requests of the socket: every verb with what it asks, typed, and how it is put to a control."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from core.control.api import ControlAPI
from core.control.requests import asking, changing, reading


class Request(Protocol):
    """One question or order, as it travels."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control; raise `Invalid` for what cannot be meant."""


VERBS: dict[str, type[Request]] = {
    "jobs": reading.Jobs,
    "job": reading.Job,
    "job_detail": reading.JobDetail,
    "tasks": reading.Tasks,
    "task": reading.Task,
    "find_task": reading.FindTask,
    "queues": reading.Queues,
    "events": reading.Events,
    "log": reading.Log,
    "count": reading.CountRows,
    "preview": reading.Preview,
    "pulse": reading.Pulse,
    "definition": reading.Definition,
    "submit": changing.Submit,
    "enqueue": changing.Enqueue,
    "cancel": changing.Cancel,
    "kill": changing.Kill,
    "retry": changing.Retry,
    "pause": changing.Pause,
    "resume": changing.Resume,
    "hold": changing.Hold,
    "unhold": changing.Unhold,
    "fail": changing.Fail,
    "keep_orphans": changing.KeepOrphans,
    "kill_orphans": changing.KillOrphans,
    "orphans": asking.Orphans,
    "describe": asking.Describe,
    "changes": asking.Changes,
    "wait_job": asking.WaitJob,
    "wait_tasks": asking.WaitTasks,
    "status": asking.Status,
}
"""Every verb below `wire.PATH`, by the name of its method; `close` is the client's own."""
NAMES: dict[type[Request], str] = {kind: name for name, kind in VERBS.items()}
"""The verb of each request."""
WAITING = frozenset({asking.WaitJob, asking.WaitTasks, asking.Changes})
"""Requests that last as long as it takes: they end with their client, or with the server."""
