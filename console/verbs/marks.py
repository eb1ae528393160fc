"""Marks: marked rows as the targets of a verb.

Owned by the picker of a list screen.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from console.verbs.selection import Selection
from core.control.api import Target
from core.filters.terms import Filter
from core.model.records import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All tasks that match a filter as of an event, except some."""

    where: Filter
    as_of: int | None
    excluding: frozenset[int] = frozenset()
    without: frozenset[Hashable] = frozenset()
    """The keys of the rows that are left out."""
    changed: frozenset[Hashable] = frozenset()
    """The keys of the rows in memory that have changed since: no verb acts on them."""
    number: int | None = None
    """How many a verb would act on; None = it has not been counted."""
    since: int = 0
    """How many more match, but have changed since."""


class Marks:
    """Marked rows by key, each with what a verb would act on; or everything that matches a filter."""

    def __init__(self) -> None:
        self._chosen: dict[Hashable, Selection] = {}
        self._anchor: int | None = None
        self.everything: Everything | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is marked."""
        return bool(self._chosen) or self.everything is not None

    @property
    def number(self) -> int:
        """How many rows are marked one by one."""
        return len(self._chosen)

    def job_ids(self) -> tuple[int, ...]:
        """Return the jobs that are marked one by one."""
        targets = (selection.target for selection in self._chosen.values())
        return tuple(target.job_id for target in targets if target.job_id is not None)

    @property
    def anchor(self) -> int | None:
        """The number of the row where a range begins."""
        return self._anchor

    def has(self, key: Hashable) -> bool:
        """Tell whether a row is marked."""
        if self.everything is not None:
            return key not in self.everything.without and key not in self.everything.changed
        return key in self._chosen

    def toggle(self, key: Hashable, chosen: Selection, *, at: int) -> None:
        """Mark a row, or unmark it; a range may begin there."""
        self._anchor = at
        if self.everything is not None:
            number = self.everything.number
            step = 1 if key in self.everything.without else -1
            self.everything = replace(
                self.everything,
                number=None if number is None else number + step,
                excluding=self.everything.excluding ^ frozenset(chosen.target.task_ids or ()),
                without=self.everything.without ^ {key},
            )
        elif self._chosen.pop(key, None) is None:
            self._chosen[key] = chosen

    def add(self, rows: Mapping[Hashable, Selection]) -> None:
        """Mark rows."""
        self._chosen.update(rows)

    def all_of(self, where: Filter, *, as_of: int | None) -> None:
        """Mark all that match a filter, loaded or not."""
        self.clear()
        self.everything = Everything(where=where, as_of=as_of)

    def note_changed(self, keys: frozenset[Hashable]) -> None:
        """Note which of the rows in memory have changed since all were marked."""
        if self.everything is not None:
            self.everything = replace(self.everything, changed=keys)

    def note_number(self, number: int, since: int) -> None:
        """Note how many a verb would act on, and how many have changed since all were marked."""
        if self.everything is not None:
            self.everything = replace(self.everything, number=number, since=since)

    def clear(self) -> None:
        """Unmark everything."""
        self._chosen.clear()
        self._anchor = None
        self.everything = None

    def forget_filter(self) -> None:
        """Unmark what was marked by a filter, when another filter is applied."""
        if self.everything is not None:
            self.clear()

    def chosen(self, fresh: Mapping[Hashable, Selection]) -> Selection | None:
        """Return what a verb acts on; `fresh` = the rows in memory as they are now. None = nothing marked."""
        if self.everything is not None:
            target = Target(
                filter=self.everything.where,
                as_of=self.everything.as_of,
                excluding=tuple(sorted(self.everything.excluding)),
            )
            return Selection(target=target, label="all that match")
        marked = [fresh.get(key, chosen) for key, chosen in self._chosen.items()]
        if not marked:
            return None
        # A mixed choice is paused: it is resumed only if all of it is paused.
        is_paused = all(chosen.is_paused for chosen in marked)
        if len(marked) == 1:
            return marked[0]
        first, *others = _joined([target for chosen in marked for target in chosen.targets])
        known = [chosen.running for chosen in marked if chosen.running is not None]
        return Selection(
            target=first,
            more=tuple(others),
            label=f"{len(marked):,} marked",
            is_paused=is_paused,
            running=sum(known) if len(known) == len(marked) else None,
        )


def _joined(targets: list[Target]) -> list[Target]:
    """Return the targets with all tasks in one."""
    ids = tuple(number for target in targets for number in target.task_ids or ())
    others = [target for target in targets if target.task_ids is None]
    return [*([Target(task_ids=ids)] if ids else []), *others]
