"""Tests of protected homes: changes only when armed and confirmed by count."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console import launch
from console.engine_lifecycle.starters import EmbeddedEngine, SpawnedEngine
from console.feed import Feed
from console.key_table import KEYS
from console.protection.gate import ARMED_SECONDS, PROTECTED, READ_ONLY, WRITABLE, Gate
from console.protection.guard import HARMLESS, GuardedControl
from console.screens.base import DeskScreen
from console.sessions.flags import read_flags
from console.shell.app import ConsoleApp, ConsoleOptions
from console.shell.places import ROOTS
from console.verbs.reasons import CHANGES
from console.verbs.tiers import Tier, Verb, tier_of
from core.control.all_verbs import VERBS
from core.control.api import Kind, Request, StopMode
from core.control.requests import verb_of
from core.model.errors import Bug, Conflict, Unavailable
from core.model.orphans import OrphanKind
from core.model.records import replace
from tests.console.support_console import Operator
from tests.console.support_fake_control import INFO, FakeControl
from tests.support.requests import request_of_kind

GUARDED = replace(INFO, protected=True, home="/srv/prod")
CHANGING = {verb.name: request for request, verb in VERBS.items() if verb.kind is Kind.CHANGE}
"""The requests that change something, by the name of their verb."""


class Unlisted(Request[None]):
    """A request that was forgotten in the table."""


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Landlady(SpawnedEngine):
    """Starts nothing, but counts how often it should."""

    def __init__(self) -> None:
        super().__init__([], Path("/dev/null"))
        self.starts = 0

    def start(self) -> None:
        self.starts += 1


def stocked(*, protected: bool = True) -> FakeControl:
    """Return a control with a row for each verb: task 1 failed, 2 queued, 3 an orphan, 4 lost."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "parse", status="failed")
    control.add_task(job, "load", status="queued")
    control.add_task(job, "train", status="running")
    control.add_task(job, "send", status="held")
    control.add_orphan(3, pids=(4711,), commands=("sleep 1000",))
    control.add_orphan(4, kind=OrphanKind.LOST)
    control.engine = GUARDED if protected else INFO
    return control


@asynccontextmanager
async def opened(control: FakeControl, clock: Seconds | None = None, *, at: str = "2", **more):
    app = ConsoleApp(control, ConsoleOptions(tick=0, clock=clock or Seconds(), **more))
    async with app.run_test(size=(120, 40)) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("help")
        await operator.press(at)
        await operator.quiet()
        yield operator


async def arm(operator: Operator) -> None:
    await operator.press("W")
    await operator.sees("/srv/prod is protected: arm changes for 5 minutes? [y/N]")
    await operator.press("y")
    await operator.sees("WRITE 05:00")


def age(operator: Operator) -> None:
    operator.app.updates._aged_at = 0.0
    operator.app.updates.age()


