"""The table of keys, for bindings, hints, help and the docs.

Used by the screens, the help and the pages.

To add a key, add a row to its part of `_TABLE`, or a new part that a screen names in its `PARTS`; the
screen has the method `action_NAME`. Each row: name (unique, for a user's keymap.toml), Textual's keys, keys
as shown, action, its description, a word for the hint line ('' = only the help names it).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from textual.binding import Binding

from core.model.text import SafeText, cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An action and its keys."""

    id: str
    keys: str
    """Textual's names, separated by commas."""
    shown: str
    """The keys as people read them."""
    action: str
    description: str
    hint: str = ""
    """A word for the hint line; '' = only the help names it."""


# Each row: name, Textual's keys, keys as shown, action, description, word of the hint line.
_Row = tuple[str, str, str, str, str, str]


class _Pages(NamedTuple):
    """Textual's keys of a page down and up, each as they are shown."""

    down: str
    down_shown: str
    up: str
    up_shown: str


_PAGES = _Pages("pagedown,ctrl+f", "PgDn Ctrl+F", "pageup,ctrl+b", "PgUp Ctrl+B")
_PAGES_OF_TEXT = _Pages("pagedown,ctrl+f,space", "PgDn Space", "pageup,ctrl+b,b", "PgUp b")


def _moves(prefix: str, *, one: str, down: str, up: str, pages: _Pages = _PAGES) -> tuple[_Row, ...]:
    """Return the keys that move in whatever has rows; `one` = what a row is called."""
    return (
        (f"{prefix}down", "j,down", "j ↓", "move(1)", down, ""),
        (f"{prefix}up", "k,up", "k ↑", "move(-1)", up, ""),
        (f"{prefix}half_down", "ctrl+d", "Ctrl+D", "half(1)", "half a page down", ""),
        (f"{prefix}half_up", "ctrl+u", "Ctrl+U", "half(-1)", "half a page up", ""),
        (f"{prefix}page_down", pages.down, pages.down_shown, "page(1)", "a page down", ""),
        (f"{prefix}page_up", pages.up, pages.up_shown, "page(-1)", "a page up", ""),
        (f"{prefix}first", "g,home", "g Home", "first", f"first {one}", ""),
        (f"{prefix}last", "G,end", "G End", "last", f"last {one}", ""),
    )


