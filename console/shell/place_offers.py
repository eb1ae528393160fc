"""What the place prompt offers for what is typed.

Used by the place prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from console.dialogs.finder import Offer
from console.navigation.saved_views import View
from console.shell.deck_orders import known_offers
from core.model.decks import KnownDeck
from core.model.text import SafeText, safe_line

_FORMS = (
    ("job ", "job 27: the page of a job"),
    ("graph ", "graph 27: a job as a graph"),
    ("history ", "history 27: the story of a job"),
    ("task ", "task 27: the page of a task"),
    ("log ", "log 27: the output of a task"),
    ("why ", "why 27: why a task waits"),
    ("at ", "at 02:10: jobs and tasks as of an earlier time (yesterday 02:10, -2h)"),
    ("queue ", "queue NAME: the tasks of a queue"),
    ("schedule ", "schedule NAME: a schedule and what became of its times"),
    ("budget ", "budget NAME: the gauges of a budget or limit, by key"),
    ("pools", "pools: slots, limits and queues"),
    ("save ", "save NAME: keep the present filter as a view"),
    ("rename ", "rename NAME NEW: give a view another name"),
    ("delete ", "delete NAME: delete a view"),
    ("new", "new job: pick a workflow"),
    ("home ", "home DIR: go to another data directory of this machine; alone: pick one"),
    ("host ", "host USER@BOX [DIR]: go to another machine, through ssh; alone: pick one"),
)
"""What can be typed besides the name of a screen; a space at the end asks for more."""
_VIEW_ORDERS = ("rename ", "delete ", "save ")


@dataclass(slots=True, kw_only=True)
class KnownPlaces:
    """What the prompt knows: all of it is offered in this order."""

    roots: Sequence[str]
    views: Mapping[str, View] = field(default_factory=dict)
    typed_before: Sequence[str] = ()
    """The newest first."""
    queues: Sequence[str] = ()
    decks: Sequence[KnownDeck] = ()
    """Homes and hosts that were open before."""


def place_offers(known: KnownPlaces, typed: str) -> list[Offer]:
    """Return what begins with what is typed; for nothing, what was typed before and then everything."""
    wanted = typed.lstrip().lower()
    before = [_plain(text, "typed before") for text in known.typed_before]
    others = list(_all(known, wanted))
    unique: dict[str, Offer] = {}
    for offer in [*others, *before] if wanted else [*before, *others]:
        if offer.text.lower().startswith(wanted):
            unique.setdefault(offer.text, offer)
    return list(unique.values())


def view_offers(views: Mapping[str, View], typed: str) -> list[Offer]:
    """Return the views whose name or filter holds what is typed, those that begin with it first."""
    wanted = typed.strip().removeprefix("'").lower()
    found = [
        Offer(text=name, title=safe_line(name), note=_about(view))
        for name, view in sorted(views.items())
        if wanted in name.lower() or wanted in view.filter.lower()
    ]
    return sorted(found, key=lambda offer: not offer.text.lower().startswith(wanted))


def _all(known: KnownPlaces, typed: str) -> Iterator[Offer]:
    yield from (_plain(root, "screen") for root in known.roots)
    yield from (_plain(text, note) for text, note in _FORMS)
    for name, view in sorted(known.views.items()):
        yield Offer(text=f"'{name}", title=safe_line(f"'{name}"), note=_about(view))
    order = next((word for word in _VIEW_ORDERS if typed.startswith(word)), "")
    if order:
        for name, view in sorted(known.views.items()):
            yield Offer(text=f"{order}{name}", title=safe_line(f"{order}{name}"), note=_about(view))
    yield from known_offers(known.decks)
    yield from (_plain(f"queue {name}", "the tasks of a queue") for name in known.queues)


def _plain(text: str, note: str) -> Offer:
    return Offer(text=text, title=safe_line(text.rstrip()), note=safe_line(note))


def _about(view: View) -> SafeText:
    return safe_line(f"{view.root}: {view.filter or 'everything'}")
