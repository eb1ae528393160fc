"""Tests of why a task waits: reasons and order."""

from __future__ import annotations

import pytest

from core.model.lanes import Head
from core.model.patterns.group_views import GroupCounts
from core.model.status import TASK_FINAL, TASK_IDLE, TaskStatus
from core.model.views import ClaimsClosed
from core.model.waits import EngineFacts, Need, Place, Reason, Switch, TaskFacts, WaitCode
from core.rules.why.jobs import TaskReasons, grouped, job_summary
from core.rules.why.slots import by_pace, place_in_order
from core.rules.why.tasks import reasons, short, summary

SERVING = EngineFacts(state="serving", slots=2, running=2)
BY_ANN = Switch(by="ann", at=7, reason="ask first")


def task(status: str = "queued", **more: object) -> TaskFacts:
    usual = {"task_id": 5, "status": status, "job_id": 3, "job_status": "running", "queue": "mail"}
    return TaskFacts(**{**usual, **more})  # type: ignore[arg-type]


def codes(facts: TaskFacts, engine: EngineFacts = SERVING) -> list[str]:
    return [reason.code.value for reason in reasons(facts, engine)]


def closed(code: str, since: int) -> ClaimsClosed:
    return ClaimsClosed(
        code=code, message=f"{code} is so", hint="free some room", since=since, until=since + 9
    )


@pytest.mark.parametrize("status", sorted(TaskStatus))
def test_what_waits_has_a_reason_and_nothing_else_has(status: str) -> None:
    found = reasons(task(status), SERVING)
    assert bool(found) == (status in TASK_IDLE)
    assert all(reason.text and reason.short and reason.ends for reason in found)
    assert summary(task(status), found)
    assert bool(short(found)) == bool(found)


@pytest.mark.parametrize(
    ("facts", "code", "text", "ends"),
    [
        (
            task("blocked", needs_left=1, needs=(Need(task_id=9, key="fetch", status="running"),)),
            "needs",
            "it needs fetch (running)",
            "taskdeck why --task 9",
        ),
        (task("blocked", needs_left=1200), "needs", "1,200 needs of it have not ended", "the end of those"),
        (
            task("blocked", stage="out", stage_pending=True, earlier_stage="in", earlier_open=3),
            "stage",
            "its stage out begins when stage in is over (3 of its tasks have not ended)",
            "taskdeck why 3",
        ),
        (task("blocked", awaits_condition=True), "condition", "`when`", "the engine"),
        (task("blocked"), "settling", "about to queue it", "doctor"),
        (task("blocked", job_status="ending"), "ending", "job 3 is ending", "taskdeck retry 3"),
        (task("held", held=BY_ANN), "held", "it is held by ann: ask first", "taskdeck unhold --task 5"),
        (task("held"), "held", "it is held", "taskdeck unhold --task 5"),
        (
            task("retrying", retry_at=99, attempt=2, max_attempts=4, error="busy"),
            "retry",
            "attempt 3 of 4 is due later after: busy",
            "taskdeck retry --task 5",
        ),
        (task("waiting"), "answer", "parked", "answer"),
        (task(job_paused=BY_ANN), "job_paused", "job 3 is paused by ann: ask first", "taskdeck resume 3"),
        (task(queue_paused=BY_ANN), "queue_paused", "queue mail is paused by ann", "resume --queue mail"),
        (task(), "slots", "all 2 slots are taken", "its turn"),
        (task(fault="broken row"), "set_aside", "it is set aside: broken row", "doctor"),
    ],
)
def test_each_reason_says_what_holds_and_what_would_end_it(
    facts: TaskFacts, code: str, text: str, ends: str
) -> None:
    (reason,) = reasons(facts, SERVING)
    assert reason.code.value == code
    assert text in reason.text
    assert ends in reason.ends


@pytest.mark.parametrize(
    ("state", "code"),
    [("none", "no_engine"), ("silent", "engine_silent"), ("stopping", "stopping"), ("draining", "draining")],
)
def test_an_engine_that_claims_nothing_keeps_everything_back_last(state: str, code: str) -> None:
    engine = EngineFacts(state=state)
    assert codes(task(), engine) == [code]
    assert codes(task("held", queue_paused=BY_ANN), engine) == ["held", "queue_paused", code]
    assert codes(task("running"), engine) == []


