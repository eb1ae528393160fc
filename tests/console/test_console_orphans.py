"""Tests of the orphans screen: evidence, and verbs for living and lost."""

from __future__ import annotations

import pytest

from console.screens.orphans import evidence_of
from core.model.errors import Unavailable
from core.model.orphans import OrphanKind, OrphanView
from core.model.text import cells
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, strips_of
from tests.console.support_fake_control import FakeControl

NONE = "no orphans: everything that runs has an owner"


def stocked() -> FakeControl:
    """Return a control with a living orphan of two processes (task 1) and a lost task (task 2)."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "train", status="running")
    control.add_task(job, "load", status="held")
    control.add_orphan(1, pids=(4711, 4712), commands=("sleep 1000", "python train.py"))
    control.add_orphan(2, kind=OrphanKind.LOST, reason="nobody saw it end")
    return control


async def at_orphans(operator: Operator, *texts: str) -> str:
    await operator.press("0")
    return await operator.sees("Orphans", *texts)


async def test_orphans_are_listed_with_the_evidence_of_the_one_under_the_cursor() -> None:
    async with console(stocked()) as operator:
        screen = await at_orphans(operator, "train", "● living", "load", "? lost", "orphans 2")
        for words in ("4711  sleep 1000", "4712  python train.py", "the wrapper died", "keeps its slot"):
            assert words in screen
        await operator.press("j")
        await operator.sees("nobody saw it end", "the task is held; r queues it again, f gives it up")
        await operator.misses("4712")


async def test_the_status_bar_counts_lost_tasks_that_wait_for_a_decision() -> None:
    async with console(stocked()) as operator:
        await operator.press("2")
        await operator.sees("held 1", "lost 1")


async def test_what_an_ended_attempt_left_is_listed_with_its_processes_and_can_be_killed() -> None:
    control = stocked()
    control.add_orphan(1, kind=OrphanKind.LEFT, pids=(4713,), commands=("sleep 2000",))
    control.set_task(1, status="succeeded")
    (left,) = [orphan for orphan in control.orphan_rows.values() if orphan.kind is OrphanKind.LEFT]
    text = "\n".join(evidence_of(left))
    assert "X kills what it left" in text
    assert "4713  sleep 2000" in text


async def test_without_orphans_the_screen_says_so_and_has_no_evidence() -> None:
    async with console(FakeControl()) as operator:
        await at_orphans(operator, NONE)
        assert not operator.app.screen.evidence.display


async def test_an_engine_that_is_gone_leaves_no_word_that_there_are_no_orphans() -> None:
    control = FakeControl()
    async with console(control) as operator:
        await at_orphans(operator, NONE)
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE", "not known: only an engine sees living processes")
        await operator.misses(NONE)


async def test_w_notes_at_once_that_a_living_orphan_is_watched() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "● living")
        await operator.press("w")
        await operator.hears("keep task 1 (train): 1 changed")
        await operator.sees("● watched", "an operator keeps watching it")
        assert control.asked == [("keep", (1,))]


async def test_kill_needs_a_plan_a_reason_and_y() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "● living")
        await operator.press("X")
        await operator.sees("Plan: kill 1 orphan; nothing is done yet", "4711 sleep 1000")
        await operator.press("enter")
        await operator.sees("a reason is required")
        await operator.type("it hangs")
        await operator.press("enter")
        await operator.sees("y applies it")
        assert control.asked == []
        await operator.press("y")
        await operator.hears("kill 1 orphan: 1 changed")
        assert control.asked == [("kill_orphans", (1,))]
        await operator.misses("● living")


async def test_r_queues_a_lost_task_again_and_z_takes_it_back() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "? lost")
        await operator.press("j", "r")
        await operator.hears("unhold task 2 (load): 1 changed; z undoes it")
        await operator.misses("? lost")
        assert control.task_rows[2].status == "queued"
        await operator.press("z")
        await operator.sees("? lost")


async def test_f_gives_a_lost_task_up_and_asks() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "? lost")
        await operator.press("j", "f")
        await operator.sees("Fail task 2 (load)? [y/N]")
        await operator.press("enter")
        await operator.misses("[y/N]")
        assert control.asked == []
        await operator.press("f")
        await operator.sees("Fail task 2 (load)? [y/N]")
        await operator.press("y")
        await operator.hears("fail task 2 (load): 1 changed")
        await operator.misses("? lost")


@pytest.mark.parametrize(
    ("down", "key", "words"),
    [
        ((), "r", "a process of it still lives: w keeps watching it, X kills it"),
        ((), "f", "a process of it still lives: w keeps watching it, X kills it"),
        (("j",), "w", "no process of it lives: r queues it again, f gives it up"),
        (("j",), "X", "no process of it lives: r queues it again, f gives it up"),
    ],
)
async def test_a_verb_for_the_other_kind_says_what_fits(down, key: str, words: str) -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "? lost", "● living")
        await operator.press(*down, key)
        await operator.hears(words)
        assert control.asked == []


async def test_an_orphan_that_goes_takes_its_evidence_along_and_the_cursor_keeps_its_row() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "4711")
        await operator.press("j")
        await operator.sees("nobody saw it end")
        del control.orphan_rows[1]
        control.add_event("attempt.lost", task_id=1)
        await operator.beat()
        await operator.misses("● living")
        await operator.sees("nobody saw it end")
        control.set_task(2, status="queued")
        await operator.beat()
        await operator.sees(NONE)
        assert not operator.app.screen.evidence.display


async def test_enter_log_and_events_lead_to_the_task() -> None:
    control = stocked()
    control.outputs[1] = b"still here\n"
    async with console(control) as operator:
        for key, words in (("enter", "Task 1  train"), ("l", "still here"), ("e", "Events of task 1")):
            await at_orphans(operator, "● living")
            await operator.press(key)
            await operator.sees(words)
            await operator.press("escape")


async def test_escape_leaves_the_evidence_for_the_list() -> None:
    async with console(stocked()) as operator:
        await at_orphans(operator, "4711")
        screen = operator.app.screen
        await operator.press("tab")
        assert screen.evidence.has_focus
        await operator.press("escape")
        assert screen.table.has_focus


async def test_a_read_that_fails_leaves_the_list_and_says_why() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_orphans(operator, "● living")
        control.broken = Unavailable("store.busy", "the store is busy")
        await operator.press("ctrl+r")
        await operator.sees("! the store is busy", "● living", "4711")
        control.broken = None
        await operator.press("ctrl+r")
        await operator.misses("the store is busy")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (220, 60)])
async def test_orphans_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked()) as operator:
        await operator.resize(*size)
        screen = await at_orphans(operator, "● living", "? lost", "the wrapper died")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())


async def test_orphans_show_hostile_texts_as_glyphs() -> None:
    control = FakeControl()
    control.add_task(control.add_job(HOSTILE), HOSTILE, status="running")
    control.add_orphan(1, pids=(7,), commands=(HOSTILE,), reason=HOSTILE)
    async with console(control, size=(220, 40)) as operator:
        screen = await at_orphans(operator, VISIBLE)
        assert screen.count("␛[31mred") >= 6
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("X")
        await operator.sees("Plan:", VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


def test_evidence_names_every_process_also_without_a_command() -> None:
    orphan = OrphanView(
        kind=OrphanKind.LIVING,
        task_id=1,
        job_id=2,
        key="train",
        epoch=3,
        since=None,
        reason="gone",
        pids=(10, 11),
        commands=("sleep 1",),
    )
    lines = list(evidence_of(orphan))
    assert lines[-2:] == ["        10  sleep 1", "        11  "]
    assert not any(line.startswith(" since") for line in lines)
