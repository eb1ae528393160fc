"""Tests of going to other homes and hosts, on steered decks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from console.decks import Decks
from console.engine_lifecycle.starters import DialedEngine
from console.memory import Memory
from console.shell.app import ConsoleApp, ConsoleOptions
from console.shell.deck_orders import parse_deck
from core.files.known_decks import MOST, KnownDecks
from core.model.decks import DeckName, DeckSight, DeckState, KnownDeck
from core.model.errors import Invalid, Unavailable
from tests.console.support_console import HOSTILE, Operator, console
from tests.console.support_fake_control import FakeControl

HERE = DeckName(home="/srv/here")
OTHER = DeckName(home="/srv/other one")
BOX = DeckName(host="ops@box", home="/srv/deck")
DEAD = DeckName(host="dead")
SLOW = DeckName(host="slow")


class SteeredDecks(Decks):
    """Knows four decks; BOX is looked at for as long as the test wants, DEAD refuses, SLOW never answers."""

    present = HERE

    def __init__(self) -> None:
        self.names = [HERE, OTHER, BOX, DEAD]
        self.found = asyncio.Event()
        self.done: list[str] = []

    def known(self) -> Sequence[KnownDeck]:
        return [KnownDeck(name=name, used_at=0) for name in self.names]

    def note_used(self) -> None:
        self.done.append("noted")

    def forget(self, name: DeckName) -> bool:
        self.done.append(f"forgot {name.text}")
        return True

    def named(self, home: str, *, host: str) -> DeckName:
        return DeckName(home=home, host=host)

    async def look(self, name: DeckName) -> DeckSight:
        if name == BOX:
            await self.found.wait()
            return DeckSight(state=DeckState.ANSWERS, note=HOSTILE)
        if name == DEAD:
            return DeckSight(state=DeckState.UNREACHABLE, note="no answer within 4 s")
        return DeckSight(state=DeckState.NO_ENGINE)

    async def open(self, name: DeckName) -> None:
        if name == DEAD:
            raise Unavailable(
                "host.unreachable", "ssh cannot reach dead: \x1b[31m", hint="try: ssh dead true"
            )
        if name == SLOW:
            await asyncio.Event().wait()
        self.done.append(f"opened {name.text}")

    async def close_opened(self) -> None:
        self.done.append("closed")


def app_of(control: FakeControl, decks: Decks | None) -> ConsoleApp:
    return ConsoleApp(control, ConsoleOptions(tick=0, starter=DialedEngine(), deck=HERE, decks=decks))


async def test_the_picker_tells_how_each_deck_does_as_that_comes_forgets_and_goes_to_the_one_before() -> None:
    decks = SteeredDecks()
    app = app_of(FakeControl(), decks)
    async with app.run_test(size=(120, 24)) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("Pulse")
        await operator.press("colon", *"home", "enter")
        await operator.sees(
            "/srv/other one", "no engine", "looking ...", "unreachable: no answer", "this one is open"
        )
        await operator.press("escape")
        await operator.press("ctrl+p", *"other machine")
        await operator.sees("switch to another home or host")
        await operator.press("enter")
        decks.found.set()
        await operator.sees("answers: ␛[31mred", "ops@box:/srv/deck")
        await operator.press("down", "delete")
        await operator.misses("ops@box:/srv/deck")
        await operator.press("up", "enter")
        await operator.until(lambda: app._exit, "the console did not go on")
    assert decks.done == ["noted", "forgot ops@box:/srv/deck", "opened /srv/other one"]


async def test_a_connection_that_is_given_up_for_another_one_is_told() -> None:
    app = app_of(FakeControl(), SteeredDecks())
    async with app.run_test(size=(140, 24)) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("Pulse")
        await operator.press("colon", *"host slow", "enter")
        await operator.hears("connecting to slow")
        await operator.press("colon", *"home", "enter")
        await operator.hears("connecting to slow was given up; still connected to")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("host dead", "ssh cannot reach dead: ␛[31m; try: ssh dead true; still connected to /srv/here"),
        ("host -oProxyCommand=x", "is not a host"),
        ("host box a b", "write: host USER@BOX [DIR there]"),
        ("home /srv/here", "/srv/here is open already"),
    ],
)
async def test_what_cannot_be_reached_is_told_and_the_console_stays(typed: str, told: str) -> None:
    decks = SteeredDecks()
    app = app_of(FakeControl(), decks)
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.press("2", "colon")
        await operator.type(typed)
        await operator.press("enter")
        await operator.hears(told)
        await operator.sees(" Jobs")
        assert not app._exit
    assert not [what for what in decks.done if what.startswith("opened")]


@pytest.mark.parametrize(("answer", "leaves"), [("d", True), ("n", False), ("escape", False)])
async def test_going_away_from_work_asks_as_leaving_does(answer: str, leaves: bool) -> None:
    control, decks = FakeControl(), SteeredDecks()
    control.add_task(control.add_job(), status="running")
    app = app_of(control, decks)
    async with app.run_test(size=(120, 24)) as pilot:
        operator = Operator(app, pilot)
        await operator.press("2", "colon", *"host ops@box", "enter")
        await operator.sees("Work is under way")
        await operator.press(answer)
        await operator.until(lambda: app._exit or "closed" in decks.done, "nothing was decided")
        assert app._exit is leaves
    # What was opened beside it is closed where the operator stays.
    assert decks.done == ["noted", "opened ops@box", *([] if leaves else ["closed"])]
    assert control.asked == []


async def test_known_decks_complete_behind_the_colon_and_an_embedded_console_says_why_not() -> None:
    app = app_of(FakeControl(), SteeredDecks())
    async with app.run_test(size=(120, 24)) as pilot:
        operator = Operator(app, pilot)
        await operator.press("colon", *"host op")
        await operator.sees("host ops@box /srv/deck")
        await operator.press("escape", "colon", *"home '/srv/o")
        await operator.sees("home '/srv/other one'")
        await operator.press("escape")
    async with console(FakeControl()) as operator:
        await operator.press("colon", *"home /x", "enter")
        await operator.hears("runs its own engine")


def test_names_are_read_as_a_shell_reads_them() -> None:
    def names(text: str) -> tuple[str, ...]:
        order = parse_deck(text)
        assert order is not None
        return order.names

    assert names("home /srv/a b") == ("/srv/a b",)
    assert names("home '/srv/a b'") == ("/srv/a b",)
    assert names("home /it's") == ("/it's",)
    assert names("HOST box '/a b'") == ("box", "/a b")
    assert names(OTHER.order) == (OTHER.home,)
    assert names(BOX.order) == (BOX.host, BOX.home)
    assert parse_deck("hosts") is None
    with pytest.raises(Invalid):
        parse_deck("home ''")


def test_known_decks_are_bounded_the_newest_first_and_nonsense_is_passed_over(tmp_path: Path) -> None:
    known = KnownDecks(tmp_path, operator="ana")
    for number in range(MOST + 2):
        known.note(KnownDeck(name=DeckName(home=f"/{number}"), used_at=number))
    known.note(KnownDeck(name=DeckName(home="/5"), used_at=MOST + 9))
    assert [deck.name.home for deck in known.all()][:2] == ["/5", f"/{MOST + 1}"]
    assert len(known.all()) == MOST
    assert known.forget(DeckName(home="/5"))
    assert not known.forget(DeckName(home="/5"))
    assert KnownDecks(tmp_path, operator="bob").all() == ()
    assert known.file is not None
    good = {"home": "/a", "host": "", "used_at": 1}
    odd = [
        {**good, "home": "a"},
        {**good, "host": "-x"},
        {**good, "used_at": True},
        {**good, "home": 7},
        [],
        1,
    ]
    known.file.write_text(json.dumps([*odd, good]))
    assert [deck.name.home for deck in known.all()] == ["/a"]
    known.file.write_text("[" * 100_000)
    assert known.all() == ()


def test_the_habits_of_each_host_are_its_own_and_not_those_of_this_machine(tmp_path: Path) -> None:
    names = [
        None,
        HERE,
        BOX,
        DeckName(host="ops@box"),
        DeckName(host="decks"),
        DeckName(host="b", home="/x" * 99),
    ]
    names += [DeckName(host="b", home="/x" * 99 + "y")]
    files = [Memory(tmp_path, operator="ana", deck=name).file for name in names]
    assert files[0] == files[1]
    assert len({*files, KnownDecks(tmp_path, operator="ana").file}) == len(files)
