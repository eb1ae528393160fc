"""OfflineControl: reading works, whatever needs an engine is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.control.api import OPERATOR, Document, SubmitOptions, Target
from core.control.reading import ReadingControl
from core.model.errors import Unavailable
from core.store.readers import Readers
from core.store.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core.model.commands import Operated, Submitted
    from core.model.plans import TaskSpec
    from core.model.values import JsonValue
    from core.model.views import EngineInfo, JobResult


def no_engine(detail: str = "no engine is running") -> Unavailable:
    """Say that no engine answers, and how to get one."""
    return Unavailable("engine.none", detail, hint="start one with 'taskdeck serve', then try again")


def open_offline(store: Path, output_dir: Path) -> OfflineControl:
    """Return a control for reading a store file, opened at first use; it closes its readers."""
    readers = Readers(store)
    return OfflineControl(Reports(readers), output_dir, readers=readers)


class OfflineControl(ReadingControl):
    """ControlAPI on a store without an engine: changing and waiting raise `Unavailable` (`engine.none`)."""

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Refuse."""
        raise no_engine()

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Refuse."""
        raise no_engine()

    async def cancel(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def retry(self, target: Target, *, downstream: bool = False, actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def resume(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def unhold(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Refuse."""
        raise no_engine()

    async def wait_job(self, job_id: int) -> JobResult:
        """Refuse."""
        raise no_engine()

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Refuse."""
        raise no_engine()

    async def stop_engine(self, *, kill: bool = False) -> None:
        """Refuse."""
        raise no_engine()

    async def status(self) -> EngineInfo:
        """Refuse."""
        raise no_engine()
