"""The pulse: counts, throughput, what fails, what waits; each part for itself."""

from __future__ import annotations

import time

import pytest
from rich.style import Style

from console.feed import Pulse
from console.rows.families import where_family
from console.screens.pulse import PulseScreen
from console.screens.pulse_panels import where_waiting
from console.shell.app import ConsoleApp, ConsoleOptions
from console.widgets.bars import bars, trend_of
from console.widgets.styled_lines import changed, flow
from core.filters.unparser import unparse
from core.model.errors import Unavailable
from core.model.failures import FamilyState, FamilyView
from core.model.pulse import PulseView, Rate, Waiting, WaitKind
from core.model.run_times import UsualTime
from core.model.text import SafeText, cells
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, shown, strips_of
from tests.console.support_fake_control import INFO, NOW, FakeControl

SIZES = ((60, 15), (80, 24), (120, 40), (220, 60))


@pytest.fixture(autouse=True)
def _restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every change be summed up at once."""
    monkeypatch.setattr("console.screens.pulse.REST_SECONDS", 0)


def stocked() -> FakeControl:
    """Return a control with a running and a paused job, things that fail and things that wait."""
    control = FakeControl()
    job = control.add_job("nightly")
    paused = control.add_job("weekly", status="paused")
    control.add_task(job, "done", status="succeeded", finished_at=NOW)
    control.add_task(job, "late", status="succeeded", finished_at=NOW - 120_000)
    gone = {"code": "http.5xx", "message": "503 from the other side"}
    for number in range(3):
        control.add_task(job, f"call{number}", status="failed", finished_at=NOW, error=gone)
    slow = {"code": "timeout", "message": "no answer within 30s"}
    due = time.time_ns() // 1_000_000 + 3_600_000
    control.add_task(job, "slow", status="retrying", retry_at=due, error=slow)
    control.add_task(job, "mailing", queue="mail")
    control.add_task(paused, "stopped")
    control.add_task(job, "kept", status="held")
    return control


async def at_pulse(operator: Operator, *texts: str) -> str:
    await operator.press("1")
    return await operator.sees("Pulse", *texts)


async def test_the_console_opens_on_the_pulse() -> None:
    app = ConsoleApp(stocked(), ConsoleOptions(tick=0))
    async with app.run_test(size=(120, 40)) as pilot:
        await Operator(app, pilot).sees("Pulse", "http.5xx", "✗ failed 3")
        assert isinstance(app.screen, PulseScreen)


async def test_the_pulse_counts_tasks_and_jobs_and_names_the_engine() -> None:
    control = stocked()
    async with console(control) as operator:
        screen = await at_pulse(operator, "WHAT FAILS", "http.5xx")
        for words in ("✗ failed 3", "↻ retrying 1", "■ held 1", "● running 0", "· queued 2", "✓ succeeded 2"):
            assert words in screen
        assert "● running 1  ‖ paused 1" in screen
        assert f"idle  slots 0/4  taskdeck {INFO.version}  /home" in screen


async def test_the_throughput_has_numbers_beside_its_bars() -> None:
    async with console(stocked()) as operator:
        screen = await at_pulse(operator, "http.5xx")
        succeeded = next(line for line in screen.splitlines() if line.startswith(" ✓ succeeded"))
        assert "1/min  peak      1" in succeeded
        failed = next(line for line in screen.splitlines() if line.startswith(" ✗ failed") and "peak" in line)
        assert "3/min  peak      3" in failed
        assert "█" in failed


async def test_what_fails_leads_to_the_tasks_with_that_code() -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "503 from the other side")
        await operator.press("enter")
        await operator.sees("/ code:http.5xx status:failed,retrying", "call0", "call2")
        await operator.misses("slow")
        await operator.press("escape")
        await operator.sees("WHAT FAILS")


@pytest.mark.parametrize("key", ["tab", "shift+tab", "left", "right"])
async def test_keys_switch_between_the_panels_and_only_one_shows_a_cursor(key: str) -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "WHAT WAITS", "mail")
        screen = operator.app.screen
        assert isinstance(screen, PulseScreen)
        assert len(_reversed_lines(operator)) == 1
        assert screen.failing.has_focus
        await operator.press(key)
        await operator.until(lambda: screen.waiting.has_focus, "the keys did not move")
        assert len(_reversed_lines(operator)) == 1
        assert not screen.failing.has_focus
        await operator.press(key)
        await operator.until(lambda: screen.failing.has_focus, "the keys did not come back")


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        ((WaitKind.QUEUED, "mail"), ("/ status:queued queue:mail", "mailing")),
        ((WaitKind.RETRYING, ""), ("/ status:retrying", "slow")),
        ((WaitKind.HELD, ""), ("/ status:held", "kept")),
        ((WaitKind.PAUSED_JOB, "3"), ("Job 3  weekly", "stopped")),
    ],
)
async def test_what_waits_leads_to_its_tasks_or_its_job(wait, words) -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "WHAT WAITS", "mail")
        await _go_to_wait(operator, *wait)
        await operator.press("enter")
        await operator.sees(*words)


async def test_what_waits_for_a_budget_or_a_pool_is_called_so_and_leads_to_all_that_does() -> None:
    control = FakeControl()
    job = control.add_job("spending")
    waiting = {"status": "queued", "queue": "mail"}
    for number in range(3):
        control.add_task(job, f"dear{number}", wait_reason="budget", waits_for="budget team", **waiting)
    control.add_task(job, "parked", wait_reason="pool_paused", waits_for="paused mail", **waiting)
    control.add_task(job, "free", wait_reason="slots", waits_for="a slot", **waiting)
    async with console(control) as operator:
        await at_pulse(operator, "WHAT WAITS", "budget", "team", "pool_paused", "mail")
        await _go_to_wait(operator, WaitKind.BUDGET, "team")
        await operator.press("enter")
        await operator.sees("/ wait:budget,behind", "dear0", "dear2")
        await operator.misses("free")
    async with console(control) as operator:
        await at_pulse(operator, "WHAT WAITS", "pool_paused")
        await _go_to_wait(operator, WaitKind.POOL_PAUSED, "mail")
        await operator.press("enter")
        await operator.sees("/ wait:pool_paused queue:mail", "parked")
        await operator.misses("dear0")


async def test_what_is_retried_says_how_soon() -> None:
    async with console(stocked()) as operator:
        screen = await at_pulse(operator, "↻ retrying")
        line = next(line for line in screen.splitlines() if line.startswith(" ↻ retrying"))
        assert "59m" in line


async def test_r_runs_all_that_failed_with_the_code_again_and_asks() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.press("r")
        await operator.sees("Retry 3 tasks? [y/N]")
        assert control.asked == []
        await operator.press("y")
        await operator.hears("3 changed")
        assert [verb for verb, _ in control.asked] == ["retry"]
        assert unparse(control.asked[0][1]) == "code:http.5xx status:failed"
        assert control.task_rows[6].status == "retrying"


async def test_r_on_what_has_no_code_spares_what_has_one() -> None:
    control = FakeControl()
    job = control.add_job()
    nameless = control.add_task(job, "odd", status="failed", error={"message": "no code"})
    control.add_task(job, "other", status="failed", error={"code": "exit", "message": "exit status 1"})
    control.add_task(job, "more", status="failed", error={"code": "exit", "message": "exit status 1"})
    async with console(control) as operator:
        await at_pulse(operator, "no code")
        await operator.press("j", "r")
        await operator.sees("Retry 1 task? [y/N]")
        await operator.press("y")
        await operator.hears("1 changed")
        assert [task.id for task in control.task_rows.values() if task.status == "queued"] == [nameless]


async def test_p_pauses_the_queue_that_waits_and_z_lets_it_go_on() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "mail")
        await _go_to_wait(operator, WaitKind.QUEUED, "mail")
        await operator.press("p")
        await operator.hears("pause queue mail: 1 changed; z undoes it")
        await operator.beat()
        await operator.sees("‖ paused queue")
        await operator.press("z")
        await operator.beat()
        await operator.misses("‖ paused queue")
        assert control.asked == [("pause", "mail"), ("resume", "mail")]


async def test_p_resumes_the_job_that_is_paused() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "‖ paused job")
        await _go_to_wait(operator, WaitKind.PAUSED_JOB, "3")
        await operator.press("p")
        await operator.hears("resume job 3: 1 changed")
        assert control.asked == [("resume", 3)]


async def test_a_verb_of_the_other_panel_says_where_it_is() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.press("p")
        await operator.hears("pause and resume act on what waits: Tab goes there")
        await operator.press("tab", "r")
        await operator.hears("retry acts on what fails: Tab goes there")
        assert control.asked == []


async def test_a_wait_that_nothing_can_pause_says_so() -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "■ held")
        await _go_to_wait(operator, WaitKind.HELD, "")
        await operator.press("p")
        await operator.hears("nothing here that this acts on")


async def test_counts_that_come_after_the_summary_say_that_something_has_run() -> None:
    async with console(FakeControl()) as operator:
        await at_pulse(operator, "nothing has run yet")
        screen = operator.app.screen
        assert isinstance(screen, PulseScreen)
        screen.desk.feed.pulse = Pulse(tasks={"succeeded": 3})
        screen.show_status()
        await operator.sees("nothing fails")


async def test_an_empty_store_says_what_to_do_next() -> None:
    async with console(FakeControl()) as operator:
        await at_pulse(
            operator,
            "nothing has run yet: o starts a job; try the sample",
            "nothing waits",
            "none is open: o starts one",
        )
        await operator.press("enter", "tab", "enter")
        await operator.sees("nothing waits")


async def test_when_all_is_well_the_panels_say_so() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="succeeded", finished_at=NOW)
    async with console(control) as operator:
        await at_pulse(operator, "nothing fails", "nothing waits")


async def test_what_waits_outside_the_slots_is_not_said_to_wait_for_nothing() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="waiting")
    async with console(control) as operator:
        await at_pulse(operator, "waiting 1", "nothing waits for a slot")


async def test_without_an_engine_the_head_says_how_to_get_one() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        control.engine = None
        await operator.beat()
        await operator.sees("no engine answers: E starts one", "NO ENGINE")


async def test_a_home_without_an_engine_shows_what_its_store_counts_and_how_to_start_one() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), status="queued")
    control.engine = None
    async with console(control) as operator:
        await at_pulse(operator, "queued 1", "no engine is running (start one with E, or 'taskdeck serve')")
        screen = await operator.sees("Jobs   not known without an engine", "no engine answers")
        assert "/min" not in screen
        assert "nothing has run yet" not in screen
        control.engine = INFO
        await operator.beat()
        await operator.sees("/min")
        await operator.misses("no engine is running", "not known")
        control.engine = None
        await operator.beat()
        await operator.sees("no engine is running")
        await operator.misses("/min")


async def test_a_host_whose_store_cannot_be_read_says_that_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = FakeControl()
    control.engine = None

    async def refuse(*_: object) -> object:
        raise Unavailable("engine.none", "no engine is running")

    monkeypatch.setattr(control, "ask", refuse)
    async with console(control) as operator:
        await at_pulse(operator, "Tasks  not known without an engine", "Jobs   not known without")
        screen = shown(operator.app)
        assert screen.count("no engine is running (start one with E, or 'taskdeck serve')") == 4
        assert "failed 0  " not in screen.splitlines()[2]


async def test_a_sum_that_cannot_be_read_leaves_the_counts_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    control = stocked()

    async def refuse(_request: object) -> PulseView:
        raise Unavailable("store.busy", "the store is busy")

    async with console(control) as operator:
        await at_pulse(operator, "http.5xx", "✗ failed 3")
        with monkeypatch.context() as patched:
            patched.setattr(control, "answer_pulse", refuse)
            control.set_task(7, status="failed")
            await operator.beat()
            await operator.sees("! the store is busy", "✗ failed 4", "http.5xx", "WHAT WAITS")
        control.set_task(7, status="queued")
        await operator.beat()
        await operator.misses("the store is busy")


def family(code: str, *, last_at: object = NOW) -> FamilyView:
    """Return a family of one failed task without an id, as failures from before families have none."""
    return FamilyView(
        id="",
        state=FamilyState.FAILING,
        code=code,
        pattern="",
        message="",
        failed=1,
        retrying=0,
        jobs=0,
        failures=1,
        first_at=NOW,
        last_at=last_at,  # type: ignore[arg-type]
        newest_task=1,
        trend=(),
    )


_FAULTY = family("odd", last_at="noon")


@pytest.mark.parametrize("failing", [None, (_FAULTY,)], ids=["no rows", "a faulty row"])
async def test_a_part_that_fails_leaves_the_other_parts(monkeypatch: pytest.MonkeyPatch, failing) -> None:
    control = FakeControl()
    wait = Waiting(kind=WaitKind.QUEUED, subject="mail", tasks=7)
    view = PulseView(rates=(), failing=failing, failing_searched=None, waiting=(wait,))

    async def answer(_request: object) -> PulseView:
        return view

    monkeypatch.setattr(control, "answer_pulse", answer)
    async with console(control) as operator:
        await operator.press("1")
        await operator.sees("! something went wrong here", "mail", "✗ failed 0")
        assert isinstance(operator.app.screen, PulseScreen)


async def test_what_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    control = FakeControl()
    view = PulseView(rates=(), failing=(), failing_searched=100_000, waiting=())

    async def answer(_request: object) -> PulseView:
        return view

    monkeypatch.setattr(control, "answer_pulse", answer)
    async with console(control) as operator:
        await at_pulse(operator, "what fails: searched newest 100,000")


async def test_changes_that_follow_close_are_summed_up_a_little_later(monkeypatch) -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        monkeypatch.setattr("console.screens.pulse.REST_SECONDS", 3_600)
        control.reads.clear()
        control.add_task(2, "new", status="failed", error={"code": "exit", "message": "exit status 7"})
        await operator.beat()
        await operator.sees("✗ failed 4")
        assert control.reads["pulse"] == 0
        monkeypatch.setattr("console.screens.pulse.REST_SECONDS", 0)
        operator.app.screen.refresh_ages()
        await operator.sees("exit status 7")
        assert control.reads["pulse"] == 1


async def test_a_frozen_pulse_sums_nothing_up(monkeypatch) -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.press("Z")
        await operator.sees("FROZEN")
        control.reads.clear()
        control.set_task(7, status="failed")
        await operator.beat()
        operator.app.screen.refresh_ages()
        await operator.pilot.pause()
        assert control.reads["pulse"] == 0


async def test_a_screen_name_can_be_typed_here_and_escape_gives_the_keys_back() -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.press("colon")
        await operator.sees("Go to")
        await operator.press("escape")
        await operator.misses("Go to")
        assert operator.app.screen.failing.has_focus
        await operator.press("colon")
        await operator.type("ev")
        await operator.press("enter")
        await operator.sees("Events")


async def test_a_change_draws_only_the_cells_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    control = stocked()
    async with console(control) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.beat()
        drawn: list[tuple[int, int]] = []
        counts = operator.app.screen.counts
        plain = counts.refresh

        def note(*regions, **more):
            drawn.extend((region.y, region.width) for region in regions)
            return plain(*regions, **more)

        monkeypatch.setattr(counts, "refresh", note)
        control.set_task(9, status="held")
        await operator.beat()
        await operator.pilot.pause()
        assert drawn == []
        control.set_task(7, status="held")
        await operator.beat()
        await operator.sees("■ held 2", "· queued 1")
        assert sum(width for _, width in drawn) < 30


@pytest.mark.parametrize("size", SIZES)
async def test_the_pulse_has_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked()) as operator:
        await operator.resize(*size)
        screen = await at_pulse(
            operator, "✗ failed 3", "peak", "WHAT FAILS", "http.5xx", "WHAT WAITS", "mail"
        )
        lines = screen.splitlines()
        assert len(lines) == size[1]
        assert all(cells(line) == size[0] for line in lines)
        assert "✓ succeeded 2" in screen
        assert "‖ paused 1" in screen


async def test_the_pulse_shows_hostile_texts_as_glyphs() -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE)
    error = {"code": HOSTILE, "message": HOSTILE}
    control.add_task(job, HOSTILE, status="failed", queue=HOSTILE, error=error)
    control.add_task(job, HOSTILE, queue=HOSTILE)
    control.engine = INFO.__class__(version=HOSTILE, pid=1, epoch=1, slots=1, running=1, home=HOSTILE)
    async with console(control, size=(220, 40)) as operator:
        await at_pulse(operator, VISIBLE, "all slots busy")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("r")
        await operator.sees("Retry")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("n", "enter")
        await operator.sees("/ code:", "✗ failed", VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("escape", "tab", "enter")
        await operator.sees("/ status:queued", "· queued", VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


async def test_another_theme_repaints_the_pulse() -> None:
    async with console(stocked()) as operator:
        await at_pulse(operator, "http.5xx")
        await operator.press("ctrl+t", "ctrl+t")
        await operator.sees("✗ failed 3", "http.5xx", "peak")


def test_a_code_is_asked_for_as_it_is_and_so_is_having_none() -> None:
    assert unparse(where_family(family('a b"*'), "failed")) == 'code:"a b\\"*" status:failed'
    assert unparse(where_family(family(""), "failed", "retrying")) == '-code~"." status:failed,retrying'


@pytest.mark.parametrize(
    ("kind", "subject", "said"),
    [
        (WaitKind.NEEDS, "7", "status:blocked job:7"),
        (WaitKind.NEEDS, "", "status:blocked"),
        (WaitKind.PAUSED_QUEUE, "mail", "status:queued queue:mail"),
        (WaitKind.RETRYING, "", "status:retrying"),
        (WaitKind.HELD, "12", "status:held job:12"),
    ],
)
def test_every_reason_to_wait_finds_its_tasks(kind: WaitKind, subject: str, said: str) -> None:
    assert unparse(where_waiting(Waiting(kind=kind, subject=subject, tasks=1))) == said


def test_bars_stand_on_zero_and_show_the_least_one() -> None:
    assert bars([0, 1, 4, 8], width=4) == [" ▁▄█"]
    assert bars([0, 1, 1_000_000], width=3) == [" ▁█"]
    assert bars([0, 0], width=2) == ["  "]
    assert bars([1, 16], width=2, height=2) == [" █", "▁█"]


def test_bars_are_added_up_where_there_is_no_room_and_wider_where_there_is() -> None:
    assert bars([9, 0, 0, 1, 1], width=3) == ["█ ▂"]
    assert bars([8, 1], width=5) == [" ██▁▁"]
    assert bars([], width=3, height=2) == ["   ", "   "]
    assert bars([1], width=0) == [""]


@pytest.mark.parametrize("width", range(1, 130, 7))
def test_bars_fill_exactly_their_room(width: int) -> None:
    assert {cells(line) for line in bars(list(range(60)), width=width, height=3)} == {width}


def test_the_rate_is_of_the_newest_minute_and_the_peak_of_the_best() -> None:
    ended = [0, 5, 5, 5, 5, 5, 5, 0, 0, 0, 1]
    rates = [Rate(at=at * 10_000, seconds=10, ended={"failed": number}) for at, number in enumerate(ended)]
    trend = trend_of(rates, "failed")
    assert (trend.now, trend.peak, trend.steps) == (11, 30, tuple(ended))
    assert trend_of(rates, "succeeded").peak == 0
    assert (trend_of((), "failed").now, trend_of((), "failed").steps) == (0, ())


def test_changed_cells_are_found_in_runs_with_wide_characters_in_their_places() -> None:
    def line(text: str, style: Style | None = None) -> list[tuple[SafeText, Style | None]]:
        return [(SafeText(text), style)]

    assert changed(line("failed 1   "), line("failed 2   ")) == [(7, 8)]
    assert changed(line("1" + " " * 20 + "1"), line("2" + " " * 20 + "2")) == [(0, 1), (21, 22)]
    assert changed(line("1 1"), line("2 2")) == [(0, 3)]
    assert changed(line("漢字1"), line("漢字2")) == [(4, 5)]
    assert changed(line("ab"), line("abc")) == [(2, 3)]
    assert changed(line("a"), line("a", Style(bold=True))) == [(0, 1)]
    assert changed(line("e"), line("e\u0301")) == [(0, 1)]


def test_parts_flow_over_as_many_lines_as_they_need() -> None:
    parts = [(SafeText(word), None) for word in ("failed 1", "running 2", "queued 3")]
    laid = ["".join(text for text, _ in line) for line in flow(SafeText("T "), parts, 22)]
    assert laid == ["T failed 1  running 2  ", "  queued 3  "]
    assert all(len(line.rstrip()) <= 22 for line in laid)


def _reversed_lines(operator: Operator) -> list[str]:
    lines = operator.app.screen._compositor.render_strips()
    return [
        strip.text.split()[0] if strip.text.split()[0] != "·" else strip.text.split()[1]
        for strip in lines
        if any(segment.style and segment.style.reverse for segment in strip)
        and not strip.text.strip().startswith("Pulse")
    ]


async def _go_to_wait(operator: Operator, kind: WaitKind, subject: str) -> None:
    screen = operator.app.screen
    assert isinstance(screen, PulseScreen)
    await operator.press("tab")
    for _ in range(10):
        selected = screen.waiting.selected  # type: ignore[attr-defined]
        if selected is not None and (selected.kind, selected.subject) == (kind, subject):
            return
        await operator.press("j")
    raise AssertionError(shown(operator.app))


async def test_what_runs_stands_beside_what_is_usual_longest_first_and_leads_to_its_task() -> None:
    control = FakeControl()
    usual = UsualTime(median_ms=40_000, p90_ms=50_000, p95_ms=60_000, attempts=9)
    now = time.time_ns() // 1_000_000
    short = control.add_task(1, "short", status="running", attempts=1, started_at=now - 30_000, usual=usual)
    control.add_task(1, "long", status="running", attempts=1, started_at=now - 600_000, usual=usual)
    async with console(control, at="1", size=(100, 30)) as operator:
        told = await operator.sees("WHAT RUNS", "!10m", "40s")
        assert told.index("long") < told.index("short")
        await operator.press("tab", "tab", "j", "enter")
        await operator.sees(f"Task {short}")
        for number in (1, 2):
            control.set_task(number, status="succeeded")
        await operator.press("escape")
        await operator.misses("WHAT RUNS")
        await operator.press("tab")
        await operator.until(lambda: operator.app.screen.waiting.has_focus, "Tab goes round what is shown")