_TABLE: dict[str, tuple[_Row, ...]] = {
    "table": _moves("", one="row", down="next row", up="previous row"),
    "text": (
        *_moves("text_", one="line", down="next line", up="previous line", pages=_PAGES_OF_TEXT),
        ("search", "slash,f3", "/", "search", "search the text", "search"),
        ("next_match", "n", "n", "match(1)", "next match", ""),
        ("previous_match", "N", "N", "match(-1)", "previous match", ""),
        ("text_left", "left", "←", "across(-1)", "half a screen to the left", ""),
        ("text_right", "right", "→", "across(1)", "half a screen to the right; long lines are cut", ""),
        ("text_wrap", "S", "S", "wrap", "wrap long lines, or cut them", "wrap"),
    ),
    "graph": (
        *_moves("graph_", one="task", down="the task below", up="the task above"),
        ("graph_left", "left", "←", "across(-1)", "to a task that it needs", ""),
        ("graph_right", "right", "→", "across(1)", "to a task that needs it", ""),
    ),
    "app": (
        ("help", "question_mark,f1", "?", "help", "the keys of this screen", "help"),
        ("palette", "ctrl+p", "Ctrl+P", "palette", "palette: everything that can be done, by words", ""),
        (
            "goto",
            "colon",
            ":",
            "goto",
            "go to a screen, job 7, task 7, 7, queue NAME; save, rename, delete a view",
            "",
        ),
        ("screen_pulse", "1", "1", "screen('pulse')", "pulse: overview of everything", ""),
        ("screen_jobs", "2", "2", "screen('jobs')", "jobs", ""),
        ("screen_tasks", "3", "3", "screen('tasks')", "tasks", ""),
        ("screen_trouble", "4", "4", "screen('retries')", "retries and dead tasks", ""),
        ("screen_schedules", "5", "5", "screen('schedules')", "schedules: what fires when", ""),
        ("screen_budgets", "6", "6", "screen('budgets')", "budgets: what is spent and left", ""),
        ("screen_queues", "7", "7", "screen('queues')", "pools and queues", ""),
        ("screen_health", "8", "8", "screen('health')", "health: engine, machine, backends", ""),
        ("screen_people", "9", "9", "screen('people')", "people: tasks that wait for them", ""),
        ("screen_orphans", "0", "0", "screen('orphans')", "orphans", ""),
        ("history_back", "left_square_bracket", "[", "history(-1)", "back in the history", ""),
        ("history_forward", "right_square_bracket", "]", "history(1)", "forward in the history", ""),
        ("last_view", "grave_accent", "`", "last_view", "the previous view, and back again", ""),
        ("recall", "apostrophe", "'", "recall", "saved views: apply one (:save NAME saves one)", ""),
        ("search_logs", "L", "L", "search_logs", "search the logs of the chosen tasks or job", ""),
        ("copy", "y", "y", "copy", "copy id, JSON or command line of the row (menu)", ""),
        (
            "export",
            "ctrl+e",
            "Ctrl+E",
            "export",
            "write all rows, the marked ones, or the text to a file",
            "",
        ),
        (
            "jump",
            "J",
            "J",
            "jump",
            "jump from a task to its job, child, needs, dependants; to the parent",
            "",
        ),
        ("watch", "M", "M", "watch", "watch the job: the bell rings when it ends; or not any more", ""),
        ("new_job", "o", "o", "new_job", "new job: pick a workflow, fill in its form", "new"),
        ("repeat", "full_stop", ".", "repeat", "repeat the last verb on the present selection", ""),
        ("undo", "z", "z", "undo", "undo a pause, hold or acknowledgement of the last 10 s", ""),
        ("write", "W", "W", "write", "arm changes for 5 minutes where they are protected, or disarm", ""),
        ("freeze", "Z", "Z", "freeze", "freeze the screen, or unfreeze it", ""),
        ("repaint", "ctrl+l", "Ctrl+L", "repaint", "draw the whole screen again", ""),
        ("suspend", "ctrl+z", "Ctrl+Z", "suspend", "go to the shell; fg comes back", ""),
        ("reload", "ctrl+r,f5", "Ctrl+R", "reload", "reload everything", ""),
        (
            "start_engine",
            "E",
            "E",
            "start_engine",
            "start an engine, take a drain back, or replace one of another version",
            "",
        ),
        ("mouse", "ctrl+o", "Ctrl+O", "mouse", "use the mouse (wheel, rows, titles), or leave it", ""),
        ("theme", "ctrl+t", "Ctrl+T", "next_theme", "next theme", ""),
        ("leave", "q,f10", "q", "leave", "back; from the first screen: leave", "leave"),
    ),
    "list": (
        ("open", "enter", "Enter", "open", "open the row", "open"),
        ("back", "escape,backspace", "Esc", "back", "back: prompt, export, marks, filter, screen", ""),
        ("filter", "slash,f3", "/", "filter", "filter the rows", "filter"),
        ("inspect", "i", "i", "inspect", "show the row in full, or hide it; Tab focuses it", "inspect"),
    ),
    "pulse": (
        ("pulse_open", "enter", "Enter", "open", "open the row", "open"),
        ("pulse_panel", "tab,shift+tab,left,right", "Tab ← →", "panel", "the other panel", "other panel"),
        ("pulse_back", "escape,backspace", "Esc", "back", "back", ""),
    ),
    "families": (("families", "v", "v", "families", "what fails, one row for each family", "families"),),
    "task_by_task": (("task_by_task", "v", "v", "task_by_task", "what fails, task by task", "task by task"),),
    "acknowledge": (
        (
            "acknowledge",
            "s",
            "s",
            "acknowledge",
            "acknowledge a failure family for a time, or take that back",
            "acknowledge",
        ),
    ),
    "pools": (
        ("more_slots", "plus", "+", "resize(1)", "one slot more for the pool (asks)", "slots"),
        ("fewer_slots", "minus", "-", "resize(-1)", "one slot less for the pool (asks)", ""),
        ("raise_rate", "B", "B", "raise_limit", "another maximum for the limit (plan, reason, asks)", ""),
        ("reset_backend", "r", "r", "reset_backend", "let a task try out the backend (asks)", ""),
        ("next_panel", "tab", "Tab", "app.focus_next", "go on: pools, limits, backends, queues", "panel"),
    ),
    "items": (
        ("approve", "a", "a", "approve", "fill in the form of the work item and approve it", "approve"),
        ("deny", "d", "d", "deny", "deny the work item, with a reason", "deny"),
        ("claim", "c", "c", "claim", "claim the work item, or release it", "claim"),
        ("delegate", "D", "D", "delegate", "give the work item to another person", "delegate"),
        ("comment", "m", "m", "comment", "write a remark on the work item", "remark"),
        ("scope", "v", "v", "scope", "show others: open, mine, overdue, all", "others"),
    ),
    "schedules": (
        ("trigger", "T", "T", "trigger", "fire the schedule now (asks)", "trigger"),
        ("pause_schedule", "p", "p", "pause", "pause the schedule, or resume it", "pause"),
        ("skip", "s", "s", "skip", "skip its next time (asks)", "skip next"),
        (
            "backfill",
            "b",
            "b",
            "backfill",
            "fire for times that have no job, since a moment (lists them, asks)",
            "fill in",
        ),
        (
            "add_schedule",
            "a",
            "a",
            "add_schedule",
            "add a schedule; its form shows when it would fire",
            "add",
        ),
        (
            "edit_schedule",
            "e",
            "e",
            "edit_schedule",
            "edit the schedule; what is emptied is taken away from it",
            "edit",
        ),
        ("remove_schedule", "D", "D", "remove", "remove the schedule (plan, reason, asks)", ""),
    ),
    "fires": (
        ("fire_open", "enter", "Enter", "open", "the job of the fire", "job"),
        ("fire_back", "escape,backspace", "Esc", "back", "back", ""),
    ),
    "budgets": (
        ("budget_open", "enter", "Enter", "open", "what was booked on it, newest first", "entries"),
        ("budget_keys", "v", "v", "keys", "all its keys", "keys"),
    ),
    "gauges": (
        ("gauge_open", "enter", "Enter", "open", "what was booked on it, or who waits for the limit", "open"),
    ),
    "entries": (
        ("entry_open", "enter", "Enter", "open", "the task that spent it", "task"),
        ("entry_back", "escape,backspace", "Esc", "back", "back", ""),
    ),
    "money": (
        ("money_back", "escape,backspace", "Esc", "back", "back", ""),
        ("raise", "B", "B", "raise_limit", "raise the budget (plan, reason, asks)", "raise"),
        (
            "freeze_spending",
            "F",
            "F",
            "freeze_spending",
            "stop all spending, or let it go on (plan, reason, asks)",
            "stop spending",
        ),
        ("reconcile", "u", "u", "reconcile", "book unknown amounts (plan, reason, asks)", "book unknown"),
        ("waiting", "w", "w", "waiting", "the tasks that wait for budgets and limits", "who waits"),
    ),
    "health": (
        ("health_open", "enter", "Enter", "open", "what waits for backends, or the events of health", "open"),
        ("health_back", "escape,backspace", "Esc", "back", "back", ""),
        ("look", "T", "T", "look", "look at the backend now", "look now"),
        ("health_breaker", "p", "p", "switch_backend", "open the breaker, or close it (asks)", "breaker"),
        ("health_reset", "r", "r", "reset_backend", "let a task try out the backend (asks)", "reset"),
        ("health_events", "e", "e", "events", "the events of health", "events"),
    ),
    "notices": (
        ("notice_open", "enter", "Enter", "open", "the task or job of the notice", "open"),
        ("notice_back", "escape,backspace", "Esc", "back", "back", ""),
        (
            "notice_status",
            "s",
            "s",
            "status",
            "only one status: waiting, sent, failed, dropped; then all",
            "status",
        ),
        ("notice_test", "T", "T", "way", "how to send a test to where this notice goes", "test"),
    ),
    "times": (("times", "t", "t", "times", "ages, or clock times", ""),),
    "preset": (("preset", "t", "t", "preset", "next of: all, retrying, dead", "all/retrying/dead"),),
    "orphans": (
        ("orphan_open", "enter", "Enter", "open", "open the task", "open"),
        ("orphan_back", "escape,backspace", "Esc", "back", "back by one step: evidence, screen", ""),
        ("orphan_keep", "w", "w", "keep", "keep watching a living orphan", "keep"),
        ("orphan_kill", "X", "X", "kill", "kill a living orphan (plan, reason, asks)", "kill"),
        ("orphan_requeue", "r", "r", "requeue", "queue a lost task again", "requeue"),
        ("orphan_fail", "f", "f", "fail", "fail a lost task (asks)", "fail"),
        ("orphan_logs", "l", "l", "logs", "the output of the task", "log"),
        ("orphan_events", "e", "e", "events", "the events of the task", "events"),
    ),
    "rows": (
        ("sort_left", "less_than_sign", "<", "sort(-1)", "sort by the column to the left", ""),
        ("sort_right", "greater_than_sign", ">", "sort(1)", "sort by the column to the right", ""),
        ("invert", "I", "I", "invert", "reverse the order", ""),
        ("columns", "C", "C", "columns", "choose the columns", ""),
        ("follow_row", "F", "F", "follow_row", "keep the cursor on its row, or at its place", ""),
        ("include", "equals_sign", "=", "include", "only rows with a value of this row (menu)", ""),
        ("exclude", "exclamation_mark", "!", "exclude", "no rows with a value of this row (menu)", ""),
    ),
    "marks": (
        ("mark", "space", "Space", "mark", "mark the row, or unmark it", "mark"),
        ("mark_range", "V", "V", "mark_range", "mark from the last marked row to this one", ""),
        ("mark_all", "asterisk", "*", "mark_all", "mark all that match the filter, loaded or not", ""),
        ("unmark", "U", "U", "unmark", "unmark everything", ""),
    ),
    "view": (("view_back", "escape,backspace,q", "Esc q", "back", "back", "back"),),
    "node": (
        ("node_open", "enter", "Enter", "open", "open the task; unfold or fold a layer", "open"),
        ("node_back", "escape,backspace", "Esc", "back", "back by one step: unfolded layers, screen", ""),
    ),
    "bars": (
        ("bars_open", "enter", "Enter", "open", "open the task", "open"),
        ("bars_back", "escape,backspace", "Esc", "back", "back", "back"),
    ),
    "past": (
        ("past_open", "enter", "Enter", "open", "the tasks of a job then; the history of a task", "open"),
        ("past_back", "escape,backspace", "Esc", "back", "back, from the first of them to now", "back"),
        ("past_status", "s", "s", "status", "only one status of then: the next, then all", "status"),
        ("past_tasks", "a", "a", "all_tasks", "all tasks of then, or the jobs again", "tasks/jobs"),
    ),
    "history": (
        ("history_more", "plus", "+", "noise(1)", "more: each end, each move, each event", "more"),
        ("history_less", "minus", "-", "noise(-1)", "less: down to verdicts, failures, people", "less"),
    ),
    "job_at": (
        ("next_event", "n", "n", "step(1)", "the job after the next event", "next event"),
        ("previous_event", "N", "N", "step(-1)", "the job after the event before", "previous"),
        ("drawn_then", "v", "v", "draw", "the other picture of then", "view"),
    ),
    "job_history": (
        ("job_history", "H", "H", "history", "the story of the job: what happened, how it stood", ""),
    ),
    "compare": (
        ("compare", "c", "c", "compare", "compare two marked jobs, or a job with the run before it", ""),
    ),
    "choose_run": (
        ("run_left", "left", "←", "run(-1)", "the run to the left", ""),
        ("run_right", "right", "→", "run(1)", "the run to the right", ""),
        ("run_job", "J", "J", "run_job", "the job of the chosen run", "job"),
    ),
    "drawn": (("drawn", "v", "v", "draw", "next of: list, graph, timeline", "view"),),
    "artifacts": (("artifacts", "a", "a", "artifacts", "the files that were left for others", ""),),
    "artifact_rows": (
        ("artifact_open", "enter", "Enter", "open", "open the file in $PAGER", "open"),
        ("artifact_task", "i", "i", "task", "the task that left it", "task"),
        ("artifact_back", "escape,backspace", "Esc", "back", "back", "back"),
    ),
    "unfold": (
        (
            "unfold",
            "f",
            "f",
            "unfold",
            "the instances of the group, below it or as a list; fold them up",
            "unfold",
        ),
    ),
    "runs": (("runs", "u", "u", "runs", "the last runs of the workflow, compared", "runs"),),
    "retry": (("retry", "r", "r", "retry", "run ended tasks again (asks)", "retry"),),
    "again": (("again", "R", "R", "again", "retry with edits: a new job from the form of this one", ""),),
    "cancel": (("cancel", "x", "x", "cancel", "cancel (asks)", "cancel"),),
    "kill": (("kill", "X", "X", "kill", "kill running tasks at once (plan, reason, asks)", ""),),
    "purge": (("purge", "D", "D", "purge", "purge what has ended, or its outputs (plan, reason, asks)", ""),),
    "pause": (("pause", "p", "p", "pause", "pause, or resume", "pause"),),
    "hold": (("hold", "h", "h", "hold", "hold a task, or release it", "hold"),),
    "logs": (("logs", "l", "l", "logs", "the output of the task", "log"),),
    "why": (("why", "w", "w", "why", "why it waits, and what would end that", "why"),),
    "events": (("events", "e", "e", "events", "the events of the row", "events"),),
    "bundle": (
        ("bundle", "b", "b", "app.bundle", "incident bundle: all that is known of the job, in one file", ""),
    ),
    "found": (
        ("found_open", "enter,l", "Enter l", "open", "the log at this line", "open"),
        ("found_task", "i", "i", "task", "the task", "task"),
        ("found_search", "slash,f3", "/", "search", "search these logs for something else", "search"),
    ),
    "log": (
        ("follow", "F", "F", "follow", "follow the end, or stop following", "follow"),
        ("older_attempt", "left_curly_bracket", "{", "attempt(-1)", "the attempt before", "older"),
        ("newer_attempt", "right_curly_bracket", "}", "attempt(1)", "the attempt behind", "newer"),
        (
            "next_error",
            "right_parenthesis",
            ")",
            "error(1)",
            "next line that looks like an error",
            "next error",
        ),
        ("previous_error", "left_parenthesis", "(", "error(-1)", "the one before", ""),
        ("line_times", "t", "t", "times", "show when each line came, or not", "times"),
        ("stream", "s", "s", "stream", "where standard error is kept apart: one stream, the other, both", ""),
        ("pager", "vertical_line", "|", "pager", "show the output in $PAGER", "pager"),
        ("editor", "E", "E", "editor", "open the output in $EDITOR", ""),
    ),
}

