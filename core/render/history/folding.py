"""Lines of a history that say the same of many tasks.

Used by the command `history`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.model.text import SafeText, safe_line
from core.render.history.lines import HistoryLine

NAMED = 2
"""Tasks that a folded line names."""
LEAST = 4
"""As many lines in a row are folded, or more."""


@dataclass(slots=True, kw_only=True)
class FoldedLines:
    """Lines in a row that say the same; only the first few are kept."""

    first: HistoryLine
    few: list[HistoryLine] = field(default_factory=list)
    count: int = 0

    def add(self, line: HistoryLine) -> bool:
        """Take one more, if it says the same; False = it does not."""
        if self.count and _same(line) != _same(self.first):
            return False
        self.count += 1
        if self.count < LEAST:
            self.few.append(line)
        return True

    def texts(self) -> Iterator[tuple[HistoryLine, SafeText]]:
        """Yield the sentences, each with its line, of the first where they are folded."""
        if self.count < LEAST:
            yield from ((line, line.text) for line in self.few)
            return
        names = ", ".join(line.name for line in self.few[:NAMED])
        cause = f" ({self.first.cause})" if self.first.cause else ""
        more = f"{names} and {self.count - NAMED:,} more: {self.first.what}{cause}"
        yield self.first, safe_line(more)


def folded(lines: Iterable[HistoryLine]) -> Iterator[FoldedLines]:
    """Yield lines in order, those in a row that say the same of tasks together."""
    run: FoldedLines | None = None
    for line in lines:
        if run is not None and run.add(line):
            continue
        if run is not None:
            yield run
        run = FoldedLines(first=line)
        run.add(line)
    if run is not None:
        yield run


def _same(line: HistoryLine) -> tuple[object, ...]:
    # What is of no task, or says more than its subject, stands by itself.
    alone = line.event.id if line.event.task_id is None else None
    return line.event.kind, line.what, line.cause, alone