def test_each_reason_of_closed_claims_is_told_apart_with_its_times() -> None:
    engine = EngineFacts(state="serving", slots=2, closed=(closed("store.full", 3), closed("short.disk", 8)))
    found = reasons(task(), engine)
    assert [(r.short, r.since, r.until) for r in found] == [("store.full", 3, 12), ("short.disk", 8, 17)]
    assert (found[0].text, found[0].ends) == ("nothing is claimed: store.full is so", "free some room")


def test_all_reasons_are_told_in_the_order_in_which_they_have_to_end() -> None:
    facts = task(
        "blocked",
        fault="x",
        stage_pending=True,
        needs_left=2,
        awaits_condition=True,
        job_paused=BY_ANN,
        queue_paused=BY_ANN,
    )
    engine = EngineFacts(state="draining", closed=(closed("store.full", 1),))
    found = codes(facts, engine)
    order = [code.value for code in WaitCode]
    assert found == ["set_aside", "stage", "needs", "job_paused", "queue_paused", "draining", "claims_closed"]
    assert found == sorted(found, key=order.index)
    assert short(reasons(facts, engine)) == "set aside +6"


def test_the_inbox_is_never_paused_and_a_condition_waits_for_the_needs() -> None:
    assert codes(task(job_id=1, job_paused=BY_ANN)) == ["slots"]
    assert codes(task("blocked", awaits_condition=True, needs_left=1)) == ["needs"]


def test_many_needs_are_named_up_to_five() -> None:
    needs = tuple(Need(task_id=n, key=f"k{n}", status="blocked") for n in range(20))
    (reason,) = reasons(task("blocked", needs_left=30, needs=needs), SERVING)
    assert reason.text.endswith("k4 (blocked) and 25 more")
    assert reason.short == "need k0 (1 of 30)"


@pytest.mark.parametrize(
    ("place", "text", "until"),
    [
        (Place(ahead=0), "; it is next", None),
        (Place(ahead=1), "; 1 task comes before it", None),
        (Place(ahead=64, at_least=True), "; at least 64 tasks come before it", None),
        (by_pace(Place(ahead=5), per_minute=3.0, now=100), "; 5 tasks come before it (predicted", 120_100),
    ],
)
def test_the_place_in_the_order_is_told(place: Place, text: str, until: int | None) -> None:
    (reason,) = reasons(task(place=place), SERVING)
    assert reason.text.startswith(f"all 2 slots are taken{text}")
    assert reason.until == until


def test_a_free_slot_and_a_single_one_are_called_so() -> None:
    assert reasons(task(), EngineFacts(state="serving", slots=2, running=1))[0].text == "a slot is free"
    only = EngineFacts(state="serving", slots=1, running=1)
    assert reasons(task(), only)[0].text == "the one slot is taken"


def test_no_time_is_foretold_without_a_pace_or_a_place() -> None:
    assert by_pace(Place(ahead=5), per_minute=0.0, now=1).starts_at is None
    assert by_pace(Place(ahead=5, at_least=True), per_minute=3.0, now=1).starts_at is None


def head(task_id: int, lane: int, *, key: int = 0) -> Head:
    return Head(lane_id=lane, task_id=task_id, job_id=lane, queue="q", sort_key=key, vtime=0)


def test_a_place_counts_what_fair_share_takes_first() -> None:
    lanes = [[head(1, 1), head(2, 1), head(3, 1)], [head(11, 2), head(12, 2)]]
    places = {n: place_in_order(n, lanes, limit=9, now=10, aging_step=1_000).ahead for n in (1, 11, 2, 12, 3)}
    assert places == {1: 0, 11: 1, 2: 2, 12: 3, 3: 4}


