"""The health screen: every subject, the worst first.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.desk import Desk
from console.key_table import bindings
from console.rows.backend_rows import backends_of
from console.rows.health_rows import HealthRow, health_facts, health_row_format, health_rows
from console.rows.listing import now_ms
from console.screens.foot_screen import FootScreen
from console.screens.parts.capacity_keys import CapacityKeys, Chosen
from console.widgets.styled_lines import Span
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.health import HealthState
from core.model.text import SafeText, safe_line

READ_MS = 15_000
"""Between two reads: a sample that changes no state writes no event."""
KINDS = (
    "engine.health",
    "engine.blocked",
    "backend.up",
    "backend.slow",
    "backend.down",
    "backend.unknown",
    "backend.opened",
    "backend.closed",
    "clock.stepped",
)
"""The events of health."""
_ON_BACKENDS = ("look", "switch_backend", "reset_backend")
_NO_CHECK = SafeText("this subject is not a backend with a check")


class HealthScreen(FootScreen[HealthRow]):
    """A row for each subject, and below them all that is known of the one under the cursor."""

    PARTS = ("health",)
    NOUNS = (
        *("backend", "engine", "capacity", "spending", "schedule"),
        *("fire", "expectation", "orphan", "clock", "limit"),
    )
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, health_row_format(lambda: desk.look))
        self._read_at = 0
        self.capacity = CapacityKeys(desk, self, chosen=self._chosen)
        self.action_switch_backend = self.capacity.switch_backend
        self.action_reset_backend = self.capacity.reset_backend

    async def load(self) -> None:
        """Read how all does, and the breakers of backends."""
        control = self.desk.control
        view, listed = await control.health.now(), await control.limits.capacity()
        rows = health_rows(view, backends_of(listed), self.desk.feed.pulse.engine)
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self._read_at = now_ms()
        self.write_foot()

    def title_line(self) -> SafeText:
        states = [row.line.state for row in self.table.rows.values()]
        counted = [(state, states.count(state)) for state in (HealthState.CRITICAL, HealthState.WARNING)]
        told = [f"{number:,} {state}" for state, number in counted if number]
        return safe_line(f" Health  {'  '.join(told) or ('all is well' if states else '')}".rstrip())

    def selected_view(self) -> object:
        row = self.table.selected
        return None if row is None else row.line

    def why_not(self, action: str) -> SafeText:
        """Refuse what is of backends on another subject."""
        row = self.table.selected
        if action not in _ON_BACKENDS:
            return super().why_not(action)
        if row is None or row.check is None:
            return _NO_CHECK
        return self.capacity.why_not("switch_backend" if action == "look" else action)

    def refresh_ages(self) -> None:
        """Read again when the engine has measured since."""
        if now_ms() - self._read_at >= READ_MS and not self.desk.frozen:
            self.reload()
        super().refresh_ages()

    def action_open(self) -> None:
        """Show what waits for a backend, else the events of health."""
        row = self.table.selected
        if row is not None and row.check is not None:
            waits = In(field="wait", values=("down", "shut", "breaker"))
            self.visit("tasks", Filter(noun=Noun.TASKS, terms=(waits,)))
        else:
            self.action_events()

    def action_events(self) -> None:
        """Show the events of health, newest first."""
        self.visit("some events", Filter(noun=Noun.EVENTS, terms=(In(field="kind", values=KINDS),)))

    def action_look(self) -> None:
        """Look at the backend under the cursor now."""
        row = self.table.selected
        if row is None or row.check is None:
            return
        name = row.check.backend

        async def look() -> None:
            await self.desk.backends.look(name)
            self.reload_for_operator()

        self.begin(look, group="act")

    def _chosen(self) -> Chosen:
        row = self.table.selected
        return Chosen(backend=None if row is None else row.backend)

    def foot_lines(self, width: int) -> list[list[Span]]:
        row = self.table.selected
        return [] if row is None else health_facts(row, self.desk.look, width=width, now=now_ms())
