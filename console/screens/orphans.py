"""The screen of orphans: attempts without owner, evidence, and verbs.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.style import Style
from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.job_names import JobNames, beside_jobs
from console.rows.listing import now_ms, style_of
from console.screens.base import DeskScreen
from console.themes import Look
from console.verbs.selection import Selection
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from console.widgets.text_view import TextView
from core.control.api import Target
from core.model.orphans import OrphanKind, OrphanView
from core.model.text import SafeText, fit, safe_line
from core.model.values import to_iso
from core.render.columns import Column, Form, cell
from core.render.times import age_text

COLUMNS = (
    Column(name="task", title="TASK", form=Form.NUMBER, path="task_id", min_width=7, width=7),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job_id", min_width=6, width=6, priority=3),
    Column(name="key", title="KEY", form=Form.TEXT, path="key", min_width=10, width=16),
    Column(name="state", title="STATE", form=Form.TEXT, path="kind", width=9),
    Column(name="since", title="SINCE", form=Form.AGE, path="since", min_width=6, width=7, priority=1),
    Column(name="pids", title="LIVING", form=Form.NUMBER, path="pids", width=6),
    Column(
        name="command", title="COMMAND", form=Form.TEXT, path="commands", min_width=14, width=24, priority=2
    ),
    Column(name="reason", title="REASON", form=Form.TEXT, path="reason", min_width=12, width=24, priority=4),
)
_MARKS = {OrphanKind.LIVING: "running", OrphanKind.LEFT: "running", OrphanKind.LOST: "lost"}
_NONE = SafeText("no orphans: everything that runs has an owner")
_UNKNOWN = SafeText("not known: only an engine sees living processes")
_NONE_LIVES = SafeText("no process of it lives: r queues it again, f gives it up")
_LIVES = SafeText("a process of it still lives: w keeps watching it, X kills it")
_ENDED = SafeText("its attempt has ended, this lives on: X kills it")
_REFUSED = {
    OrphanKind.LIVING: {"requeue": _LIVES, "fail": _LIVES},
    OrphanKind.LEFT: {"requeue": _ENDED, "fail": _ENDED, "keep": _ENDED},
    OrphanKind.LOST: {"keep": _NONE_LIVES, "kill": _NONE_LIVES},
}
_LABEL = 10


class OrphansScreen(DeskScreen):
    """The orphans by task id, and the evidence for the one under the cursor."""

    PARTS = ("orphans",)
    READER = "table"
    NOUNS = ("task", "attempt", "engine")
    BINDINGS = bindings(*PARTS)
    DEFAULT_CSS = """
    OrphansScreen TextView { height: 40%; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.names = JobNames(desk.control)
        self.table: Table[OrphanView] = Table(beside_jobs(orphans_row_format(lambda: desk.look), self.names))
        self.evidence = TextView()
        self.action_kill = self._kill

    def body(self) -> ComposeResult:
        yield self.table
        yield self.evidence

    def on_mount(self) -> None:
        """Focus the table; evidence is read later."""
        self.table.focus()
        self.evidence.display = False

    async def load(self) -> None:
        """Read all orphans: there are few."""
        rows = await self.desk.control.orphans.all()
        await self.names.learn(rows)
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self._say_none()
        self._show_evidence()

    def show_status(self) -> None:
        """Say besides whether an empty list means that there are none."""
        super().show_status()
        if self._was_loaded:
            self._say_none()

    def _say_none(self) -> None:
        self.table.say(_UNKNOWN if self.desk.feed.pulse.engine is None else _NONE)

    def title_line(self) -> SafeText:
        return SafeText(" Orphans")

    def position_text(self) -> str:
        return f"orphans {self.table.count:,}"

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()

    def selected_view(self) -> object:
        return self.table.selected

    def chosen(self) -> Selection | None:
        """Return the task of the orphan under the cursor."""
        orphan = self.table.selected
        if orphan is None:
            return None
        label = f"task {orphan.task_id} ({orphan.key})"
        return Selection(
            target=Target(task_ids=(orphan.task_id,)), label=label, is_paused=orphan.kind is OrphanKind.LOST
        )

    def why_not(self, action: str) -> SafeText:
        """Refuse for living orphans the verbs of lost ones, and the other way round."""
        orphan = self.table.selected
        if orphan is not None and action in _REFUSED[orphan.kind]:
            return _REFUSED[orphan.kind][action]
        return super().why_not("hold" if action == "requeue" else action)

    def on_table_moved(self) -> None:
        self._show_evidence()

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        self.visit("task", self._subject())

    def action_logs(self) -> None:
        self.visit("log", self._subject())

    def action_events(self) -> None:
        self.visit("task events", self._subject())

    def action_keep(self) -> None:
        """Keep watching a living orphan."""
        self.verbs.act(self.desk.operations.keep)

    def action_requeue(self) -> None:
        """Let a lost task be claimed again."""
        self.verbs.act(self.desk.operations.hold)

    def action_fail(self) -> None:
        self.verbs.act(self.desk.operations.fail)

    def action_back(self) -> None:
        """Leave the evidence, else the screen."""
        if self.evidence.has_focus:
            self.table.focus()
        else:
            super().action_back()

    def _kill(self) -> None:
        """Plan the end of a living orphan, review it, then end it."""
        self.verbs.act(self.desk.operations.kill_orphan)

    def _show_evidence(self) -> None:
        orphan = self.table.selected
        if orphan is None and self.evidence.has_focus:
            self.table.focus()
        self.evidence.display = orphan is not None
        self.evidence.put([] if orphan is None else list(evidence_of(orphan)))

    def _subject(self) -> int | None:
        return None if self.table.selected is None else self.table.selected.task_id


def orphans_row_format(look: Callable[[], Look]) -> RowFormat[OrphanView]:
    def write(orphan: OrphanView, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        now = now_ms()
        return tuple(_cell(orphan, column, look=look(), now=now) for column in columns)

    def style(orphan: OrphanView, column: Column) -> Style | None:
        return style_of(_MARKS[orphan.kind], look()) if column.name == "state" else None

    # A task that was lost twice is two orphans.
    return RowFormat(
        columns=COLUMNS, key=lambda orphan: (orphan.task_id, orphan.epoch), write=write, style=style
    )


def evidence_of(orphan: OrphanView) -> Iterator[SafeText]:
    """Return what is known of an orphan, as lines."""
    yield _pair("task", f"{orphan.task_id} {orphan.key}, job {orphan.job_id}, attempt epoch {orphan.epoch}")
    yield _pair("reason", orphan.reason)
    if orphan.since is not None:
        yield _pair("since", f"{to_iso(orphan.since)} ({age_text(now_ms() - orphan.since)} ago)")
    if orphan.kind is OrphanKind.LIVING:
        next_step = "an operator keeps watching it" if orphan.kept else "w keeps watching it, X kills it"
        yield _pair("now", f"the attempt keeps its slot; {next_step}")
        yield SafeText("")
        yield from (_process(pid, index, orphan.commands) for index, pid in enumerate(orphan.pids))
    elif orphan.kind is OrphanKind.LEFT:
        yield _pair("now", "the attempt has ended; X kills what it left")
        yield SafeText("")
        yield from (_process(pid, index, orphan.commands) for index, pid in enumerate(orphan.pids))
    else:
        yield _pair("now", "the task is held; r queues it again, f gives it up")


def _process(pid: int, index: int, commands: Sequence[str]) -> SafeText:
    return safe_line(f"  {pid:>8}  {commands[index] if index < len(commands) else ''}")


def _pair(label: str, text: str) -> SafeText:
    return safe_line(f"{fit(label, _LABEL)}{text}")


def _cell(orphan: OrphanView, column: Column, *, look: Look, now: int) -> SafeText:
    match column.name:
        case "state":
            glyph = look.marks[_MARKS[orphan.kind]].glyph
            return safe_line(f"{glyph} {'watched' if orphan.kept else orphan.kind}")
        case "pids":
            return SafeText(str(len(orphan.pids)) if orphan.pids else "")
        case "command":
            return safe_line(orphan.commands[0] if orphan.commands else "")
        case _:
            return cell(column, orphan, now=now)
