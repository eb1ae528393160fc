"""Family keys: acknowledge the failure family under the cursor.

Owned by Pulse and by the screen of failures.
"""

from __future__ import annotations

from collections.abc import Callable

from console.desk import Desk
from console.dialogs.menu import MenuDialog
from console.rows.families import where_family
from console.screens.parts.hosts import VerbHost
from console.verbs.selection import Selection
from core.control.api import Target
from core.model.failures import FamilyState, FamilyView
from core.model.text import SafeText, safe_line

HOUR_MS = 3_600_000
TERMS: dict[str, tuple[str, int | None]] = {
    "r": ("until it returns", None),
    "h": ("for 1 hour", HOUR_MS),
    "e": ("for 8 hours", 8 * HOUR_MS),
    "d": ("for 1 day", 24 * HOUR_MS),
    "w": ("for 1 week", 7 * 24 * HOUR_MS),
}
"""For how long a family is acknowledged, by the letter of the menu."""
OLD = SafeText("these failed before failures were put into families: retry or filter them")


class FamilyKeys:
    """Asks for how long a family is to be known, and takes back what is known."""

    def __init__(self, desk: Desk, host: VerbHost, *, selected: Callable[[], FamilyView | None]) -> None:
        self._desk = desk
        self._host = host
        self._selected = selected

    def acknowledge(self) -> None:
        """Acknowledge the family under the cursor, or take that back."""
        family = self._selected()
        if family is None:
            return
        if not family.id:
            self._host.tell(OLD)
            return

        async def change() -> None:
            if family.state is FamilyState.ACKNOWLEDGED:
                await self._desk.operations.unacknowledge(family)
            else:
                await self._acknowledge(family)
            self._host.reload_for_operator()

        self._host.begin(change, group="act")

    async def _acknowledge(self, family: FamilyView) -> None:
        question = safe_line(f"Acknowledge {family.pattern or family.code}")
        letter = await self._host.ask(
            MenuDialog(question, {letter: SafeText(words) for letter, (words, _) in TERMS.items()})
        )
        if letter:
            await self._desk.operations.acknowledge(family, for_ms=TERMS[letter][1])


def family_selection(family: FamilyView) -> Selection:
    """Return the failed tasks of a family, else those that wait for another attempt, as a target."""
    number, status = (family.failed, "failed") if family.failed else (family.retrying, "retrying")
    label = f"{number:,} tasks ({family.pattern or family.code})"
    return Selection(target=Target(filter=where_family(family, status)), label=label, running=0)
