"""How filters, targets, event queries and documents travel: as text and plain fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.control.api import Document, DocumentText, EventQuery, Target
from core.filters.fields import Noun
from core.filters.grammar import Filter, parse, render
from core.model.errors import Invalid
from core.model.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFilter:
    """A filter as its noun and text."""

    noun: Noun
    text: str

    def open(self) -> Filter:
        """Return the filter; raise `Invalid` (`filter.*`)."""
        return parse(self.text, self.noun)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTarget:
    """A target whose filter travels as text."""

    job_id: int | None = None
    task_ids: tuple[int, ...] | None = None
    filter: SentFilter | None = None
    queue: str | None = None
    as_of: int | None = None
    excluding: tuple[int, ...] = ()

    def open(self) -> Target:
        """Return the target; raise `Invalid` (`target.one`, `filter.*`)."""
        return Target(
            job_id=self.job_id,
            task_ids=self.task_ids,
            filter=opened(self.filter),
            queue=self.queue,
            as_of=self.as_of,
            excluding=self.excluding,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentQuery:
    """An event query whose filter travels as text."""

    job_id: int | None = None
    task_id: int | None = None
    filter: SentFilter | None = None

    def open(self) -> EventQuery:
        """Return the query; raise `Invalid` (`filter.*`)."""
        return EventQuery(job_id=self.job_id, task_id=self.task_id, filter=opened(self.filter))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDocument:
    """A document: exactly one of a path, a text, the parsed form."""

    path: str | None = None
    text: DocumentText | None = None
    parsed: Mapping[str, JsonValue] | None = None

    def open(self) -> Document:
        """Return the document; raise `Invalid` (`wire.field`) unless it is one of the three."""
        found = [part for part in (self.path, self.text, self.parsed) if part is not None]
        if len(found) != 1:
            raise Invalid(
                "wire.field",
                "a document is one of: a path, a text, the parsed form",
                hint="send one of them",
                facts={"field": "document"},
            )
        return found[0]


def sent_filter(wanted: Filter | None) -> SentFilter | None:
    """Return a filter as it travels."""
    return None if wanted is None else SentFilter(noun=wanted.noun, text=render(wanted))


def sent_target(target: Target) -> SentTarget:
    """Return a target as it travels."""
    return SentTarget(
        job_id=target.job_id,
        task_ids=None if target.task_ids is None else tuple(target.task_ids),
        filter=sent_filter(target.filter),
        queue=target.queue,
        as_of=target.as_of,
        excluding=tuple(target.excluding),
    )


def sent_query(query: EventQuery | None) -> SentQuery | None:
    """Return an event query as it travels."""
    if query is None:
        return None
    return SentQuery(job_id=query.job_id, task_id=query.task_id, filter=sent_filter(query.filter))


def sent_document(document: Document) -> SentDocument:
    """Return a document as it travels; a path is absolute already."""
    if isinstance(document, str):
        return SentDocument(path=document)
    if isinstance(document, DocumentText):
        return SentDocument(text=document)
    return SentDocument(parsed=document)


def opened(wanted: SentFilter | None) -> Filter | None:
    """Return the filter that was sent; raise `Invalid` (`filter.*`)."""
    return None if wanted is None else wanted.open()