_MORE = SafeText("…")
"""Stands where more keys are than the line has room for: the help has them all."""
_SCREEN = re.compile(r"screen\('(\w+)'\)")

KEYS: dict[str, tuple[Key, ...]] = {
    part: tuple(
        Key(id=name, keys=keys, shown=shown, action=action, description=description, hint=hint)
        for name, keys, shown, action, description, hint in rows
    )
    for part, rows in _TABLE.items()
}
"""All keys of the console, by the part of the console that has them."""


def bindings(*parts: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """Return the bindings of some parts, each with the id by which a user's keymap may move it."""
    return [
        Binding(key.keys, key.action, key.description, show=False, id=key.id)
        for part in parts
        for key in KEYS[part]
    ]


class Hint(NamedTuple):
    """A key and what it does; a mark has no word."""

    key: SafeText
    word: SafeText


def hints(parts: Iterable[str], width: int) -> list[Hint]:
    """Return keys and words of the hint line: as many as have room in full, the first ones first.

    Each is written as ` key word`, two blanks apart. Where some have no room the last one is a mark.
    """
    keys = [key for part in parts for key in KEYS[part] if key.hint]
    ends = list(accumulate(cells(key.shown) + cells(key.hint) + 3 for key in keys))
    fitting = bisect_right(ends, width + 1)
    if fitting < len(keys):
        fitting = bisect_right(ends, width - 1 - cells(_MORE))
    shown = [Hint(SafeText(key.shown), SafeText(key.hint)) for key in keys[:fitting]]
    return shown if fitting == len(keys) else [*shown, Hint(_MORE, SafeText(""))]


class ScreenKey(NamedTuple):
    """A screen, and the key that opens it."""

    screen: str
    key: Key


def screen_keys() -> Iterator[ScreenKey]:
    """Return the screens that have keys of their own, in the order of the strip of screens."""
    for key in KEYS["app"]:
        if found := _SCREEN.fullmatch(key.action):
            yield ScreenKey(found[1], key)


def shown_keys(key: Key, keymap: Mapping[str, str]) -> str:
    """Return the keys of an action as people read them."""
    return keymap[key.id].replace(",", " ") if key.id in keymap else key.shown
