"""Lists that were cut, and searches that end early."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import events, lists
from core.cli.arguments import Remote
from core.cli.reading import reading
from core.cli.targets import count
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.store.reports.paging import search
from tests.store.deck import Deck, task

SEARCHED = 3


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of eight tasks, of which the first alone is called `rare`."""
    monkeypatch.setattr(search, "SCAN_LIMIT", SEARCHED)
    deck = Deck(tmp_path / "taskdeck.db")
    deck.loose(*(task("rare" if n == 0 else f"k{n}") for n in range(8)))
    deck.end(*deck.claim(1))
    deck.loose(*(task(f"n{n}") for n in range(4)))
    deck.close()
    return tmp_path


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("json_", [False, True])
async def test_a_list_that_was_cut_by_its_order_says_so(
    home: Path, capsys: pytest.CaptureFixture[str], limit: int | None, json_: bool
) -> None:
    await lists.tasks(lists.Listing(home=home, where="sort:-key", limit=limit, json=json_))
    out, err = capsys.readouterr()
    assert len(out.splitlines()) - (not json_) == (limit or SEARCHED)
    assert err.splitlines()[0] == "sorted only the newest 3 tasks; 'sort:id' lists all"


@pytest.mark.parametrize("where", ["key:rare", "key:rare sort:age"])
async def test_a_search_by_id_goes_through_all_rows(
    home: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    await lists.tasks(lists.Listing(home=home, where=where, json=True))
    out, err = capsys.readouterr()
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1]
    assert err == ""


async def test_events_are_searched_to_the_end(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await events.events(events.Events(home=home, where="kind:task.succeeded", json=True))
    out, _ = capsys.readouterr()
    assert [json.loads(line)["task"] for line in out.splitlines()] == [1]


async def test_a_verb_counts_all_that_it_will_act_on(home: Path) -> None:
    async with reading(Remote(home=home)) as deck:
        assert await count(deck, [Target(filter=parse("sort:key", Noun.TASKS))]) == 12
