"""Lists of entries of the ledger, newest first.

Used by `budgets entries`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Remote
from core.cli.output import emit, note
from core.cli.paging import pages
from core.cli.parameters import Argument, Option
from core.cli.reading import note_closed_claims, reading
from core.cli.tables import Table
from core.control.api import PAGE
from core.model.limits.amounts import write_amount
from core.model.limits.entry_views import EntryQuery, EntryView
from core.render.columns import Column, Form
from core.render.entry_texts import entry_note, entry_shape, entry_who

_COLUMNS = (
    Column(name="id", title="ENTRY", form=Form.NUMBER, path="id", width=8, min_width=5),
    Column(name="at", title="WHEN", form=Form.CLOCK, path="at", width=24, min_width=12),
    Column(name="kind", title="KIND", form=Form.TEXT, path="kind", width=10),
    Column(name="amount", title="AMOUNT", form=Form.NUMBER, path="amount", width=14, min_width=6),
    Column(name="unit", title="UNIT", form=Form.TEXT, path="unit", width=8, min_width=4),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job", width=8, min_width=3),
    Column(name="task", title="TASK", form=Form.NUMBER, path="task", width=8, min_width=4),
    Column(name="try", title="TRY", form=Form.NUMBER, path="epoch", width=4, min_width=3),
    Column(name="key", title="KEY", form=Form.TEXT, path="key", width=24, min_width=6),
    Column(name="who", title="WHO", form=Form.TEXT, path="who", width=24, min_width=6, priority=2),
    Column(name="note", title="NOTE", form=Form.TEXT, path="note", width=48, min_width=10, priority=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries(Remote):
    """The arguments of `budgets entries`."""

    name: Annotated[str, Argument(metavar="BUDGET", help="A budget, by its name.")]
    key: Annotated[str, Option(metavar="KEY", help="Which key, of a budget that is counted by key.")] = ""
    limit: Annotated[int, Option(metavar="N", min=0, help="At most N entries, the newest; 0 = all.")] = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of the table of entries."""

    id: int | None
    at: int
    kind: str
    amount: str
    unit: str
    job: int | None
    task: int | None
    epoch: int | None
    key: str
    who: str
    note: str

    @classmethod
    def of(cls, entry: EntryView) -> _Line:
        return cls(
            id=entry.id or None,
            at=entry.at,
            kind=entry.kind,
            amount=write_amount(entry.amount),
            unit=entry.unit,
            job=entry.job_id,
            task=entry.task_id,
            epoch=entry.epoch,
            key=entry.key or "",
            who=entry_who(entry),
            note=entry_note(entry),
        )


async def list_entries(arguments: Entries) -> int:
    """Write the entries of a budget under one key, what attempts that run hold first."""
    table, query, shown = Table(_COLUMNS), EntryQuery(limit=arguments.name, key=arguments.key), 0
    has_more = False
    async with reading(arguments) as deck:
        fetch = lambda after, limit: deck.ledger.entries(query, after=after, limit=limit)  # noqa: E731
        async for page in pages(fetch, arguments.limit):
            shown, has_more = shown + len(page.rows), page.next is not None
            if arguments.json:
                for entry in page.rows:
                    emit(entry_shape(entry))
            elif page.rows:
                table.page([_Line.of(entry) for entry in page.rows])
    if has_more:
        note(f"showing the newest {shown:,}; all of them: --limit 0")
    if not shown:
        note("nothing was booked or reserved yet")
    await note_closed_claims(arguments)
    return 0
