"""Entries of the palette, and how a text finds them.

Used by the palette.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from textual.dom import DOMNode
from textual.fuzzy import Matcher

from console.key_table import KEYS, Key, shown_keys
from console.palette_words import ACTION_WORDS, PLACE_WORDS
from console.screens.base import DeskScreen
from console.screens.list_screen import ListScreen
from console.shell.places import ROOTS, names_with
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

_VERBS = ("retry", "cancel", "pause", "hold", "kill")
"""The parts of the key table whose actions act on marked rows."""
_NOT_OFFERED = ("move", "half", "page", "first", "last", "across", "screen", "palette")
"""Actions that only move, that places stand for, or that lead here."""
_BY_WORDS = 2.0
_WORD = re.compile(r"\w[\w-]*|[^\w\s]")
_WITHOUT_KEY = (
    (
        "app.type_place('at ')",
        "jobs and tasks as of an earlier time",
        "past history before yesterday travel back night at",
    ),
    ("app.quit", "quit: leave the console, from any screen", "exit close logout bye leave end"),
    ("app.type_place('save ')", "save this filter as a view", "bookmark store keep"),
    ("app.type_place('rename ')", "rename a saved view", "bookmark change name"),
    (
        "app.switch_deck('home')",
        "switch to another home or host",
        "connect reconnect other machine server remote ssh directory change open data deck",
    ),
    ("app.type_place('delete ')", "delete a saved view", "bookmark remove forget"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the palette, and the action that it runs."""

    title: SafeText
    action: str
    words: str = ""
    """Other words that find it."""
    keys: str = ""
    node: DOMNode | None = None
    """The widget that has the action; None = the screen."""
    reason: SafeText = SafeText("")
    """Why it cannot be done now; '' = it can."""


def entries_of(screen: DeskScreen | None, focused: DOMNode | None) -> tuple[Entry, ...]:
    """Return all entries: what can be done here and now first, what cannot last; each title once."""
    entries = [*_actions(screen, focused), *_places()]
    if screen is not None:
        entries += [*_views(screen), *_themes(screen), *_elsewhere(screen)]
    unique: dict[SafeText, Entry] = {}
    for entry in entries:
        unique.setdefault(entry.title, entry)
    return tuple(sorted(unique.values(), key=lambda entry: bool(entry.reason)))


def found(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """Return the entries that a text finds, the best first.

    Whole words come before beginnings of words, those before single letters in order; among equals what can
    be done now comes first.
    """
    wanted = _words(typed)
    if not wanted:
        return list(entries)
    matcher = Matcher(typed.strip())
    key = typed.strip()
    ranked = [(7.0 if entry.keys == key else _rank(entry, wanted, matcher), entry) for entry in entries]
    # Single letters in order are found nearly everywhere: they count where no word is found.
    least = _BY_WORDS if any(rank >= _BY_WORDS for rank, _ in ranked) else 0.01
    return [entry for rank, entry in sorted(ranked, key=lambda pair: -pair[0]) if rank >= least]


def _rank(entry: Entry, wanted: Sequence[str], matcher: Matcher) -> float:
    title, more = _words(entry.title), _words(entry.words)
    now = 0.0 if entry.reason else 0.5
    if title[: len(wanted)] == list(wanted):
        return 5 + now
    if all(word in title or word in more for word in wanted):
        return (4 if all(word in title for word in wanted) else 3) + now
    if all(any(known.startswith(word) for known in (*title, *more)) for word in wanted):
        return _BY_WORDS + now
    match = matcher.match(entry.title)
    return match / (match + 1) / 2 + now if match > 0 else 0


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _actions(screen: DeskScreen | None, focused: DOMNode | None) -> Iterator[Entry]:
    marked = " - acts on the marks" if isinstance(screen, ListScreen) and screen.picker.marks else ""
    for part in (*(screen.parts() if screen else ()), "app"):
        for key in _offered(KEYS[part]):
            name = key.action.partition("(")[0]
            is_readers = screen is not None and part == screen.READER
            yield Entry(
                title=safe_line(f"{key.description}{marked if part in _VERBS else ''}"),
                action=f"app.{key.action}" if part == "app" else key.action,
                words=_words_of(key),
                keys=key.shown if screen is None else shown_keys(key, screen.desk.keymap),
                node=focused if is_readers else None,
                reason=SafeText("") if screen is None else screen.why_not(name),
            )
    for action, title, words in _WITHOUT_KEY:
        yield Entry(title=SafeText(title), action=action, words=words)


def _elsewhere(screen: DeskScreen) -> Iterator[Entry]:
    """Return the actions that only other screens have, with where they are."""
    here = {key.action for part in (*screen.parts(), "app") for key in KEYS[part]}
    alike: dict[str, list[tuple[str, Key]]] = {}
    for part, keys in KEYS.items():
        for key in _offered(keys):
            if key.action not in here:
                alike.setdefault(key.description, []).append((part, key))
    for title, found_in in alike.items():
        places = dict.fromkeys(name for part, _ in found_in for name in names_with(part))
        if places:
            yield Entry(
                title=safe_line(title),
                action=found_in[0][1].action,
                words=" ".join(_words_of(key) for _, key in found_in),
                keys=shown_keys(found_in[0][1], screen.desk.keymap),
                reason=safe_line(f"it is a key of: {', '.join(places)}"),
            )


def _places() -> Iterator[Entry]:
    keys = {key.action: key.shown for key in KEYS["app"]}
    for root in ROOTS:
        action = f"screen({root!r})"
        yield Entry(
            title=safe_line(f"screen: {root}"),
            action=f"app.{action}",
            words=PLACE_WORDS.get(root, ""),
            keys=keys.get(action, f":{root}"),
        )


def _views(screen: DeskScreen) -> Iterator[Entry]:
    try:
        names = sorted(screen.desk.views.all())
    except TaskdeckError:
        # Shown when a view is asked for; here it would only be in the way.
        return
    for name in names:
        place = f"'{name}"
        yield Entry(title=safe_line(f"saved view: {name}"), action=f"app.go({place!r})", words="filter")


def _themes(screen: DeskScreen) -> Iterator[Entry]:
    for name in screen.desk.looks:
        yield Entry(
            title=safe_line(f"theme: {name}"), action=f"app.use_theme({name!r})", words="colours colors"
        )


def _offered(keys: Iterable[Key]) -> Iterator[Key]:
    return (key for key in keys if key.action.partition("(")[0] not in _NOT_OFFERED)


def _words_of(key: Key) -> str:
    return f"{key.id.replace('_', ' ')} {ACTION_WORDS.get(key.id, '')}"
