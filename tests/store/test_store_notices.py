"""Notices follow the history behind cursors; deliveries stay as begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.model.commands.notices import BeginDelivery, ConfigureNotices, DraftNotices, EndDelivery
from core.model.notices import KEPT, Draft, Topic
from core.store.apply import notices
from core.store.verify import verify_path
from tests.support.deck import Deck
from tests.support.factories import task


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    deck = Deck(tmp_path / "taskdeck.db")
    deck.enqueue(*(task(f"t{number}") for number in range(5)))
    deck.do(ConfigureNotices(sinks=("a", "b")))
    return deck


def newest(deck: Deck) -> int:
    return deck.rows("SELECT max(id) FROM event")[0][0]


def draft(event: int, sink: str = "a", about: str | None = None) -> Draft:
    return Draft(sink=sink, topic=Topic.LOST, event=event, at=1, text=f"e{event}", about=about)


def told(deck: Deck, *drafts: Draft, upto: int | None = None) -> bool:
    before = deck.rows("SELECT min(event) FROM notice_cursor")[0][0]
    last = upto or max([before, *(one.event for one in drafts)])
    (answer,) = deck.do(DraftNotices(after=before, upto=last, drafts=drafts))
    return answer


def statuses(deck: Deck) -> list[tuple]:
    return deck.rows("SELECT sink, event, status FROM notice ORDER BY id")


def more_events(deck: Deck, number: int = 3) -> list[int]:
    before = newest(deck)
    deck.enqueue(*(task(f"m{before}-{n}") for n in range(number)))
    return list(range(before + 1, before + number + 1))


def test_a_new_sink_hears_of_nothing_before_it(deck: Deck):
    assert deck.rows("SELECT sink, event FROM notice_cursor") == [("a", newest(deck)), ("b", newest(deck))]
    told(deck, draft(1), upto=newest(deck))
    assert statuses(deck) == []
    (event, *_) = more_events(deck)
    deck.do(ConfigureNotices(sinks=("a", "c")))
    told(deck, draft(event), draft(event, "c"), draft(event, "b"), upto=newest(deck))
    assert statuses(deck) == [("a", event, "waiting")]


def test_an_event_is_told_once_whoever_looks_again(deck: Deck):
    first, second, _ = more_events(deck)
    assert told(deck, draft(first), draft(first, "b"))
    # As an engine does that was killed before it knew of the commit.
    assert told(deck, draft(first), draft(second), upto=second)
    assert not told(deck, draft(first), upto=first - 1)
    assert statuses(deck) == [("a", first, "waiting"), ("b", first, "waiting"), ("a", second, "waiting")]


def test_a_sink_that_came_later_is_not_put_back_by_a_look_for_others(deck: Deck):
    first, _, third = more_events(deck)
    deck.do(ConfigureNotices(sinks=("a", "c")))
    told(deck, draft(first), draft(first, "c"), upto=first)
    assert deck.rows("SELECT sink, event FROM notice_cursor ORDER BY sink") == [("a", first), ("c", third)]
    assert statuses(deck) == [("a", first, "waiting")]


def test_a_sink_has_one_notice_about_a_thing(deck: Deck):
    first, second, third = more_events(deck)
    told(deck, draft(first, about="family:x"), draft(second, about="family:x"), draft(third, "b", "family:x"))
    assert statuses(deck) == [("a", first, "waiting"), ("b", third, "waiting")]


def test_a_delivery_keeps_its_notices_and_number_until_it_has_ended(deck: Deck):
    first, second, third = more_events(deck)
    told(deck, draft(first), draft(second))
    (begun,) = deck.do(BeginDelivery(sink="a"))
    told(deck, draft(third))
    (again,) = deck.do(BeginDelivery(sink="a"))
    assert (begun.number, begun.tries, begun.count) == (again.number, 1, 2)
    assert [one.event for one in again.notices] == [first, second]
    assert again.tries == 2
    deck.do(EndDelivery(number=again.number, sink="a", error="no", again_at=9))
    assert deck.rows("SELECT due_at, error, status FROM notice WHERE event = ?", first) == [
        (9, "no", "waiting")
    ]
    deck.do(EndDelivery(number=again.number, sink="a"))
    assert statuses(deck) == [("a", first, "sent"), ("a", second, "sent"), ("a", third, "waiting")]
    (following,) = deck.do(BeginDelivery(sink="a"))
    assert (following.number, [one.event for one in following.notices]) == (again.number + 1, [third])
    deck.do(EndDelivery(number=following.number, sink="a", error="gone"))
    assert statuses(deck)[-1] == ("a", third, "failed")
    # An end that comes late changes nothing and is not told.
    deck.do(EndDelivery(number=following.number, sink="a"))
    assert statuses(deck)[-1] == ("a", third, "failed")
    assert [event[0] for event in deck.rows("SELECT kind FROM event WHERE kind GLOB 'notice.*'")] == [
        "notice.sent",
        "notice.failed",
    ]
    (nothing,) = deck.do(BeginDelivery(sink="a"))
    assert nothing is None
    assert verify_path(deck.path) == ()


def test_what_waits_for_a_sink_that_is_gone_is_dropped(deck: Deck):
    (event, *_) = more_events(deck)
    told(deck, draft(event), draft(event, "b"))
    deck.do(ConfigureNotices(sinks=("b",)))
    assert statuses(deck) == [("a", event, "dropped"), ("b", event, "waiting")]
    deck.do(ConfigureNotices(sinks=()))
    (answer,) = deck.do(DraftNotices(after=0, upto=newest(deck), drafts=(draft(event, "b"),)))
    assert not answer
    assert statuses(deck)[1:] == [("b", event, "dropped")]


def test_old_notices_that_ended_are_forgotten_and_those_that_wait_are_not(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notices, "_FORGET", notices._FORGET.replace(str(KEPT), "1"))
    events = more_events(deck)
    told(deck, draft(events[0], "b"), draft(events[1]), draft(events[2]))
    (begun,) = deck.do(BeginDelivery(sink="a"))
    deck.do(EndDelivery(number=begun.number, sink="a"))
    assert statuses(deck) == [("b", events[0], "waiting"), ("a", events[2], "sent")]


def test_the_doctor_sees_cursors_and_deliveries_that_cannot_be(deck: Deck):
    first, second, _ = more_events(deck)
    told(deck, draft(first), draft(second, "b"))
    deck.db.execute("UPDATE notice_cursor SET event = ? WHERE sink = 'a'", (newest(deck) + 1,))
    deck.db.execute("UPDATE notice_cursor SET event = 0 WHERE sink = 'b'")
    deck.db.execute("UPDATE notice SET delivery = 1")
    assert {finding.code for finding in verify_path(deck.path)} == {
        "notice.ahead",
        "notice.unseen",
        "notice.split",
    }
