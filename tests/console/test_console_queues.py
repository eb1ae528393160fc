"""Tests of the queues screen: depth, age, pace, and pauses."""

from __future__ import annotations

import time

import pytest

from core.model.records import replace
from core.model.text import cells
from core.model.views import QueueView
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, strips_of
from tests.console.support_fake_control import FakeControl

OLD = 7_500_000


class Lines(FakeControl):
    """A control whose queues have an age, a rate and a reason."""

    reason: str | None = "quota"

    async def answer_queues(self, request) -> tuple[QueueView, ...]:
        now = time.time_ns() // 1_000_000
        return tuple(
            replace(
                queue,
                oldest_at=now - OLD if queue.tasks.get("queued") else None,
                rate=12.34,
                pause_reason=self.reason if queue.paused_at else None,
            )
            for queue in await super().answer_queues(request)
        )


def stocked() -> Lines:
    """Return a control with a queue that works and one that is paused."""
    control = Lines()
    job = control.add_job("nightly")
    control.add_task(job, "running", status="running")
    control.add_task(job, "broken", status="failed")
    for number in range(3):
        control.add_task(job, f"letter{number}", queue="mail")
    control.paused["mail"] = time.time_ns() // 1_000_000 - OLD
    return control


async def at_queues(operator: Operator, *texts: str) -> str:
    await operator.press("7")
    return await operator.sees("Queues", *texts)


async def test_a_queue_tells_its_depth_age_rate_and_why_it_is_paused() -> None:
    async with console(stocked(), size=(160, 35)) as operator:
        screen = await at_queues(operator, "2 queues  1 paused  queued 3  running 1", "mail")
        for title in ("QUEUED", "RUNNING", "OLDEST", "PER MIN", "FAILED", "PAUSED", "BY", "REASON"):
            assert title in screen
        mail = next(line for line in screen.splitlines() if line[1:].startswith("mail"))
        assert mail.split() == ["mail", "‖", "paused", "3", "default", "2h5m", "12.3", "2h5m", "me", "quota"]
        default = next(line for line in screen.splitlines() if line[1:].startswith("default"))
        assert default[1:].split() == ["default", "◐", "open", "1", "default", "12.3", "✗", "1"]


async def test_p_pauses_at_once_and_resumes_what_is_paused() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_queues(operator, "default")
        await operator.press("p")
        await operator.hears("pause queue default: 1 changed; z undoes it")
        await operator.misses("◐ open")
        await operator.press("z")
        await operator.sees("◐ open")
        await operator.press("j", "p")
        await operator.hears("resume queue mail: 1 changed")
        await operator.misses("‖ paused")
        assert control.asked == [("pause", "default"), ("resume", "default"), ("resume", "mail")]


async def test_enter_shows_the_tasks_of_the_queue_and_escape_comes_back_at_once() -> None:
    async with console(stocked()) as operator:
        await at_queues(operator, "mail")
        await operator.press("j", "enter")
        await operator.sees("/ queue:mail", "letter0")
        await operator.misses("broken")
        await operator.press("escape")
        await operator.sees("Queues", "2 queues")


async def test_a_change_of_a_queue_is_seen_at_the_next_tick() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_queues(operator, "2 queues")
        control.add_task(2, "a", queue="alpha")
        await operator.beat()
        await operator.sees("3 queues", "alpha", "queued 4")


async def test_without_queues_the_screen_says_what_to_do() -> None:
    async with console(FakeControl()) as operator:
        await at_queues(operator, "no queue has had a task yet: o starts a job; try the sample")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (220, 60)])
async def test_queues_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked()) as operator:
        await operator.resize(*size)
        screen = await at_queues(operator, "‖ paused", "mail", "OLDEST", "2h5m")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())


async def test_queues_show_hostile_texts_as_glyphs() -> None:
    control = Lines()
    control.reason = HOSTILE
    control.add_task(control.add_job(), queue=HOSTILE)
    control.paused[HOSTILE] = 1
    async with console(control, size=(220, 24)) as operator:
        screen = await at_queues(operator, VISIBLE)
        assert screen.count("␛[31mred") == 2
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("p")
        await operator.hears(VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
