"""Files that tasks left, as rows, and the pages of them.

Used by the screen of artifacts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from console.rows.listing import Cells
from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.paths import Paths
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import Page
from core.render.columns import Column, Form
from core.render.data_texts import ArtifactRow
from core.render.sizes import size_text

COLUMNS = (
    Column(name="task", title="TASK", form=Form.NUMBER, path="task", width=6, priority=2),
    Column(name="key", title="KEY", form=Form.TEXT, path="key", width=20, min_width=6),
    Column(name="artifact", title="ARTIFACT", form=Form.TEXT, path="artifact", width=16, min_width=8),
    Column(name="size", title="SIZE", form=Form.TEXT, path="size", width=10, min_width=7),
    Column(name="path", title="PATH", form=Form.TEXT, path="path", width=48, min_width=32),
    Column(name="sha256", title="SHA-256", form=Form.TEXT, path="sha256", width=64, min_width=12, priority=3),
)


_ADDED = ("artifact.kept", "task.rerun")
_REMOVED = ("outputs.removed", "task.purged", "job.purged")
CHANGING = frozenset((*_ADDED, *_REMOVED))
"""The kinds of events after which a task may have other files."""


class ArtifactPages:
    """Reads the files of a job, of a task, or of the instances of a group, in pages.

    `home` = that of the engine, if known.
    """

    def __init__(self, control: ControlAPI, *, home: Callable[[], str]) -> None:
        self._control = control
        self._home = home
        self.job_id: int | None = None
        self.task_id: int | None = None
        """None = those of all tasks of the job."""

    async def read(self, cursor: str | None, limit: int) -> Page[ArtifactRow]:
        """Return the files behind a cursor, in order of task, name and path."""
        if self.job_id is None:
            return Page(rows=())
        after = None if cursor is None else _behind(cursor)
        kept = await self._control.data.artifacts(self.job_id, task_id=self.task_id, after=after, limit=limit)
        is_last = len(kept) < limit
        home = self._home()
        root = Paths(home=Path(home)).output if home else None
        rows = (
            ArtifactRow(job_id=self.job_id, kept=one, copy=None if root is None else root / one.copy)
            for one in kept
        )
        return Page(rows=tuple(rows), next=None if is_last else _cursor_of(kept[-1]))

    async def may_differ(self, kinds: frozenset[str], *, since: int) -> bool:
        """Tell whether events of these kinds, behind the event `since`, may have changed these files.

        What was removed stands in one event for many jobs; of the other kinds those of this job are read.
        """
        if self.job_id is None or not kinds.isdisjoint(_REMOVED):
            return True
        where = Filter(noun=Noun.EVENTS, terms=(In(field="kind", values=_ADDED),))
        # The tasks that belong to no workflow are too many to look at the events of all of them.
        is_loose = self.job_id == INBOX
        query = EventQuery(
            job_id=None if is_loose else self.job_id,
            task_id=self.task_id if is_loose else None,
            filter=where,
        )
        page = await self._control.events(query, after_id=since, limit=1)
        return bool(page.rows) or page.next is not None


def artifact_row_format() -> RowFormat[ArtifactRow]:
    """Write a file of a task: whose, of which artifact, how large, where it lay, its hash."""

    def text(row: ArtifactRow, column: Column, _: int) -> SafeText:
        kept = row.kept
        told = {
            "task": str(kept.task_id),
            "key": kept.key,
            "artifact": kept.file.name,
            "size": size_text(kept.file.size),
            "path": kept.file.path,
            "sha256": kept.file.hash,
        }
        return safe_line(told[column.name])

    return Cells(text=text, style=lambda row, column: None).row_format(COLUMNS, lambda row: row.kept.copy)


def _cursor_of(kept: KeptArtifact) -> str:
    return f"{kept.task_id}/{kept.position}/{kept.file.name}"


def _behind(cursor: str) -> KeptArtifact:
    task_id, position, name = cursor.split("/", 2)
    return _place(int(task_id), name, int(position))


def _place(task_id: int, name: str, position: int) -> KeptArtifact:
    file = ArtifactFile(name=name, path="", size=0, hash="")
    return KeptArtifact(task_id=task_id, epoch=0, position=position, file=file)
