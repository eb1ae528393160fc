"""Tests of failure families on the screens, and of what is news."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.feed import Pulse
from console.last_look import PAUSE_MS, LastLook
from console.memory import Memory
from console.rows.handoff import HandoffFacts, handoff_note
from console.screens.failures import FailuresScreen
from core.model.events import EventView
from core.model.values import JsonValue
from tests.console.support_console import HOSTILE, Operator, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl

PRICE = {"code": "shell.exit", "message": "exit 65: row 7 has no price"}
GONE = {"code": "http.5xx", "message": "503 from the other side"}


def stocked() -> FakeControl:
    """Make three tasks of one family and one, which waits for its retry, of another."""
    control = FakeControl()
    job = control.add_job()
    for key in ("a", "b", "c"):
        task = control.add_task(job, key, status="failed", error=PRICE, family="3fa91c22d0")
        control.set_task(task, finished_at=NOW)
    control.add_task(job, "d", status="retrying", error=GONE, family="77aa00bb11", retry_at=NOW)
    return control


async def at_failures(operator: Operator, *texts: str) -> None:
    await operator.press("4")
    await operator.sees("Retries/Dead")
    await operator.press("v")
    await operator.sees("Failures", *texts)


async def test_v_leads_from_the_tasks_that_failed_to_their_families_and_back() -> None:
    async with console(stocked()) as operator:
        await at_failures(operator, "2 families", "4 tasks", "3fa91c22d0", "exit 65: row 7 has no price")
        await operator.press("v")
        await operator.sees("Retries/Dead", "[all 4]")


async def test_enter_shows_the_tasks_of_a_family_by_a_filter() -> None:
    async with console(stocked()) as operator:
        await at_failures(operator, "3fa91c22d0")
        await operator.press("enter")
        await operator.sees("Tasks", "/ family:3fa91c22d0 status:failed,retrying")
        await operator.misses("503 from the other side")


async def test_r_runs_the_failed_tasks_of_one_family_again_and_asks() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_failures(operator, "3fa91c22d0")
        await operator.press("r")
        await operator.sees("[y/N]", "3 tasks")
        await operator.press("y")
        await operator.until(lambda: control.asked, "nothing was asked")
        verb, target = control.asked[0]
        assert verb == "retry"
        assert "3fa91c22d0" in str(target)


@pytest.mark.parametrize("place", ["pulse", "failures"])
async def test_s_acknowledges_a_family_until_it_returns_and_z_undoes_it(place: str) -> None:
    control = stocked()
    async with console(control, at="1") as operator:
        if place == "failures":
            await at_failures(operator, "3fa91c22d0")
        strip = "Retry ✗" if place == "failures" else "Retries ✗"
        await operator.sees("exit 65", f"{strip}3")
        await operator.press("s")
        await operator.sees("Acknowledge", "until it returns", "for 8 hours")
        await operator.press("r")
        await operator.hears("z undoes it")
        await operator.beat()
        await operator.sees("known", "failed 0 (+3 known)")
        # Nowhere, neither in the strip nor on Pulse, is what is known counted as failed.
        await operator.misses(strip, "failed 3")
        assert control.asked == [("acknowledge", (("3fa91c22d0",), None))]
        await operator.press("z")
        await operator.hears("undo: acknowledge")
        await operator.beat()
        await operator.sees("failed 3 ")
        assert control.asked[1:] == [("unacknowledge", ("3fa91c22d0",))]


async def test_s_acknowledges_for_a_time_and_takes_back_what_is_known() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_failures(operator, "3fa91c22d0")
        await operator.press("s")
        await operator.sees("for 1 hour")
        await operator.press("h")
        await operator.hears("z undoes it")
        await operator.beat()
        await operator.sees("(+3 known)", "1 known")
        await operator.press("G")
        await operator.sees("acknowledged by")
        await operator.press("s")
        await operator.hears("no longer acknowledged")
        await operator.beat()
        await operator.sees("failed 3 ")
        asked = [("acknowledge", (("3fa91c22d0",), 3_600_000)), ("unacknowledge", ("3fa91c22d0",))]
        assert control.asked == asked


async def test_escape_acknowledges_nothing() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_failures(operator, "3fa91c22d0")
        await operator.press("s")
        await operator.sees("until it returns")
        await operator.press("escape")
        await operator.misses("until it returns")
        assert control.asked == []


async def test_what_failed_before_families_were_counted_cannot_be_acknowledged() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), "a", status="failed", error=PRICE)
    async with console(control, at="1") as operator:
        await operator.sees("exit 65")
        await operator.press("s")
        await operator.hears("before failures were put into families")
        assert control.asked == []


async def test_families_are_filtered_and_hostile_texts_are_glyphs() -> None:
    control = stocked()
    control.add_task(2, "e", status="failed", error={"code": "x", "message": HOSTILE}, family="0123456789")
    async with console(control) as operator:
        await at_failures(operator, "3fa91c22d0", "␛[31m")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("slash")
        await operator.type("tasks>1")
        await operator.press("enter")
        await operator.misses("␛[31m")
        await operator.sees("3fa91c22d0")


async def test_marks_are_refused_where_a_row_stands_for_a_filter() -> None:
    async with console(stocked()) as operator:
        await at_failures(operator, "3fa91c22d0")
        await operator.press("space")
        await operator.hears("rows of this list are not marked")
        assert isinstance(operator.app.screen, FailuresScreen)


async def test_a_family_is_new_that_was_first_seen_since_the_operator_looked(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.keep("looked_at", NOW - 1)
    memory.write()
    async with console(stocked(), home=tmp_path, at="1") as operator:
        await operator.sees("✗ new")


def test_a_look_ends_with_the_console_or_after_a_pause() -> None:
    now, memory = 1_000, Memory(None)

    def clock() -> int:
        return now

    assert LastLook(memory, now=clock).since is None
    now = 5_000
    look = LastLook(memory, now=clock)
    assert look.since == 1_000
    assert (look.is_news(1_001), look.is_news(1_000)) == (True, False)
    now = 9_000
    look.note()
    assert look.since == 1_000
    look.keep()
    now += PAUSE_MS
    assert LastLook(memory, now=clock).since == 9_000
    look.note()
    assert look.since == 9_000


@pytest.mark.parametrize("kept", ["soon", -5, 10**18, None, True, [1]])
def test_a_time_that_cannot_be_is_none(kept: JsonValue) -> None:
    memory = Memory(None)
    memory.keep("looked_at", kept)
    look = LastLook(memory, now=lambda: 7_000)
    assert (look.since, look.is_news(7_001)) == (None, False)


async def test_what_failed_since_the_operator_looked_is_told_on_pulse_and_in_the_note(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.keep("looked_at", NOW - 1)
    memory.write()
    control = stocked()
    control.note("queue.paused", data={"queue": "mail", "reason": "it is down"})
    async with console(control, home=tmp_path, at="1") as operator:
        await operator.sees("2 new")
        await operator.press("colon")
        await operator.type("handoff")
        await operator.press("enter")
        await operator.sees("Handoff: y copies the note", "3 failed", "new: 3 tasks of 1 job")
        await operator.sees("exit 65: row 7 has no price [3fa91c22d0]", "job 2 job: running", "retrying")
        await operator.press("y")
        await operator.sees("t  note")


def test_a_note_says_that_there_is_nothing_and_shows_hostile_texts_as_glyphs() -> None:
    event = EventView(
        id=1,
        at=NOW,
        kind="queue.paused",
        job_id=None,
        task_id=None,
        key=None,
        attempt=None,
        actor=HOSTILE,
        data={"queue": HOSTILE, "reason": HOSTILE},
    )
    facts = HandoffFacts(
        now=NOW, since=NOW, pulse=Pulse(), families=(), jobs=(), waiting=(), changes=(event,)
    )
    lines = handoff_note(facts).lines
    assert {"engine: none answers", "fails: nothing", "runs: nothing", "waits: nothing"} <= set(lines)
    assert all(line.isprintable() for line in lines)
