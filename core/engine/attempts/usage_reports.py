"""UsageReports: what attempts report that they spent, priced.

Used by the completion, by inline calls and by charges.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.files.untrusted import open_regular
from core.model.errors import Invalid
from core.model.limits.limits import Price, Spent
from core.model.limits.usage import FILE, FILE_BYTES, LINES_MAX, Reported, UsageFile, read_reported
from core.rules.prices import book
from core.rules.usage_lines import read_usage

if TYPE_CHECKING:
    from pathlib import Path

    from core.model.ports import AttemptRef, Clock

NOTHING = UsageFile()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the ledger gets of an attempt, and what is wrong with the rest of its report."""

    spent: tuple[Spent, ...] = ()
    unread: str = ""


@dataclass(slots=True)
class _Told:
    """What a call reported while it ran."""

    reports: list[Reported] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class UsageReports:
    """Read usage files below `root`, keep what inline calls report, and price both."""

    def __init__(self, root: Path, *, prices: Sequence[Price], clock: Clock) -> None:
        self._root = str(root)
        self.prices = prices
        self._clock = clock
        self._told: dict[AttemptRef, _Told] = {}

    def tell(self, ref: AttemptRef, said: Mapping[str, object]) -> None:
        """Keep a report of an inline call until its attempt ends; one that cannot be booked is only counted.

        The call was made and paid: what it says of that must not fail it.
        """
        told = self._told.setdefault(ref, _Told())
        try:
            if len(told.reports) >= LINES_MAX:
                raise Invalid(
                    "usage.invalid", f"there are more than {LINES_MAX:,}", facts={"most": LINES_MAX}
                )
            told.reports.append(read_reported(said))
        except Invalid as error:
            told.faults.append(error.message)

    def take(self, ref: AttemptRef) -> Usage:
        """Return what an attempt reported, which has ended; what was told is forgotten."""
        file, told = self._read(ref), self._told.pop(ref, None)
        if file is NOTHING and told is None:
            return Usage()
        told = told or _Told()
        spent, too_much = book([*told.reports, *file.reports], self.prices, now=self._now())
        faults = []
        if told.faults:
            faults.append(f"{len(told.faults):,} reports of the call are ignored: {told.faults[0]}")
        if file.ignored:
            faults.append(f"of the usage file {file.ignored:,} lines are ignored: {file.fault}")
        if too_much:
            faults.append(
                f"{len(too_much):,} reports are ignored: their amounts are more than can be counted"
            )
        return Usage(spent=tuple(spent), unread="; ".join(faults))

    def price(self, said: Mapping[str, object], *, charge: str) -> tuple[Spent, ...]:
        """Return the entries of a charge; raise `Invalid` (`usage.invalid`)."""
        spent, _ = book([read_reported({**said, "id": charge})], self.prices, now=self._now())
        return tuple(spent)

    def _now(self) -> int:
        now = self._clock.now()
        return now - self._clock.offset

    def _read(self, ref: AttemptRef) -> UsageFile:
        path = f"{self._root}/{ref.task_id}/{ref.epoch}/{FILE}"
        # Asked for each attempt, and most have no such file: an error would cost several times as much.
        if not os.access(path, os.F_OK):
            return NOTHING
        try:
            data = _head(path)
        except OSError as error:
            return UsageFile(ignored=1, fault=f"it cannot be read: {error.strerror}")
        return read_usage(data)


def _head(path: str) -> bytes:
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read(FILE_BYTES + 1)
