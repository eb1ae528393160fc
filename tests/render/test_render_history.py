"""The history told: a sentence for each kind of event."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from core.model.events import BIRTHS, KINDS, EventView
from core.model.noise import NOISE, Noise, noise_of
from core.model.status import JOB_MOVES, STAGE_MOVES, TASK_MOVES
from core.model.text import cells, safe_line
from core.model.values import JsonValue, json_line
from core.render.history.folding import LEAST, folded
from core.render.history.lines import line_of, line_shape
from core.render.history.phrases import PHRASES
from tests.support.hostile import hostile
from tests.support.seeds import seeds
from tests.support.tables import each


def event(kind: str, **more: object) -> EventView:
    known: dict[str, object] = {"id": 7, "at": 1_000, "job_id": 2, "task_id": None, "key": None}
    return EventView(kind=kind, **{**known, "attempt": None, "actor": None, "data": {}, **more})  # type: ignore[arg-type]


def of_task(kind: str, key: str = "parse", **data: JsonValue) -> EventView:
    return event(kind, task_id=3, key=key, attempt=2, data=data)


@each("kind", KINDS)
def test_every_kind_of_event_has_a_sentence(kind: str) -> None:
    assert kind in PHRASES, f"core/render/history/phrases.py says nothing of {kind}"
    line = line_of(event(kind))
    assert line.subject
    assert line.move or line.told, f"{kind} tells nothing"


def test_no_sentence_is_of_a_kind_that_does_not_exist() -> None:
    assert set(PHRASES) <= set(KINDS)
    assert set(NOISE) <= set(KINDS)


@each("move", [*JOB_MOVES, *STAGE_MOVES, *TASK_MOVES], ids=lambda move: move.event)
def test_every_move_tells_the_status_before_and_after(move) -> None:
    told = {"from": str(move.name), "status": str(move.target)}
    line = line_of(event(move.event, data=told))
    assert (line.before, line.after) == (move.name, str(move.target))
    assert line.text.partition(": ")[2].startswith(f"{move.name} -> {move.target}")


def test_what_is_not_of_the_job_is_marked() -> None:
    line = line_of(event("queue.paused", job_id=None, data={"queue": "mail"}))
    assert line.text == "~ queue mail: is paused"
    assert line_shape(line)["own"] is False
    assert line_shape(line_of(event("stage.open", data={"name": "main"})))["own"] is True


def test_a_first_status_has_none_before_it() -> None:
    line = line_of(event("stage.open", data={"name": "main"}))
    assert line.text == "stage main: is open"


def test_a_child_has_its_place_or_goes_on_without_one() -> None:
    assert line_of(event("job.took_place", data={"limit": "kids", "set": 3})).text == (
        "job 2: has a place under limit kids"
    )
    # As stores of earlier releases have it.
    for told in ({"set": 0}, {"limit": "", "set": 0}):
        assert line_of(event("job.took_place", data=told)).text == "job 2: goes on without a place"


def test_a_job_is_submitted_with_its_parameters() -> None:
    told: dict[str, JsonValue] = {"name": "nightly", "params": {"n": 3, "day": "mon"}, "params_left_out": 2}
    line = line_of(event("job.created", actor="ana (cli)", data=told))
    assert line.text == ('job 2: nightly is submitted, with n=3, day="mon", and 2 more (by ana (cli))')


def test_a_variable_is_told_with_its_values_before_and_after() -> None:
    line = line_of(of_task("variable.set", variable="n", was=None, value={"a": "\x1b"}))
    assert line.text == 'parse: sets n, null -> {"a": "\\u001b"}'


def test_who_and_why_are_told_and_the_engine_is_not_named() -> None:
    held = of_task("task.held", **{"from": "queued", "reason": "wrong date"})
    assert line_of(held).text == "parse: queued -> held (wrong date)"
    by_ana = event("task.held", key="parse", task_id=3, actor="ana (cli)", data=held.data)
    assert line_of(by_ana).text == "parse: queued -> held (by ana (cli): wrong date)"
    by_engine = event("task.held", key="parse", task_id=3, actor="engine", data=held.data)
    assert line_of(by_engine).text == line_of(held).text


def test_moments_and_lengths_are_written_as_people_read_them() -> None:
    assert line_of(of_task("task.slow", after_ms=90_000)).text.endswith("its soft timeout, after 1m30s")
    later = line_of(of_task("task.retry_scheduled", **{"retry_at": 0, "from": "running"}))
    assert "due at 19" in later.text
    assert "due at 9999999999999999999" in line_of(of_task("task.retry_scheduled", retry_at=10**19 - 1)).text


def test_a_task_that_is_gone_is_told_by_its_number() -> None:
    assert line_of(event("task.queued", task_id=9)).subject == "task 9"


def test_a_task_is_asked_to_stop_with_the_attempt_it_has() -> None:
    asked = line_of(of_task("task.stop_requested", how="cancel"))
    assert asked.text == "parse: is asked to stop, attempt 2"
    killed = line_of(of_task("task.stop_requested", how="kill", reason="wrong date"))
    assert killed.text == "parse: is asked to stop, attempt 2, its processes are killed (wrong date)"
    waiting = line_of(event("task.stop_requested", key="parse", task_id=3, data={"how": "cancel"}))
    assert waiting.text == "parse: is asked to stop"


def test_an_unknown_kind_is_told_by_its_name_and_facts() -> None:
    assert line_of(event("moon.rose", data={"size": 3})).text == "moon.rose: size 3"


def test_people_are_always_part_of_the_story_but_for_the_tasks_they_submit() -> None:
    assert noise_of("task.claimed", None) is noise_of("task.claimed", "engine") is Noise.MOVES
    assert noise_of("task.queued", "ana (cli)") is Noise.STORY
    assert noise_of("task.created", "ana (cli)") is Noise.ALL
    assert [noise_of(kind, None) for kind in ("job.failed", "stage.open", "attempt.failed")] == [0, 0, 0]


def _values(draw: Random) -> Iterator[JsonValue]:
    """Yield facts of all sorts, texts that would drive a terminal among them."""
    while True:
        text = draw.choice(
            (*draw.sample(HOSTILE, 3), "", "{key}", "[red]x[/]", "\ud800", "a\nb", "x" * 5_000)
        )
        huge = 10 ** draw.randint(0, 40)
        yield draw.choice(
            (
                None,
                True,
                -huge,
                huge,
                1.5,
                text,
                [text],
                {text: text},
                {"code": text, "message": text},
                [],
                {},
            )
        )


HOSTILE = hostile()
NAMES = (
    *("from", "reason", "error", "output", "params", "params_left_out", "name", "key", "status", "stage"),
    *("needs", "needs_left_out", "ends", "task", "retry_at", "until", "after_ms", "how", "tolerated", "x y"),
    *("verdict", "max_attempts", "reopened", *HOSTILE[:3]),
)


@pytest.mark.parametrize("seed", seeds(3, soak=200))
def test_no_fact_of_an_event_breaks_its_line_or_drives_a_terminal(seed: int) -> None:
    draw = Random(seed)
    values = _values(draw)
    for kind in KINDS:
        data = {name: next(values) for name in draw.sample(NAMES, draw.randint(0, len(NAMES)))}
        texts = {name: draw.choice((None, *draw.sample(HOSTILE, 2), "x")) for name in ("key", "actor")}
        numbers = {name: draw.choice((None, 3)) for name in ("task_id", "job_id", "attempt")}
        one = event(kind, data=data, **texts, **numbers)
        line = line_of(one)
        assert line.text == safe_line(line.text)
        assert "\n" not in line.text
        assert cells(line.text) < 20_000
        assert json_line(line_shape(line)).isascii()


def _queued(*keys: str) -> Iterator[EventView]:
    yield from (of_task("task.queued", key, **{"from": "blocked"}) for key in keys)


def test_what_is_said_of_many_tasks_in_a_row_is_one_line() -> None:
    keys = [f"t{number}" for number in range(LEAST)]
    (run,) = folded(map(line_of, _queued(*keys)))
    assert [text for _, text in run.texts()] == [f"t0, t1 and {LEAST - 2} more: blocked -> queued"]


def test_few_lines_or_lines_that_say_something_else_stay_as_they_are() -> None:
    stories = [*_queued("a", "b", "c"), of_task("task.queued", "d", **{"from": "held"})]
    texts = [text for run in folded(map(line_of, stories)) for _, text in run.texts()]
    assert texts == [
        *(f"{key}: blocked -> queued" for key in "abc"),
        "d: held -> queued",
    ]


def test_events_of_no_task_are_never_folded() -> None:
    paused = [event("job.paused", id=number, data={"from": "running"}) for number in range(9)]
    assert len([*folded(map(line_of, paused))]) == 9


def test_births_tell_no_move() -> None:
    assert [line_of(event(kind, data={"status": "queued"})).move for kind in BIRTHS] == ["", ""]