def test_a_place_behind_a_lane_that_was_not_read_to_its_end_is_the_least() -> None:
    lanes = [[head(1, 1)], [head(11, 2), head(12, 2), head(13, 2)]]
    assert not place_in_order(13, lanes, limit=4, now=10, aging_step=1_000).at_least
    assert place_in_order(13, lanes, limit=1, now=10, aging_step=1_000).at_least
    assert not place_in_order(1, lanes, limit=1, now=10, aging_step=1_000).at_least
    assert place_in_order(99, lanes, limit=9, now=10, aging_step=1_000) == Place(ahead=0, at_least=True)


def test_the_tasks_of_a_job_are_told_together() -> None:
    fetch = Need(task_id=9, key="fetch", status="running")
    facts = [
        task("blocked", task_id=1, needs_left=1, needs=(fetch,)),
        task("blocked", task_id=2, needs_left=2, needs=(fetch,)),
        task("retrying", task_id=3, retry_at=50, error="a"),
        task("retrying", task_id=4, retry_at=40, error="b"),
        task("retrying", task_id=5, retry_at=60, error="c"),
        task("held", task_id=6, held=BY_ANN),
    ]
    groups = grouped(TaskReasons(one, reasons(one, SERVING)) for one in facts)
    assert [(g.tasks, g.example, g.reason.short) for g in groups] == [
        (3, 3, "its retry"),
        (2, 1, "need fetch"),
        (1, 6, "held by ann"),
    ]
    assert groups[0].reason.until == 40
    said = job_summary("running", {"blocked": 2, "retrying": 3, "held": 1, "running": 4}, groups)
    assert said == "6 tasks: 3 wait for their retry, 2 need fetch, 1 is held by ann; 4 run"
    assert job_summary("running", {"blocked": 3, "running": 1}, groups * 2).endswith(
        " and 2 other reasons; 1 run"
    )
    assert job_summary("running", {"blocked": 3}, (*groups, *groups[:2])).endswith(
        " and 1 other reason; 0 run"
    )
    assert job_summary("failed", {}, ()) == "it has failed: nothing of it waits"
    assert job_summary("running", {"running": 2}, ()) == "nothing of it waits: 2 run"


def test_instances_that_wait_for_others_do_not_wait_for_the_engine_and_are_no_tasks_of_the_job() -> None:
    counts = GroupCounts(
        number=1, total=9, made=9, needed=None, parallel=2, by_status={"running": 2, "blocked": 7}
    )
    turns = [task("blocked", task_id=n, group=counts, group_task=1) for n in range(2, 9)]
    groups = grouped(TaskReasons(one, reasons(one, SERVING)) for one in turns)
    (group,) = groups
    assert "at most 2 instances of its group begin at once" in group.reason.text
    said = job_summary("running", {"waiting": 1}, groups)
    assert said == "1 task and instances of groups: 7 wait for their turn in the group"


def test_a_reason_that_joins_later_needs_only_its_facts_and_its_place() -> None:
    """What every renderer relies on."""
    assert {*Reason.__struct_fields__} == {"code", "short", "text", "ends", "since", "until", "numbers"}


def group(number: int, **by_status: int) -> GroupCounts:
    return GroupCounts(
        number=number, total=3, made=3, needed=None, parallel=None, by_status=by_status, job=3, key="g"
    )


@pytest.mark.parametrize("status", sorted(TASK_FINAL))
def test_a_group_that_has_ended_tells_how_its_instances_did_and_where_they_are(status: TaskStatus) -> None:
    facts = task(status, instances=group(1, failed=2, succeeded=1))
    told = (
        "; of its 3 instances: 2 failed, 1 succeeded; 'taskdeck tasks --where \"job:3 group:g\"' lists them"
    )
    assert summary(facts, ()).endswith(told)


def test_a_group_names_the_filter_of_its_instances_and_that_older_sets_are_in_it() -> None:
    (first,) = reasons(task("waiting", instances=group(1, queued=3)), SERVING)
    (third,) = reasons(task("waiting", instances=group(3, queued=3)), SERVING)
    listed = "the end of its instances: 'taskdeck tasks --where \"job:3 group:g\"' lists them"
    assert (first.ends, third.ends) == (listed, f"{listed}, and those of 2 older sets")
