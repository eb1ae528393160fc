"""SetAside: jobs and tasks that this engine cannot go on with.

Filled by the engine from the reports of batches; shown with its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from core.logs import get_logger
from core.model.commands.work import NoteFault
from core.model.errors import TaskdeckError, Unavailable
from core.store.batch_report import Fault
from core.store.journal import Journal
from core.store.rows import Subject

Note: TypeAlias = Callable[[str, BaseException | None], None]
"""Take what was tried and its error, or None: it went well."""
MOST = 1_000
"""Subjects that are remembered; the history has them all."""

_log = get_logger(__name__)


async def set_aside(
    journal: Journal, job_id: int, task_id: int, refused: TaskdeckError, *, epoch: int | None = None
) -> None:
    """Write into the history that the store takes nothing of what became of a task, nor that it failed."""
    message = f"the store does not take what became of it: {refused.code}: {refused.message}"
    await journal.submit(NoteFault(job_id=job_id, task_id=task_id, epoch=epoch, message=message))


def concerns_one(error: TaskdeckError) -> bool:
    """Return whether a refusal is about the rows at hand, not about the engine or its store."""
    return not isinstance(error, Unavailable)


class SetAside:
    """What was set aside since this engine started; a later fault of the same thing replaces the earlier."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    def hear(self, faults: Iterable[Fault]) -> None:
        """Remember what a batch set aside."""
        for fault in faults:
            self._add(_name(fault.subject), fault.message)

    def note(self, what: str, error: BaseException | None) -> None:
        """Remember that something of the engine failed, until it goes well again."""
        if error is None:
            self._messages.pop(what, None)
        else:
            self._add(what, f"{type(error).__name__}: {error}")

    def summary(self) -> str:
        """Return one sentence that names the newest of them and how many there are; '' = none."""
        if not self._messages:
            return ""
        what, message = next(reversed(self._messages.items()))
        others = len(self._messages) - 1
        more = f"; and {others} more (taskdeck events --where kind:fault.found)" if others else ""
        return f"set aside: {what}: {message}{more}"

    def _add(self, what: str, message: str) -> None:
        if what not in self._messages:
            _log.error("set aside", what=what, reason=message)
        if what in self._messages or len(self._messages) < MOST:
            self._messages[what] = message


def task_name(task_id: int) -> str:
    """Return what a task is called among what is set aside."""
    return f"task #{task_id}"


def _name(subject: Subject) -> str:
    if subject.task_id is not None:
        return task_name(subject.task_id)
    return "claims" if subject.job_id is None else f"job {subject.job_id}"
