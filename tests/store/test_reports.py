"""Tests of the views against the rows, with bounded statements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event as events_of

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Cancel, ComeDue, Complete, Hold, Pause, Rerun, Submit
from core.model.errors import Conflict, Invalid, NotFound
from core.model.outcomes import RetryAt, Succeeded
from core.model.plans import JobPlan, OnTaskFailure, RetryPolicy
from core.model.views import TaskView
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.expression_inputs import Mentioned, TaskResult
from core.store.reports.paging import search
from core.store.reports.paging.keyset import PAGE_MAX
from tests.store.deck import Deck, failure, stage, task
from tests.support.steps import counted_calls


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def every_page(reports: Reports, text: str, limit: int) -> list[TaskView]:
    rows: list[TaskView] = []
    after: str | None = None
    while True:
        page = await reports.tasks.page(parse(text, Noun.TASKS), after=after, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        after = page.next
        if after is None:
            return rows


async def test_a_job_shows_how_many_tasks_stand_where(deck: Deck, reports: Reports) -> None:
    number = deck.job(stage(task("a"), task("b", "a")), name="nightly", params={"day": 3})
    view = await reports.jobs.view(number)
    assert (view.name, view.status, view.params, view.actor) == ("nightly", "pending", {"day": 3}, "tester")
    assert view.tasks == {"queued": 1, "blocked": 1}
    deck.drain()
    assert (await reports.jobs.view(number)).tasks == {"succeeded": 2}
    result = await reports.outcomes.results(number)
    assert (result.status, result.tasks, result.reason) == ("succeeded", {"succeeded": 2}, None)


async def test_jobs_come_newest_first_and_page_by_page(deck: Deck, reports: Reports) -> None:
    made = [deck.job(stage(task("a")), name=f"j{n}") for n in range(5)]
    first = await reports.jobs.page(limit=4)
    assert [job.id for job in first.rows] == made[:0:-1]
    assert first.rows[0].tasks == {"queued": 1}
    second = await reports.jobs.page(after=first.next, limit=4)
    assert [job.id for job in second.rows] == [made[0], 1]
    assert second.next is None


async def test_an_unknown_job_names_the_newest(deck: Deck, reports: Reports) -> None:
    deck.job(stage(task("a")))
    for asked in (99, 0, -3, 2**70):
        with pytest.raises(NotFound) as caught:
            await reports.jobs.view(asked)
        assert (caught.value.code, caught.value.facts["near"]) == ("job.unknown", [2, 1])
    for method in (reports.jobs.detail, reports.jobs.definition, reports.outcomes.results):
        with pytest.raises(NotFound):
            await method(99)


async def test_the_page_of_a_job_has_stages_tasks_and_needs(deck: Deck, reports: Reports) -> None:
    number = deck.job(
        stage(task("b"), task("a"), task("join", "a", "b", with_={"x": 1}, metadata={"m": 2})),
        stage(task("last", "join"), name="two"),
    )
    detail = await reports.jobs.detail(number)
    assert [(s.position, s.name, s.status, s.tasks) for s in detail.stages] == [
        (0, "only", "open", {"queued": 2, "blocked": 1}),
        (1, "two", "pending", {"blocked": 1}),
    ]
    assert [(t.task.key, t.needs) for t in detail.tasks] == [
        ("b", ()),
        ("a", ()),
        ("join", ("b", "a")),
        ("last", ("join",)),
    ]
    assert (detail.tasks[2].with_, detail.tasks[2].metadata) == ({"x": 1}, {"m": 2})


async def test_the_page_of_the_inbox_is_bounded(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("t") for _ in range(1_200)))
    detail = await reports.jobs.detail(1)
    ids = [found.task.id for found in detail.tasks]
    assert ids == list(range(201, 1_201))
    assert detail.stages[0].tasks == {"queued": 1_200}


async def test_groups_are_counted_by_status_newest_first(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b"), group="first")
    admitted = deck.now
    deck.loose(task("alone"))
    deck.loose(task("c"), group="second \ud800")
    deck.claim(1)
    late, early = (await reports.tasks.groups()).rows
    assert (early.name, early.tasks, early.created_at) == ("first", {"running": 1, "queued": 1}, admitted)
    assert (late.name, late.tasks) == ("second \ud800", {"queued": 1})
    deck.loose(task("d"), group="first")
    (newest,) = (await reports.tasks.groups(limit=1)).rows
    assert (newest.name, newest.created_at) == ("first", admitted)


async def test_groups_of_older_tasks_are_left_out_and_that_is_said(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SCAN_LIMIT", 3)
    deck.loose(task("a"), task("b"), group="first")
    assert (await reports.tasks.groups()).searched is None
    deck.loose(task("c"), task("d"), task("e"), group="second")
    page = await reports.tasks.groups()
    assert ([view.name for view in page.rows], page.searched) == (["second"], 3)


async def test_six_thousand_tasks_are_read_in_few_statements(
    deck: Deck, readers: Readers, reports: Reports
) -> None:
    keys = [f"t{n}" for n in range(6_000)]
    number = deck.job(stage(*(task(key, *keys[max(0, n - 3) : n]) for n, key in enumerate(keys))))
    statements: list[str] = []
    engine = readers._pool.engine.sync_engine
    events_of.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with counted_calls() as calls:
        detail = await reports.jobs.detail(number)
    assert calls.number < 105 * 6_000
    assert len(detail.tasks) == 6_000
    assert detail.tasks[-1].needs == ("t5996", "t5997", "t5998")
    assert len(statements) <= 9


async def test_a_task_shows_its_attempts_and_its_whole_output(deck: Deck, reports: Reports) -> None:
    big = {"text": "x" * 10_000, "odd": "\ud800\0"}
    deck.loose(task("a", retry=RetryPolicy(max_attempts=3)))
    deck.claim()
    deck.do(Complete(task_id=1, epoch=1, outcome=failure(), decision=RetryAt(at=deck.now + 5)))
    view = (await reports.tasks.detail(1)).task
    assert (view.status, view.retry_at, view.error) == (
        "retrying",
        deck.now + 5 - 10,
        {"code": "exit", "message": "it broke"},
    )
    deck.do(ComeDue())
    deck.end(*deck.claim(), outcome=Succeeded(output=big))
    detail = await reports.tasks.detail(1)
    assert detail.output == big
    assert [(a.epoch, a.status, a.error) for a in detail.attempts] == [
        (1, "failed", {"code": "exit", "message": "it broke"}),
        (2, "succeeded", None),
    ]
    assert (detail.task.attempts, detail.task.max_attempts, detail.task.error) == (2, 3, None)


async def test_a_task_that_was_asked_to_stop_says_so_until_it_has(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"))
    attempts = deck.claim()
    deck.do(Cancel(task_ids=(1,), reason="enough", actor="ann"))
    asked = (await reports.tasks.detail(1)).task.stop_requested
    assert asked == {"by": "ann", "at": deck.now, "reason": "enough", "how": "ask"}
    deck.end(*attempts, outcome=failure())
    view = (await reports.tasks.detail(1)).task
    assert (view.status, view.stop_requested) == ("cancelled", None)


async def test_names_that_no_terminal_likes_come_back_unharmed(deck: Deck, reports: Reports) -> None:
    odd = "nul\0 lone\ud800 esc\x1b é"
    deck.loose(task(odd, name=odd), group=odd)
    view = (await reports.tasks.detail(1)).task
    assert (view.key, view.name, view.group) == (odd, odd, odd)
    assert (await reports.events.page(task_id=1)).rows[0].key == odd
    assert await reports.tasks.find(odd) == 1


@pytest.mark.parametrize(
    "order",
    [
        "",
        "sort:id",
        "sort:-queued",
        "sort:finished",
        "sort:key",
        "sort:-age",
        "sort:err",
        "sort:-took",
        "sort:wait",
    ],
)
async def test_pages_join_without_gap_or_repeat(deck: Deck, reports: Reports, order: str) -> None:
    deck.loose(*(task(f"k{n % 3}", priority=n % 4) for n in range(11)))
    deck.end(*deck.claim(4))
    deck.end(*deck.claim(2), outcome=failure(message="\ud800"))
    deck.do(Hold(task_ids=(10, 11)))
    deck.job(stage(task("a"), task("b", "a"), task("c", "a")))
    whole = await every_page(reports, order, 1_000)
    assert len({view.id for view in whole}) == 14
    for limit in (1, 2, 5):
        assert await every_page(reports, order, limit) == whole


async def test_what_runs_keeps_its_place_between_two_pages(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task(f"k{n}") for n in range(6)))
    (first, *_) = deck.claim(1)
    deck.now += 1_000
    deck.claim(4)
    deck.now += 1_000
    deck.end(first)
    where = parse("sort:-took", Noun.TASKS)
    seen, after = [], None
    while after is not None or not seen:
        page = await reports.tasks.page(where, after=after, limit=1)
        seen += [view.id for view in page.rows]
        after = page.next
        deck.now += 10_000
    assert seen == [1, 4, 3, 2, 6, 5]
    assert [view.id for view in (await reports.tasks.page(parse("took>30s", Noun.TASKS))).rows] == [4, 3, 2]


async def test_attempts_before_a_rerun_do_not_count_as_tries(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a", retry=RetryPolicy(max_attempts=3)))
    tried = []
    for outcome in (failure(), failure(), None):
        tried.append((await reports.tasks.detail(1)).task.tries)
        (pair,) = deck.claim(1)
        tried.append((await reports.tasks.detail(1)).task.tries)
        deck.end(pair, outcome=outcome)
        tried.append((await reports.tasks.detail(1)).task.tries)
        if outcome is not None:
            deck.do(Rerun(task_ids=(1,)))
    view = (await reports.tasks.detail(1)).task
    assert tried == [0, 1, 1] * 3
    assert (view.tries, view.attempts) == (1, 3)
    assert [one.id for one in (await reports.tasks.page(parse("try:1 attempts:3", Noun.TASKS))).rows] == [1]


async def test_lists_are_ordered_as_asked_with_nothing_last(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"))
    deck.loose(task("b"))
    deck.end(*deck.claim(1))
    deck.loose(task("c"))
    assert [view.key for view in await every_page(reports, "sort:queued", 9)] == ["a", "b", "c"]
    assert [view.key for view in await every_page(reports, "sort:-queued", 9)] == ["c", "b", "a"]
    assert [view.key for view in await every_page(reports, "sort:finished", 9)] == ["a", "b", "c"]
    assert [view.key for view in await every_page(reports, "sort:-finished", 9)] == ["a", "c", "b"]
    assert [view.key for view in await every_page(reports, "sort:age", 9)] == ["c", "b", "a"]


@pytest.mark.parametrize("cursor", ["", "!", "e30", "WyJ0YXNrczppZCIsMSwxXQ", "W" * 999, "é", "W1tb"])
async def test_a_cursor_of_another_list_is_refused(deck: Deck, reports: Reports, cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        await reports.tasks.page(after=cursor)
    assert caught.value.code == "page.cursor"


async def test_no_page_is_longer_than_the_limit(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("t") for _ in range(PAGE_MAX + 5)))
    assert len((await reports.tasks.page(limit=10**9)).rows) == PAGE_MAX
    assert len((await reports.tasks.page(limit=0)).rows) == 1
    assert len(await reports.targets.task_ids(limit=10**9)) == PAGE_MAX


async def test_queues_show_counts_and_why_they_are_paused(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b", queue="slow"), task("c", queue="slow"))
    deck.do(Pause(queue="slow", reason="disk", actor="ann"))
    default, slow = await reports.queues.all()
    assert (default.name, default.tasks, default.paused_at) == ("default", {"queued": 1}, None)
    assert (slow.tasks, slow.paused_by, slow.pause_reason) == ({"queued": 2}, "ann", "disk")
    assert (await reports.totals.current()).tasks == {"queued": 3}


async def test_events_come_in_order_of_id_and_page_by_page(deck: Deck, reports: Reports) -> None:
    number = deck.job(stage(task("a"), task("b", "a")))
    deck.loose(task("x"))
    deck.drain()
    everything = (await reports.events.page(limit=500)).rows
    assert [event.id for event in everything] == sorted(event.id for event in everything)
    of_job = [event for event in everything if event.job_id == number]
    assert list((await reports.events.page(job_id=number)).rows) == of_job
    assert list((await reports.events.page(parse(f"job:{number}", Noun.EVENTS))).rows) == of_job
    page = await reports.events.page(limit=2)
    assert page.next == str(page.rows[-1].id)
    following = await reports.events.page(after_id=int(page.next or 0), limit=500)
    assert [*page.rows, *following.rows] == list(everything)
    assert following.next is None
    newest = await reports.events.page(parse("sort:-id", Noun.EVENTS), limit=3)
    assert list(newest.rows) == list(everything)[:-4:-1]
    kinds = [event.kind for event in (await reports.events.page(task_id=1)).rows]
    assert kinds == ["task.created", "task.claimed", "task.succeeded"]
    claimed = (await reports.events.page(parse("kind:task.claimed key:b", Noun.EVENTS))).rows
    assert [(event.key, event.attempt) for event in claimed] == [("b", 1)]
    with pytest.raises(Invalid, match="order of id"):
        await reports.events.page(parse("sort:key", Noun.EVENTS))


async def test_tasks_are_found_by_id_key_or_both(deck: Deck, reports: Reports) -> None:
    one = deck.job(stage(task("load"), task("only")))
    two = deck.job(stage(task("load")))
    assert await reports.tasks.find("2") == 2
    assert await reports.tasks.find("only") == 2
    assert await reports.tasks.find(f"{one}/load") == 1
    assert await reports.tasks.find(f"{two}/load") == 3
    with pytest.raises(Conflict) as caught:
        await reports.tasks.find("load")
    assert (caught.value.code, caught.value.facts["ids"]) == ("task.ambiguous", [3, 1])
    for ref in ("77", "nothing", f"{two}/only", "", "/", "9" * 40, "x/y"):
        with pytest.raises(NotFound) as missing:
            await reports.tasks.find(ref)
        assert missing.value.code == "task.unknown"
    for number in (77, 0, 2**80):
        with pytest.raises(NotFound):
            await reports.tasks.detail(number)


async def test_the_id_of_an_unknown_task_is_a_number_and_a_key_is_text(reports: Reports) -> None:
    named = []
    for asked in (reports.tasks.detail(77), reports.tasks.find("77"), reports.tasks.find("nothing")):
        with pytest.raises(NotFound) as missing:
            await asked
        named.append(missing.value.facts["task"])
    assert named == [77, 77, "nothing"]


async def test_ids_for_bulk_verbs_come_in_rising_bites(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("t", queue="a" if n % 2 else "b") for n in range(10)))
    filter_ = parse("queue:a sort:-id", Noun.TASKS)
    first = await reports.targets.task_ids(filter_, limit=3)
    assert first == [2, 4, 6]
    assert await reports.targets.task_ids(filter_, after=first[-1]) == [8, 10]
    assert await reports.outcomes.task_statuses([1, 2, 99]) == {1: "queued", 2: "queued"}


async def test_a_definition_is_kept_as_submitted(deck: Deck, reports: Reports) -> None:
    plan = JobPlan(
        name="w", stages=(stage(task("a")),), definition={"name": "w", "é": 1}, definition_hash="h"
    )
    (answer,) = deck.do(Submit(plan=plan))
    assert await reports.jobs.definition(answer.job_id) == {"name": "w", "é": 1}  # type: ignore[union-attr]
    assert await reports.jobs.definition(1) == {}


async def test_expressions_see_params_and_final_tasks(deck: Deck, reports: Reports) -> None:
    number = deck.job(
        stage(task("a"), task("b"), task("c", "a")), params={"p": 1}, on_task_failure=OnTaskFailure.CONTINUE
    )
    deck.claim()
    deck.end((1, 1), outcome=Succeeded(output={"big": "y" * 9_000}))
    expressions = reports.expressions
    every = frozenset({"a", "b", "c", "nothing"})
    inputs = await expressions.expression_inputs(number, Mentioned(tasks=every, outputs=every))
    assert (inputs.params, inputs.job) == (
        {"p": 1},
        {"id": number, "name": "work", "verdict": "succeeded"},
    )
    result = TaskResult(uses="delay", status="succeeded", output={"big": "y" * 9_000}, error={})
    assert inputs.tasks == {"a": result}
    assert inputs.size > 9_000
    deck.end((2, 1), outcome=failure())
    inputs = await expressions.expression_inputs(number, Mentioned(tasks=frozenset({"b"})))
    error = {"code": "exit", "message": "it broke"}
    assert inputs.tasks == {"b": TaskResult(uses="delay", status="failed", output=None, error=error)}
    assert (await expressions.expression_inputs(number, Mentioned())).tasks == {}
    with pytest.raises(NotFound):
        await reports.expressions.expression_inputs(99, Mentioned())


async def test_expressions_read_no_output_and_no_params_that_they_do_not_mention(
    deck: Deck, reports: Reports
) -> None:
    number = deck.job(stage(task("a"), task("b")), params={"large": "x" * 5_000})
    deck.claim()
    for place in ((1, 1), (2, 1)):
        deck.end(place, outcome=Succeeded(output={"big": "y" * 9_000}))
    mentioned = Mentioned(tasks=frozenset({"a", "b"}), outputs=frozenset({"b"}), params=False)
    inputs = await reports.expressions.expression_inputs(number, mentioned)
    assert (inputs.tasks["a"].output, inputs.params) == (None, {})
    assert inputs.tasks["b"].output == {"big": "y" * 9_000}
    assert inputs.size < 9_100


async def test_a_job_number_given_again_is_not_mistaken_for_the_former_job(
    deck: Deck, reports: Reports
) -> None:
    number = deck.job(stage(task("a"), task("b")))
    deck.drain()
    both = frozenset({"a", "b"})
    await reports.expressions.expression_inputs(number, Mentioned(tasks=both, outputs=both))
    # Without a trace of its number, or it would not be given again.
    deck.db.execute("PRAGMA foreign_keys = OFF")
    for table in ("event WHERE job_id = 2", "attempt", "task", "stage WHERE job_id = 2", "job WHERE id = 2"):
        deck.db.execute(f"DELETE FROM {table}")
    assert deck.job(stage(task("b"), task("a"))) == number
    deck.claim()
    deck.end((1, 1), outcome=Succeeded(output="of b"))
    inputs = await reports.expressions.expression_inputs(number, Mentioned(tasks=both, outputs=both))
    result = TaskResult(uses="delay", status="succeeded", output="of b", error={})
    assert inputs.tasks == {"b": result}


async def test_recovery_finds_open_attempts_and_waiting_conditions(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a", on_loss="ask"), task("b"), task("c", when="params.x"))
    deck.claim()
    deck.do(Cancel(task_ids=(2,), actor="ann"))
    first, second = await reports.attempts.open_attempts()
    assert (first.task_id, first.epoch, first.key, first.stop_how, first.max_attempts) == (1, 1, "a", None, 1)
    assert second.stop_how == "ask"
    assert '"on_loss":"ask"' in first.spec
    assert [found.task_id for found in await reports.attempts.open_attempts(after=1)] == [2]
    assert len(await reports.attempts.open_attempts(limit=1)) == 1
    assert await reports.conditions.to_judge() == [3]
    (waiting,) = await reports.conditions.some([1, 2, 3, 4])
    assert (waiting.task_id, waiting.key) == (3, "c")
    assert '"when":"params.x"' in waiting.spec
    assert await reports.conditions.to_judge(after=3) == []