def watch(control: FakeControl, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where the names of all changes will stand that reach a control."""
    reached: list[str] = []

    async def reach(request: Request[object]) -> None:
        reached.append(verb_of(request).name)

    for name in CHANGING:
        monkeypatch.setattr(control, f"answer_{name}", reach)
    return reached


def request_of(name: str) -> Request[object]:
    """Return a request that changes something; what it says of the change does not matter to the guard."""
    return request_of_kind(CHANGING[name])


async def gate_on(control: FakeControl, *, read_only=WRITABLE) -> tuple[Feed, Gate]:
    feed = Feed(control)
    await feed.ask()
    return feed, Gate(feed, read_only=read_only, clock=Seconds())


def test_what_can_be_changed_is_all_that_is_not_known_to_be_harmless() -> None:
    assert set(Kind) - HARMLESS == {Kind.CHANGE}
    assert {"submit", "enqueue", "cancel", "retry", "pause", "hold", "fail", "stop_engine"} < set(CHANGING)
    assert {"kill", "keep_orphans", "kill_orphans", "resume", "unhold"} < set(CHANGING)


@pytest.mark.parametrize("read_only", [WRITABLE, READ_ONLY], ids=["protected", "flag"])
@pytest.mark.parametrize("name", CHANGING)
async def test_no_change_reaches_the_control_while_it_is_read_only(monkeypatch, name, read_only) -> None:
    control = stocked(protected=not read_only)
    reached = watch(control, monkeypatch)
    feed, gate = await gate_on(control, read_only=read_only)
    with pytest.raises(Conflict) as caught:
        await GuardedControl(control, feed, gate).ask(request_of(name))
    assert (caught.value.code, caught.value.message) == ("console.read_only", read_only or PROTECTED)
    assert reached == []


@pytest.mark.parametrize("protected", [True, False])
async def test_a_request_that_the_table_does_not_have_reaches_no_control(monkeypatch, protected) -> None:
    control = stocked(protected=protected)
    asked: list[Request[object]] = []

    async def ask(request: Request[object]) -> None:
        asked.append(request)

    feed, gate = await gate_on(control)
    monkeypatch.setattr(control, "ask", ask)
    with pytest.raises(Bug) as caught:
        await GuardedControl(control, feed, gate).ask(Unlisted())
    assert (caught.value.code, asked) == ("request.unknown", [])


@pytest.mark.parametrize("name", CHANGING)
async def test_every_change_reaches_the_control_when_armed_or_not_protected(monkeypatch, name) -> None:
    for protected in (True, False):
        control = stocked(protected=protected)
        reached = watch(control, monkeypatch)
        feed, gate = await gate_on(control)
        if protected:
            gate.arm()
        await GuardedControl(control, feed, gate).ask(request_of(name))
        assert reached == [name]


async def test_reading_is_never_asked_for() -> None:
    control = stocked()
    feed, gate = await gate_on(control, read_only=READ_ONLY)
    safe = GuardedControl(control, feed, gate)
    assert (await safe.status()).protected
    assert [job.name for job in (await safe.jobs()).rows] == ["nightly"]
    assert len(await safe.orphans.all()) == 2


async def test_an_engine_that_nobody_knows_yet_is_asked_before_it_is_changed(monkeypatch) -> None:
    control = stocked()
    reached = watch(control, monkeypatch)
    feed, gate = await gate_on(control)
    control.engine = None
    await feed.ask()
    safe = GuardedControl(control, feed, gate)
    with pytest.raises(Unavailable):
        await safe.stop_engine()
    control.engine = GUARDED
    with pytest.raises(Conflict):
        await safe.stop_engine()
    assert reached == []
    control.engine = INFO
    await safe.stop_engine()
    assert reached == ["stop_engine"]


@pytest.mark.parametrize("verb", Verb)
def test_where_changes_had_to_be_armed_each_asks_for_its_count_but_a_plan_stays_a_plan(verb) -> None:
    assert tier_of(verb, 1, bounded=0) is (Tier.PLAN if tier_of(verb, 1) is Tier.PLAN else Tier.TYPE)


async def test_a_gate_is_open_for_five_minutes_of_its_clock() -> None:
    clock, control = Seconds(), stocked()
    feed = Feed(control)
    gate = Gate(feed, clock=clock)
    assert (gate.refusal, gate.status_word) == ("", "")
    await feed.ask()
    assert (gate.refusal, gate.status_word) == (PROTECTED, "READ-ONLY")
    gate.arm()
    clock.now += 0.5
    assert (gate.refusal, gate.status_word, gate.bounded()) == ("", "WRITE 05:00", 0)
    clock.now += ARMED_SECONDS - 1
    assert (gate.refusal, gate.status_word) == ("", "WRITE 00:01")
    clock.now += 0.5
    assert (gate.refusal, gate.status_word, gate.armed_seconds) == (PROTECTED, "READ-ONLY", 0)


def keys_that_change(screen: DeskScreen) -> list[str]:
    """Return the keys, in Textual's names, of all actions of a screen that change something."""
    wanted = (*CHANGES, "requeue")
    parts = (*screen.parts(), "app")
    keys = [key for part in parts for key in KEYS[part] if key.action.partition("(")[0] in wanted]
    return sorted({key.keys.partition(",")[0] for key in keys})


@pytest.mark.parametrize(
    ("places", "read_only"), [([*ROOTS], WRITABLE), (["jobs"], READ_ONLY)], ids=["protected", "flag"]
)
async def test_on_every_screen_the_keys_that_change_say_why_they_do_nothing(places, read_only) -> None:
    control = stocked(protected=not read_only)
    async with opened(control, read_only=read_only) as operator:
        for place in places:
            await operator.app.run_action(f"app.screen({place!r})")
            await operator.quiet()
            await operator.sees("READ-ONLY")
            screen = operator.app.screen
            assert isinstance(screen, DeskScreen)
            operator.told.clear()
            for key in keys_that_change(screen):
                await operator.press(key)
                assert operator.app.screen is screen, f"{key} opens something on {place}"
            await operator.quiet()
            await operator.hears(read_only or PROTECTED)
            assert {screen.why_not(action) for action in CHANGES} >= {read_only or PROTECTED}, place
    assert control.asked == []


async def test_a_new_job_is_greyed_by_name_too() -> None:
    async with opened(stocked()) as operator:
        await operator.press("colon")
        await operator.type("new")
        await operator.press("enter")
        await operator.hears(PROTECTED)
        await operator.sees("Jobs")


async def test_the_help_lists_what_is_greyed_with_the_reason() -> None:
    async with opened(stocked()) as operator:
        await operator.press("question_mark", "ctrl+d")
        await operator.sees("Not now")
        await operator.sees_key("r", PROTECTED)
        await operator.sees_key("o", PROTECTED)


async def test_only_y_arms_the_words_count_down_and_w_disarms() -> None:
    clock, control = Seconds(), stocked()
    async with opened(control, clock) as operator:
        await operator.sees("READ-ONLY")
        await operator.press("W")
        await operator.sees("[y/N]")
        await operator.press("enter")
        await operator.sees("READ-ONLY")
        await arm(operator)
        clock.now += 1
        age(operator)
        await operator.sees("WRITE 04:59")
        await operator.misses("READ-ONLY")
        await operator.press("W")
        await operator.sees("READ-ONLY")
        await operator.misses("WRITE")
        await operator.press("x")
        await operator.hears(PROTECTED)
    assert control.asked == []


async def test_what_is_frozen_still_tells_for_how_long_changes_are_armed() -> None:
    clock = Seconds()
    async with opened(stocked(), clock) as operator:
        await arm(operator)
        await operator.press("Z")
        await operator.sees("FROZEN", "WRITE 05:00")
        clock.now += 2
        age(operator)
        await operator.sees("FROZEN", "WRITE 04:58")
        clock.now += ARMED_SECONDS
        age(operator)
        await operator.sees("FROZEN", "READ-ONLY")


async def test_armed_even_a_pause_of_one_job_and_its_undo_ask_for_the_count() -> None:
    control = stocked()
    async with opened(control) as operator:
        await arm(operator)
        await operator.press("p")
        await operator.sees("Pause job 2 (nightly)?", "type 1 to confirm")
        await operator.press("y", "enter")
        assert control.asked == []
        await operator.press("1")
        await operator.hears("pause job 2 (nightly): 1 changed")
        await operator.press("z")
        await operator.sees("Resume job 2 (nightly)?", "type 1 to confirm")
        await operator.press("1")
        await operator.hears("undo: pause job 2 (nightly): 1 changed")
    assert control.asked == [("pause", 2), ("resume", 2)]


async def test_armed_a_kill_is_planned_as_ever() -> None:
    control = stocked()
    async with opened(control, at="0") as operator:
        await arm(operator)
        await operator.press("X")
        await operator.sees("Plan: kill 1 orphan")
        await operator.type("it hangs")
        await operator.press("enter", "y")
        await operator.hears("kill 1 orphan: 1 changed")
    assert [targets for _, targets in control.asked] == [(3,)]


async def test_what_runs_out_under_a_question_is_refused_when_it_is_answered() -> None:
    clock, control = Seconds(), stocked()
    async with opened(control, clock) as operator:
        await arm(operator)
        await operator.press("x")
        await operator.sees("Cancel job 2 (nightly)?", "type 1 to confirm")
        clock.now += ARMED_SECONDS
        await operator.press("1")
        await operator.hears(f"cancel job 2 (nightly): {PROTECTED}")
        await operator.sees("READ-ONLY")
    assert control.asked == []


async def test_what_runs_out_under_a_plan_is_refused_when_it_is_applied() -> None:
    clock, control = Seconds(), stocked()
    async with opened(control, clock, at="0") as operator:
        await arm(operator)
        await operator.press("X")
        await operator.sees("Plan: kill 1 orphan")
        await operator.type("it hangs")
        clock.now += ARMED_SECONDS
        await operator.press("enter", "y")
        await operator.hears(PROTECTED)
    assert control.asked == []


async def test_armed_a_new_job_is_sent_after_its_count_and_kept_in_the_form_without() -> None:
    clock, control = Seconds(), stocked()
    async with opened(control, clock) as operator:
        await arm(operator)
        await operator.press("o")
        await operator.sees("sample", "built in")
        await operator.press("enter")
        await operator.sees("New job: sample", "[ Submit ]")
        await operator.press("shift+tab", "enter")
        await operator.sees("Submit job sample?", "type 1 to confirm")
        await operator.press("escape")
        await operator.sees("not submitted")
        clock.now += ARMED_SECONDS
        await operator.press("enter")
        await operator.sees(PROTECTED)
        assert control.asked == []


async def test_armed_a_schedule_is_saved_after_its_count_and_kept_in_the_form_without() -> None:
    control = stocked()
    async with opened(control) as operator:
        await operator.press("5", "a")
        await operator.hears(PROTECTED)
        await arm(operator)
        await operator.press("a", *"tidy", "enter", "enter", *"@daily", "enter", "enter", *"true")
        await operator.press(*["down"] * 12, "enter")
        await operator.sees("Add schedule tidy?", "type 1 to confirm")
        await operator.press("escape")
        await operator.sees("Add a schedule", "not saved")
        assert control.schedule_changes == []
        await operator.press("enter", "1")
        await operator.until(lambda: control.schedule_changes, "it is added")


async def test_a_home_that_is_not_protected_has_nothing_to_arm() -> None:
    control = stocked(protected=False)
    async with opened(control) as operator:
        await operator.press("W")
        await operator.hears("nothing to arm: this home is not protected")
        await operator.misses("READ-ONLY", "WRITE")
        await operator.press("x")
        await operator.sees("Cancel job 2 (nightly)? [y/N]")


async def test_a_console_that_was_opened_read_only_stays_so() -> None:
    control = stocked()
    async with opened(control, read_only=READ_ONLY) as operator:
        await operator.press("W")
        await operator.hears("leave, and open it without --read-only")
        await operator.sees("READ-ONLY")
        await operator.press("r")
        control.engine = None
        await operator.press("1")
        await operator.beat()
        assert "E starts one" not in await operator.sees("no engine answers", "NO ENGINE")
    assert control.asked == []


@pytest.mark.parametrize("keys", [("s", "n"), ("enter",)])
async def test_who_leaves_a_protected_engine_may_only_leave_it_running(keys) -> None:
    control = stocked()
    async with opened(control, starter=Landlady()) as operator:
        for key in keys:
            await operator.press("q")
            await operator.sees("d detaches (the engine goes on), any other key stays", PROTECTED)
            await operator.press(key)
            await operator.sees("Jobs")
            assert not operator.app._exit
        await operator.press("q")
        await operator.sees("Work is under way")
        await operator.press("d")
        await operator.until(lambda: operator.app._exit, "the console did not leave")
    assert control.asked == []


async def test_armed_who_leaves_stops_the_engine_after_its_count() -> None:
    control = stocked()
    async with opened(control, starter=Landlady()) as operator:
        await arm(operator)
        await operator.press("q")
        await operator.sees("s stops it")
        await operator.press("s")
        await operator.sees("Stop the engine?", "type 1 to confirm")
        await operator.press("escape")
        await operator.sees("Jobs")
        assert not operator.app._exit
        await operator.press("q", "s")
        await operator.sees("type 1 to confirm")
        await operator.press("1")
        await operator.until(lambda: operator.app._exit, "the console did not leave")
    assert control.asked == [("stop", StopMode.STOP)]


async def test_a_stop_that_comes_too_late_leaves_neither_engine_nor_console() -> None:
    clock, control = Seconds(), stocked()
    async with opened(control, clock, starter=Landlady()) as operator:
        await arm(operator)
        await operator.press("q")
        await operator.sees("s stops it")
        clock.now += ARMED_SECONDS
        await operator.press("s")
        await operator.hears(PROTECTED)
        assert not operator.app._exit
    assert control.asked == []


class Beside:
    """Stands for an engine in this process."""

    def stop(self) -> None:
        raise AssertionError("it is stopped")


async def test_an_engine_in_this_process_is_not_ended_by_leaving_unless_armed() -> None:
    control, starter = stocked(), EmbeddedEngine(Beside())
    control.engine = replace(GUARDED, pid=starter.pid)
    async with opened(control, starter=starter) as operator:
        await operator.press("q")
        await operator.hears(f"its engine ends with this console; {PROTECTED}")
        assert not operator.app._exit
        await arm(operator)
        await operator.press("q")
        await operator.sees("its engine ends with this console: r drains")


async def test_a_protected_engine_of_another_version_is_not_replaced_unless_armed() -> None:
    control = stocked()
    control.engine = replace(GUARDED, version="0.0.1")
    async with opened(control, starter=Landlady()) as operator:
        await operator.press("E")
        await operator.hears(PROTECTED)
        await operator.misses("drain it")
    assert control.asked == []


async def test_a_protected_home_whose_engine_went_is_not_taken_for_another() -> None:
    control = stocked()
    async with opened(control) as operator:
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE")
        await operator.press("W")
        await operator.hears("no engine answers")
        control.engine = GUARDED
        await operator.beat()
        await operator.sees("READ-ONLY")


def test_the_flag_is_read_and_does_not_go_with_an_engine_of_ones_own(capsys) -> None:
    assert read_flags(["--read-only"]).read_only
    assert not read_flags([]).read_only
    assert launch._choose(["--read-only"]) is launch._run_console
    assert launch.main(["--embedded", "--read-only"]) == 2
    assert "choose one" in capsys.readouterr().err
