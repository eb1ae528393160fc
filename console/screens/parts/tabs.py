"""Tabs: the screens of the strip, and what wants attention there.

Used by the base of screens.
"""

from __future__ import annotations

from console.desk import Desk
from console.feed import Pulse
from console.key_table import screen_keys, shown_keys
from console.widgets.head import Tab
from core.model.text import SafeText, safe_line

_THOUSAND = 10_000
_NAMES = {"queues": SafeText("Pools+Queues")}
_SHORT = {
    "retries": SafeText("Retry"),
    "schedules": SafeText("Sched"),
    "budgets": SafeText("Money"),
    "queues": SafeText("Pools"),
    "health": SafeText("Hlth"),
    "people": SafeText("Ppl"),
    "orphans": SafeText("Lost"),
}


def tabs_of(pulse: Pulse, desk: Desk, *, present: str) -> list[Tab]:
    """Return the screens with keys, and the present one if it has none."""
    people = pulse.people
    wants = {
        "tasks": ("held", pulse.tasks.get("held", 0)),
        "retries": ("failed", pulse.news),
        "budgets": ("held", 1) if pulse.is_frozen else ("failed", pulse.spent),
        "queues": ("paused", pulse.paused + pulse.paused_pools),
        "people": ("failed", people.overdue) if people.overdue else ("waiting", people.mine),
        "orphans": ("lost", pulse.lost),
    }
    tabs = {}
    for root, key in screen_keys():
        status, count = wants.get(root, ("", 0))
        mark = desk.look.marks.get(status)
        tabs[root] = Tab(
            key=safe_line(shown_keys(key, desk.keymap)),
            name=_NAMES.get(root, SafeText(root.capitalize())),
            short=_SHORT.get(root, SafeText("")),
            is_present=root == present,
            note=safe_line(f"{mark.glyph}{_short(count)}") if mark and count else SafeText(""),
            note_style=mark.color if mark else "",
        )
    if present and present not in tabs:
        tabs[present] = Tab(key=SafeText(""), name=safe_line(present.capitalize()), is_present=True)
    return list(tabs.values())


def _short(count: int) -> str:
    return f"{count:,}" if count < _THOUSAND else f"{count // 1_000:,}k"
