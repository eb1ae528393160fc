"""Tests of the graph screen: edges, states, keys, folded layers."""

from __future__ import annotations

import pytest
from textual.color import Color

from console.color_depth import CONTRAST, contrast
from console.rows.graph_nodes import WHOLE, fold
from console.screens.graph import GraphScreen
from console.screens.job import JobScreen
from console.screens.parts import reading_pace
from console.screens.parts.reading_pace import ReadingPace
from console.themes import PLAIN, own_looks
from core.model.errors import Unavailable
from core.model.records import replace
from tests.console.support_console import HOSTILE, VISIBLE, console, shown, strips_of
from tests.console.support_fake_control import FakeControl
from tests.console.test_console_painting import BUDGET, settled, wiretap


def diamond() -> FakeControl:
    """Return a control with one job: b and c need a, d needs both."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "a", status="succeeded", attempts=1)
    control.add_task(job, "b", status="running", attempts=1, needs=("a",))
    control.add_task(
        job, "c", status="failed", needs=("a",), error={"code": "exit", "message": "exit status 7"}
    )
    control.add_task(job, "d", status="blocked", needs=("b", "c"))
    control.outputs[2] = b"the output of b\n"
    return control


def large(width: int) -> FakeControl:
    """Return a control with one job of two wide layers and a last task."""
    control = FakeControl()
    job = control.add_job("large")
    for number in range(width):
        control.add_task(job, f"split_{number:03d}", status="succeeded")
    for number in range(width):
        control.add_task(job, f"work_{number:03d}", needs=(f"split_{number:03d}",))
    control.add_task(
        job, "gather", status="blocked", needs=tuple(f"work_{number:03d}" for number in range(width))
    )
    return control


def add_stage(control: FakeControl, job: int, name: str) -> int:
    """Add a second stage; return its id."""
    first = control.stage_rows[job]
    control.stage_rows[1000] = replace(first, id=1000, position=1, name=name, status="pending")
    return 1000


def graph_of(operator) -> GraphScreen:
    screen = operator.app.screen
    assert isinstance(screen, GraphScreen)
    return screen


async def open_graph(operator) -> GraphScreen:
    await operator.press("2", "enter")
    await operator.sees("stage 1")
    await operator.press("v")
    await operator.until(lambda: isinstance(operator.app.screen, GraphScreen), "no graph")
    await operator.until(lambda: graph_of(operator).graph.view.cursor, "nothing is drawn")
    return graph_of(operator)


async def test_a_key_that_is_pressed_twice_before_the_screen_is_there_leads_to_one() -> None:
    async with console(diamond()) as operator:
        await operator.press("2", "enter")
        await operator.sees("stage 1")
        job = operator.app.screen
        assert isinstance(job, JobScreen)
        job.action_draw()
        job.action_draw()
        await operator.until(lambda: isinstance(operator.app.screen, GraphScreen), "the graph is there")
        await operator.quiet()
        await operator.press("escape")
        await operator.quiet()
        assert operator.app.screen is job


async def test_a_job_is_drawn_with_its_edges_glyphs_and_counts() -> None:
    async with console(diamond(), size=(80, 24)) as operator:
        await open_graph(operator)
        screen = await operator.sees("Job 2  nightly", "2/4", "1 main 2/4")
        lines = [line.strip() for line in screen.splitlines()]
        assert "✓ a ─┬─> ● b ─┬─> ◇ d" in lines
        assert "└─> ✗ c ─┘" in lines


async def test_keys_lead_along_the_edges_and_the_foot_names_the_neighbours() -> None:
    async with console(diamond()) as operator:
        screen = await open_graph(operator)
        await operator.sees("1 a  succeeded  | needed by b, c")
        await operator.press("right")
        await operator.sees("2 b  running  | needs a  | needed by d")
        await operator.press("j")
        await operator.sees("3 c  failed  exit: exit status 7  | needs a")
        await operator.press("j", "right", "right")
        assert screen.graph.view.cursor == "4"
        await operator.press("left", "left", "left")
        assert screen.graph.view.cursor == "1"
        await operator.press("G")
        assert screen.graph.view.cursor == "4"
        await operator.press("g")
        assert screen.graph.view.cursor == "1"


async def test_the_graph_opens_at_the_task_under_the_cursor_of_the_list() -> None:
    async with console(diamond()) as operator:
        await operator.press("2", "enter")
        await operator.sees("stage 1")
        await operator.press("j", "j", "j", "v")
        await operator.sees("3 c  failed")


async def test_enter_l_and_e_look_into_the_task_and_v_and_escape_come_back() -> None:
    async with console(diamond()) as operator:
        await open_graph(operator)
        await operator.press("right", "enter")
        await operator.sees("Task 2  b", "attempts")
        await operator.press("escape", "l")
        await operator.sees("the output of b")
        await operator.press("escape", "e")
        await operator.sees("Events of job 2")
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, GraphScreen), "not back")
        await operator.press("v", "v")
        await operator.until(lambda: isinstance(operator.app.screen, JobScreen), "not back")


async def test_verbs_act_on_the_task_under_the_cursor_and_pause_on_the_job() -> None:
    control = diamond()
    async with console(control) as operator:
        await open_graph(operator)
        await operator.press("right", "j", "r")
        await operator.sees("Retry")
        await operator.press("y")
        await operator.until(lambda: control.asked, "nothing was asked")
        assert control.asked == [("retry", (3,))]
        await operator.press("p")
        await operator.until(lambda: len(control.asked) == 2, "not paused")
        assert control.asked[1] == ("pause", 2)


async def test_a_change_repaints_its_node_and_not_the_picture() -> None:
    control = diamond()
    async with console(control) as operator:
        await open_graph(operator)
        await settled(operator)
        written = wiretap(operator)
        control.set_task(2, status="succeeded")
        await operator.beat()
        await operator.until(lambda: "✓ b" in "".join(written), "the change was not written")
        text = "".join(written)
        assert "◇ d" not in text
        assert "└─>" not in text
        # The node, its title, the head, the foot and the status bar have changed.
        assert len(text) <= 6 * BUDGET


async def test_a_new_edge_or_task_is_drawn_with_the_cursor_where_it_was() -> None:
    control = diamond()
    async with console(control) as operator:
        screen = await open_graph(operator)
        await operator.press("G")
        control.add_task(2, "e", needs=("d",))
        await operator.beat()
        await operator.sees("◇ d ─> · e")
        assert screen.graph.view.cursor == "4"


async def test_stages_stand_side_by_side_behind_a_barrier() -> None:
    control = diamond()
    control.set_task(control.add_task(2, "z"), stage_id=add_stage(control, 2, "after"))
    async with console(control) as operator:
        await open_graph(operator)
        await operator.sees("1 main 2/4", "2 after 0/1", "┆", "· z")


async def test_a_large_job_is_folded_by_layers_with_counts_and_unfolds_by_enter() -> None:
    control = large(WHOLE)
    async with console(control) as operator:
        screen = await open_graph(operator)
        await operator.sees("✓ split_* 200/200 ─> · work_*   0/200 ─> ◇ gather", "200 tasks:  succeeded 200")
        control.set_task(WHOLE + 1, status="succeeded")
        screen.is_affected(frozenset({"task.succeeded"}))
        await operator.press("ctrl+r")
        await operator.sees("work_*   1/200")
        await operator.press("enter")
        await operator.sees("✓ split_000", "✓ split_001")
        await operator.press("escape")
        await operator.sees("✓ split_* 200/200")
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, JobScreen), "not back")


async def test_verbs_on_a_folded_layer_mean_all_its_tasks() -> None:
    async with console(large(WHOLE)) as operator:
        screen = await open_graph(operator)
        chosen = screen.chosen()
        assert chosen is not None
        assert chosen.target.task_ids == tuple(range(1, WHOLE + 1))
        assert chosen.label == "200 tasks (split_*)"


async def test_a_job_that_took_long_to_read_rests_before_it_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_pace, "SHARE", 10)
    control = diamond()
    async with console(control) as operator:
        screen = await open_graph(operator)
        await settled(operator)
        now = 0.0
        screen.pace = ReadingPace(clock=lambda: now)
        with screen.pace.reading():
            now = 0.5
        control.reads.clear()
        control.set_task(2, status="succeeded")
        await operator.beat()
        # What does not change the graph leaves what was put off as it is.
        screen.take_changes(frozenset({"schedule.fired"}))
        screen.refresh_ages()
        await operator.pilot.pause()
        assert control.reads["job_detail"] == 0
        now = 6.0
        screen.refresh_ages()
        await operator.sees("✓ b")


async def test_a_picture_larger_than_the_screen_scrolls_with_the_cursor() -> None:
    control = FakeControl()
    job = control.add_job("long")
    for number in range(30):
        needs = (f"link_{number - 1:02d}",) if number else ()
        control.add_task(job, f"link_{number:02d}", needs=needs)
    for number in range(40):
        control.add_task(job, f"leaf_{number:02d}")
    async with console(control, size=(60, 15)) as operator:
        screen = await open_graph(operator)
        await operator.press("G")
        await operator.sees("link_29")
        assert screen.graph.view.scroll_offset.x > 60
        assert "column" in screen.position_text()
        await operator.press("g")
        assert screen.graph.view.scroll_offset.x == 0
        await operator.press("ctrl+f", "ctrl+f", "ctrl+f", "ctrl+f", "ctrl+f", "ctrl+f")
        assert screen.graph.view.scroll_offset.y > 15


async def test_a_click_moves_the_cursor_and_a_second_one_opens() -> None:
    async with console(diamond()) as operator:
        screen = await open_graph(operator)
        spot = screen.graph.view._picture.label_boxes["3"]
        await operator.pilot.click(screen.graph.view, offset=(spot.x + 1, spot.y + 1))
        assert screen.graph.view.cursor == "3"
        await operator.pilot.click(screen.graph.view, offset=(spot.x + 1, spot.y + 1))
        await operator.sees("Task 3")


async def test_hostile_keys_stages_and_errors_are_glyphs_in_the_graph() -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE)
    control.add_task(job, HOSTILE, status="failed", error={"message": HOSTILE}, waits_for=HOSTILE)
    other = control.add_task(job, f"x{HOSTILE}", needs=(HOSTILE,))
    control.set_task(other, stage_id=add_stage(control, job, HOSTILE))
    async with console(control, size=(160, 40)) as operator:
        await open_graph(operator)
        await operator.sees("␛[31m")
        for key in ("G", "g", "h"):
            await operator.press(key)
            assert all(line.isprintable() for line in strips_of(operator.app.screen))
        assert VISIBLE[:20] in shown(operator.app)


async def test_keys_that_look_like_a_folded_layer_are_tasks_all_the_same() -> None:
    control = large(WHOLE)
    control.add_task(2, "layer 0 of 2")
    stages = fold(await control.job_detail(2))
    assert sum(len(node.tasks) for stage in stages for node in stage.nodes) == 2 * WHOLE + 2


async def test_trouble_is_told_in_the_head_and_the_picture_stays() -> None:
    control = diamond()
    async with console(control) as operator:
        await open_graph(operator)
        control.broken = Unavailable("store.busy", "the store is busy")
        await operator.press("ctrl+r")
        await operator.sees("! the store is busy", "● b")


async def test_an_empty_job_is_drawn_without_tasks() -> None:
    control = FakeControl()
    control.add_job("empty")
    async with console(control) as operator:
        await operator.press("2", "enter")
        await operator.sees("stage 1")
        await operator.press("v")
        await operator.sees("no tasks")
        await operator.press("j", "right", "G", "enter", "l")
        assert isinstance(operator.app.screen, GraphScreen)


async def test_the_next_theme_colours_the_nodes_anew() -> None:
    async with console(diamond()) as operator:
        screen = await open_graph(operator)
        before = screen.graph.view._labels["3"].style
        await operator.press("ctrl+t")
        assert screen.graph.view._labels["3"].style != before


@pytest.mark.parametrize("name", sorted(set(own_looks()) - {PLAIN}))
def test_lines_can_be_read_in_every_theme(name: str) -> None:
    colors = own_looks()[name].theme.to_color_system().generate()
    assert contrast(Color.parse(colors["foreground"]).rgb, Color.parse(colors["panel"]).rgb) >= CONTRAST
    for key in ("secondary", "accent", "foreground"):
        assert contrast(Color.parse(colors[key]).rgb, Color.parse(colors["background"]).rgb) >= CONTRAST
