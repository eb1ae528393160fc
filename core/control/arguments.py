"""Arguments of verbs: targets, event queries, documents.

Used by the ControlAPI, its implementations and its clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from core.filters.terms import Filter
from core.model.actors import Door, claim
from core.model.commands.work import Document, DocumentText
from core.model.errors import Invalid, NotFound
from core.model.paths import absolute
from core.model.values import ID_MAX, JsonValue

OPERATOR = claim(Door.API)
"""Actor of a verb whose caller did not say who asks: a program of this user."""
PAGE = 100
"""Rows of a page unless another number is asked for; at most 2,000 are served."""
LOG_BYTES = 65_536
"""Bytes of a piece of output unless another number is asked for."""


class Target(Struct, frozen=True, kw_only=True):
    """What a verb acts on: exactly one of a job, tasks, all tasks that match a filter, a queue.

    Any other number of them raises `Invalid` (`target.one`). `as_of` and `excluding` narrow a filter:
    tasks that changed after that event, and the named ones, are left alone. An id beyond 64 bits raises
    `NotFound`.
    """

    job_id: int | None = None
    task_ids: tuple[int, ...] | None = None
    filter: Filter | None = None
    queue: str | None = None
    as_of: int | None = None
    excluding: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a target that names nothing or two things."""
        if sum(part is not None for part in (self.job_id, self.task_ids, self.filter, self.queue)) != 1:
            raise Invalid(
                "target.one",
                "a verb acts on one of: a job, tasks, a filter, a queue",
                hint="name exactly one of them",
            )
        _refuse_beyond(() if self.job_id is None else (self.job_id,), "job")
        _refuse_beyond((*(self.task_ids or ()), *self.excluding), "task")


def _refuse_beyond(ids: tuple[int, ...], noun: str) -> None:
    """Refuse ids that no row can have, and the store cannot be asked for."""
    for number in ids:
        if abs(number) > ID_MAX:
            raise NotFound(
                f"{noun}.unknown",
                f"{noun} {number} does not exist",
                hint=f"'taskdeck {noun}s' lists them",
                facts={noun: str(number)},
            )


class EventQuery(Struct, frozen=True, kw_only=True):
    """Which events are asked for; what is None does not restrict."""

    job_id: int | None = None
    task_id: int | None = None
    filter: Filter | None = None
    around: bool = False
    """Of a job also what is not its own: pauses of its queues and pools, stops of the engine while it ran."""


class DocumentSource(Struct, frozen=True, kw_only=True):
    """Where a document comes from: exactly one of an absolute path, a text, the parsed form.

    Any other number of them raises `Invalid` (`wire.field`).
    """

    path: str | None = None
    text: DocumentText | None = None
    parsed: Mapping[str, JsonValue] | None = None

    def __post_init__(self) -> None:
        """Refuse a source that names nothing or two things."""
        if sum(part is not None for part in (self.path, self.text, self.parsed)) != 1:
            raise Invalid(
                "wire.field",
                "a document is one of: a path, a text, the parsed form",
                hint="send one of them",
                facts={"field": "document"},
            )

    @classmethod
    def of(cls, document: Document) -> DocumentSource:
        """Return the source of a document; a path is made absolute in the caller's directory."""
        if isinstance(document, str):
            return cls(path=str(absolute(Path(document))))
        if isinstance(document, DocumentText):
            return cls(text=document)
        return cls(parsed=document)

    @property
    def document(self) -> Document:
        """Return the document; a path is absolute."""
        if self.path is not None:
            return str(absolute(Path(self.path)))
        if self.text is not None:
            return self.text
        return self.parsed or {}


def unfit(wanted: str) -> Invalid:
    """Return the refusal of a target that a verb does not act on."""
    return Invalid(
        "target.unfit", f"this verb acts on {wanted}", hint=f"name {wanted}", facts={"wanted": wanted}
    )
