"""What the engine itself is asked, and what waits for it: one request each."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from core.control.api import ControlAPI
from core.control.requests.sent import SentDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """Ask what lost its owner."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.orphans()


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """Ask for the parameters of a document."""

    document: SentDocument

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.describe(self.document.open())


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Ask what changed since an event; waits."""

    after: int | None = None

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.changes(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitJob:
    """Wait for the end of a job."""

    job_id: int

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.wait_job(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTasks:
    """Wait for the end of tasks."""

    task_ids: tuple[int, ...]

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.wait_tasks(self.task_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Ask who answers."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.status()
