"""Tests of the verbs' tiers without a screen: counts, questions, results."""

from __future__ import annotations

import pytest

from console.verbs import rehearsal
from console.verbs.operations import UNDO_SECONDS, Operations
from console.verbs.questions import CountQuestion, Plan, Report
from console.verbs.selection import Selection
from console.verbs.tiers import BOUNDED, REVERSIBLE, Scope, Tier, Verb, facts_of, meets, tier_of
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Forecast, Operated
from core.model.errors import Conflict, Unavailable
from core.model.orphans import OrphanKind
from core.model.predictions import Span, UnitCost
from core.model.refusals import refuse_task
from tests.console.support_fake_control import FakeControl


class Desk:
    """An operator who answers as set up, and keeps the questions and notices."""

    def __init__(self, control: FakeControl, *, answer: bool = True) -> None:
        self.control = control
        self.answer = answer
        self.questions: list[str] = []
        self.counted: list[CountQuestion] = []
        self.effects: list[tuple[str, ...]] = []
        self.plans: list[Plan] = []
        self.reports: list[Report] = []
        self.told: list[str] = []
        self.seconds: list[float] = []
        self.reason: str | None = "they hang"
        self.again: list[bool] = []
        self.key = "o"
        self.meanwhile = lambda: None
        self.operations = Operations(control, questions=self, notices=self)

    async def confirm(self, question):
        self.questions.append(question)
        self.meanwhile()
        return self.answer

    async def choose(self, question, answers):
        self.questions.append(question)
        return answers.get(self.key, "")

    async def count(self, asked):
        self.counted.append(asked)
        self.effects.append(asked.effect if asked.counting is None else await asked.counting())
        self.meanwhile()
        return self.answer

    async def plan(self, plan):
        self.plans.append(plan)
        self.meanwhile()
        return self.reason

    async def report(self, report):
        self.reports.append(report)
        return self.again.pop(0) if self.again else False

    def inform(self, sentence, *, seconds=5.0):
        self.told.append(sentence)
        self.seconds.append(seconds)

    warn = inform


def failed(number: int) -> FakeControl:
    """Return a control with a job of so many failed tasks, ids from 1."""
    control = FakeControl()
    job = control.add_job("nightly")
    for index in range(number):
        control.add_task(job, f"t{index}", status="failed")
    return control


def matching(text: str, **more) -> Selection:
    return Selection(target=Target(filter=parse(text, Noun.TASKS), **more), label="all matching")


def marked(*ids: int, **more) -> Selection:
    return Selection(target=Target(task_ids=ids), label=f"task {ids[0]}", **more)


@pytest.mark.parametrize(
    ("verb", "number", "tier"),
    [
        (Verb.HOLD, 1, Tier.AT_ONCE),
        (Verb.RESUME, REVERSIBLE, Tier.AT_ONCE),
        (Verb.HOLD, REVERSIBLE + 1, Tier.TYPE),
        (Verb.KEEP, 3, Tier.AT_ONCE),
        (Verb.RETRY, BOUNDED, Tier.ASK),
        (Verb.RETRY, BOUNDED + 1, Tier.TYPE),
        (Verb.CANCEL, 1, Tier.ASK),
        (Verb.FAIL, BOUNDED + 1, Tier.TYPE),
        (Verb.KILL, 1, Tier.PLAN),
        (Verb.KILL, 5_000, Tier.PLAN),
        (Verb.KILL_ORPHAN, 1, Tier.PLAN),
    ],
)
def test_the_tier_follows_from_the_verb_and_the_number(verb, number, tier) -> None:
    assert tier_of(verb, number) is tier


def test_a_guarded_place_asks_for_the_count_of_one() -> None:
    assert tier_of(Verb.RETRY, 1, bounded=0) is Tier.TYPE


@pytest.mark.parametrize("typed", ["", "2", "27350", "2,735", " 2735", "02735", "y", "2736"])
def test_nothing_but_the_count_is_the_count(typed) -> None:
    assert not meets(typed, 2735)
    assert meets("2735", 2735)


async def test_marks_are_asked_for_by_their_number() -> None:
    control = failed(7)
    desk = Desk(control)
    await desk.operations.retry(marked(*range(1, 8)))
    assert desk.questions == ["Retry 7 tasks? [y/N]"]
    assert control.asked == [("retry", tuple(range(1, 8)))]
    assert desk.told == ["retry 7 tasks: 7 changed"]


async def test_a_no_changes_nothing() -> None:
    control = failed(30)
    desk = Desk(control, answer=False)
    await desk.operations.retry(marked(1))
    await desk.operations.retry(matching("status:failed"))
    assert len(desk.questions) == len(desk.counted) == 1
    assert control.asked == []


async def test_the_number_in_the_question_is_that_of_the_preview_for_just_that_target() -> None:
    control = failed(142)
    as_of = control.last_event
    control.set_task(5, status="queued")
    desk = Desk(control)
    await desk.operations.retry(matching("status:failed", as_of=as_of, excluding=(1, 2)))
    asked = desk.counted[0].scope
    assert asked.name == "139 tasks"
    assert (asked.number, asked.by_status, asked.first) == (139, {"failed": 139}, (3, 4, 6, 7, 8))
    assert desk.told == ["retry 139 tasks: 139 changed"]


async def test_a_frozen_predicate_leaves_alone_what_changed_while_the_question_stood() -> None:
    control = failed(30)
    desk = Desk(control)
    late: list[int] = []

    def meanwhile() -> None:
        late.append(control.add_task(2, "late", status="failed"))
        control.set_task(9, status="failed")

    desk.meanwhile = meanwhile
    await desk.operations.retry(matching("status:failed"))
    assert desk.counted[0].scope.number == 30
    assert desk.told == ["retry 30 tasks: 29 changed"]
    assert [control.task_rows[number].status for number in (9, *late)] == ["failed", "failed"]


async def test_the_question_learns_what_matched_since() -> None:
    control = failed(30)
    desk = Desk(control, answer=False)
    await desk.operations.retry(matching("status:failed sort:-id"))
    asked = desk.counted[0]
    assert asked.since is not None
    assert await asked.since() == 0
    for _ in range(12):
        control.add_task(2, "late", status="failed")
    assert await asked.since() == 12
    assert facts_of(asked.scope, 12) == (
        "filter    status:failed   as of event 31",
        "states    failed 30",
        "first     1 2 3 4 5 ...",
        "12 more matched since: left alone",
    )


async def test_many_marks_show_their_states_and_no_predicate() -> None:
    control = failed(25)
    control.set_task(3, status="running")
    desk = Desk(control, answer=False)
    await desk.operations.cancel(marked(*range(1, 26)))
    assert facts_of(desk.counted[0].scope, 0) == ("states    failed 24  running 1", "first     1 2 3 4 5 ...")
    assert desk.counted[0].since is None


async def test_a_predicate_that_finds_nothing_asks_nothing() -> None:
    desk = Desk(failed(1))
    await desk.operations.retry(matching("status:running"))
    assert (desk.questions, desk.counted, desk.told) == ([], [], ["retry 0 tasks: nothing matches"])


async def test_the_filter_of_a_question_is_safe_to_show() -> None:
    control = failed(21)
    scope = Scope(targets=matching("status:failed -key:\x1b[31m").targets, name="x", number=21)
    assert "\x1b" not in "".join(facts_of(scope, 0))
    assert control.asked == []


async def test_several_jobs_are_asked_for_in_one_question_and_one_by_one_from_the_control() -> None:
    control = FakeControl()
    for name in ("a", "b", "c"):
        control.add_job(name)
    desk = Desk(control)
    jobs = tuple(Target(job_id=number) for number in (2, 3, 4))
    await desk.operations.cancel(Selection(target=jobs[0], more=jobs[1:], label="job 2 (a)"))
    assert desk.questions == ["Cancel 3 jobs? [y/N]"]
    assert control.asked == [("cancel", 2), ("cancel", 3), ("cancel", 4)]
    assert desk.told == ["cancel 3 jobs: 3 changed"]


async def test_tasks_and_jobs_marked_together_are_counted_apart() -> None:
    control = failed(2)
    desk = Desk(control)
    both = Selection(target=Target(task_ids=(1, 2)), more=(Target(job_id=2),), label="3 marked")
    await desk.operations.cancel(both)
    assert desk.questions == ["Cancel 2 tasks and 1 job? [y/N]"]
    assert control.asked == [("cancel", (1, 2)), ("cancel", 2)]


async def test_many_jobs_are_confirmed_by_their_count_with_their_states() -> None:
    control = FakeControl()
    for index in range(21):
        control.add_job("j", status="paused" if index else "running")
    desk = Desk(control, answer=False)
    jobs = [Target(job_id=number) for number in control.job_rows]
    await desk.operations.cancel(Selection(target=jobs[0], more=tuple(jobs[1:]), label="21 marked"))
    assert desk.counted[0].scope.name == "21 jobs"
    assert desk.counted[0].scope.by_status == {"running": 1, "paused": 20}


async def test_of_several_jobs_one_that_refuses_does_not_keep_the_others_from_theirs() -> None:
    control = FakeControl()
    control.add_job("a")
    control.add_job("b")
    desk = Desk(control)
    jobs = tuple(Target(job_id=number) for number in (2, 77, 3))
    await desk.operations.cancel(Selection(target=jobs[0], more=jobs[1:], label="job 2 (a)"))
    assert control.asked == [("cancel", 2), ("cancel", 77), ("cancel", 3)]
    assert desk.told == ["cancel 3 jobs: 2 changed, 1 refused: job 77: no job 77"]


async def test_when_the_engine_goes_the_rest_is_listed_as_not_done() -> None:
    control = FakeControl()
    for name in "abcdef":
        control.add_job(name)
    desk = Desk(control)
    jobs = tuple(Target(job_id=number) for number in range(2, 8))

    async def cancel(request):
        if request.target.job_id > 2:
            raise Unavailable("engine.lost", "the engine went")
        return Operated(changed=1)

    control.answer_cancel = cancel
    await desk.operations.cancel(Selection(target=jobs[0], more=jobs[1:], label="job 2 (a)"))
    went = "; ".join(f"job {number}: the engine went" for number in (3, 4, 5))
    assert desk.told == [f"cancel 6 jobs: 1 changed, 5 refused: {went}; 2 more"]
    assert [line for report in desk.reports for line in report.lines] == [
        f"job {number}: the engine went" for number in range(3, 8)
    ]


async def test_more_than_three_refusals_are_listed() -> None:
    control = failed(6)
    for number in (1, 2, 3, 4):
        control.set_task(number, status="running")
    desk = Desk(control)
    await desk.operations.retry(marked(*range(1, 7)))
    assert desk.reports[0].title == "retry 6 tasks: 2 changed, 4 refused"
    assert desk.reports[0].lines == tuple(
        f"task {number}: it has not ended (see it)" for number in (1, 2, 3, 4)
    )
    assert not desk.reports[0].can_retry


async def test_a_bulk_hold_does_not_ask_and_is_undone_without_touching_what_was_held_before() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    for index in range(30):
        control.add_task(job, f"t{index}")
    control.set_task(4, status="held")
    desk = Desk(control)
    await desk.operations.hold(matching("key:t*", excluding=(7,)))
    assert desk.told == ["hold 29 tasks: 29 changed; z undoes it"]
    assert desk.seconds == [UNDO_SECONDS]
    assert (desk.questions, desk.counted) == ([], [])
    await desk.operations.undo()
    undone = tuple(number for number in range(1, 31) if number not in (4, 7))
    assert control.asked[-1] == ("unhold", undone)
    assert control.task_rows[4].status == "held"


async def test_the_undo_of_marks_spares_those_that_refused() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "a")
    control.add_task(job, "b", status="succeeded")
    desk = Desk(control)
    await desk.operations.hold(marked(1, 2))
    await desk.operations.undo()
    assert control.asked == [("hold", (1, 2)), ("unhold", (1,))]


async def test_the_undo_of_several_jobs_is_for_those_that_changed() -> None:
    control = FakeControl()
    control.add_job("a")
    desk = Desk(control)
    await desk.operations.pause(
        Selection(target=Target(job_id=2), more=(Target(job_id=99),), label="job 2 (a)")
    )
    await desk.operations.undo()
    assert control.asked[-1] == ("resume", 2)
    assert ("resume", 99) not in control.asked


async def test_more_than_can_be_undone_is_asked_for_by_its_count() -> None:
    control = failed(0)
    for index in range(REVERSIBLE + 1):
        control.add_task(2, f"t{index}")
    desk = Desk(control, answer=False)
    await desk.operations.hold(matching("status:queued"))
    assert desk.counted[0].scope.number == REVERSIBLE + 1
    assert control.asked == []


async def test_repeat_does_the_last_verb_on_what_is_chosen_now_and_asks_again() -> None:
    control = failed(3)
    desk = Desk(control)
    await desk.operations.repeat(marked(1))
    await desk.operations.retry(marked(1))
    await desk.operations.repeat(marked(2))
    assert desk.questions == ["Retry task 1? [y/N]", "Retry task 2? [y/N]"]
    assert control.asked == [("retry", (1,)), ("retry", (2,))]
    assert desk.told[0] == "nothing to repeat"


async def test_a_repeated_hold_does_not_turn_into_its_opposite() -> None:
    control = FakeControl()
    control.add_task(control.add_job(), "a")
    desk = Desk(control)
    await desk.operations.hold(marked(1))
    await desk.operations.repeat(marked(1, is_paused=True))
    assert [verb for verb, _ in control.asked] == ["hold", "hold"]


async def test_a_kill_is_planned_gets_a_reason_and_is_applied() -> None:
    control = orphaned(2)
    desk = Desk(control)
    await desk.operations.kill_orphan(marked(1, 2))
    plan = desk.plans[0]
    assert plan.title == "kill 2 orphans"
    assert plan.lines[0] == "task 1: o0 of job 2, attempt 1: 101 sleep 1000"
    assert control.asked == [("kill_orphans", (1, 2))]
    assert desk.told == ["kill 2 orphans: 2 changed"]
    assert (desk.questions, desk.counted) == ([], [])


async def test_a_plan_that_is_left_kills_nothing() -> None:
    control = orphaned(1)
    desk = Desk(control)
    desk.reason = None
    await desk.operations.kill_orphan(marked(1))
    assert control.asked == []


async def test_each_orphan_is_looked_at_again_when_a_plan_is_applied() -> None:
    control = orphaned(4)
    desk = Desk(control)

    def meanwhile() -> None:
        del control.orphan_rows[1]
        control.add_orphan(2, epoch=2, pids=(102,), commands=("sleep 1000",))
        control.add_orphan(3, pids=(103, 999), commands=("sleep 1000", "rm -r x"))

    desk.meanwhile = meanwhile
    await desk.operations.kill_orphan(marked(1, 2, 3, 4))
    assert control.asked == [("kill_orphans", (4,))]
    other = "it is another attempt or has other processes than the plan: left alone"
    assert desk.reports[0].lines == (
        "task 1: not a living orphan any more: left alone (nothing is left to kill)",
        f"task 2: {other} (plan it once more, as it is now)",
        f"task 3: {other} (plan it once more, as it is now)",
    )
    assert desk.reports[0].can_retry


async def test_trying_again_plans_only_those_that_failed_with_the_reason_given_before() -> None:
    control = orphaned(2)
    desk = Desk(control)
    desk.again = [True]
    desk.meanwhile = lambda: (
        control.add_orphan(2, epoch=3, pids=(7,), commands=("x",)) if len(desk.plans) == 1 else None
    )
    await desk.operations.kill_orphan(marked(1, 2))
    assert [plan.title for plan in desk.plans] == ["kill 2 orphans", "kill 1 orphan"]
    assert desk.plans[1].reason == "they hang"
    assert control.asked == [("kill_orphans", (1,)), ("kill_orphans", (2,))]


async def test_orphans_are_never_killed_by_a_predicate() -> None:
    control = orphaned(2)
    desk = Desk(control)
    await desk.operations.kill_orphan(matching("status:running"))
    assert (desk.plans, control.asked) == ([], [])
    assert desk.told == ["none of them is a living orphan any longer"]


async def test_orphans_that_are_no_longer_there_are_told_without_a_plan() -> None:
    control = orphaned(1)
    control.add_task(2, "held one")
    control.add_orphan(2, kind=OrphanKind.LOST)
    desk = Desk(control)
    await desk.operations.kill_orphan(marked(2))
    assert (desk.plans, control.asked) == ([], [])
    assert desk.told == ["none of them is a living orphan any longer"]


async def test_lost_tasks_are_given_up_after_a_question_and_living_ones_kept_without() -> None:
    control = orphaned(1)
    control.add_task(2, "lost")
    control.add_orphan(2, kind=OrphanKind.LOST)
    desk = Desk(control)
    await desk.operations.keep(marked(1))
    await desk.operations.fail(marked(2))
    assert desk.questions == ["Fail task 2? [y/N]"]
    assert control.asked == [("keep", (1,)), ("fail", (2,))]


async def test_a_preview_that_fails_is_told_and_nothing_is_asked() -> None:
    control = failed(30)
    control.broken = Conflict("store.busy", "the store is busy", hint="try again")
    desk = Desk(control)
    await desk.operations.retry(matching("status:failed"))
    assert desk.told == ["retry all matching: the store is busy (try again)"]
    assert control.asked == []


def orphaned(number: int) -> FakeControl:
    """Return a control with so many living orphans, ids from 1."""
    control = FakeControl()
    job = control.add_job("nightly")
    for index in range(number):
        task = control.add_task(job, f"o{index}")
        control.add_orphan(task, pids=(100 + task,), commands=("sleep 1000",))
    return control


async def test_the_question_before_a_retry_says_how_the_job_will_end() -> None:
    control = FakeControl()
    desk = Desk(control, answer=False)
    forecast = Forecast(job_id=4, status="cancelled", reason="stage load was cancelled")
    control.rehearsal = Operated(changed=1, forecasts=(forecast,))
    await desk.operations.retry(Selection(target=Target(task_ids=(1,)), label="task 1"))
    told = "job 4 ends as cancelled at best: stage load was cancelled"
    assert desk.questions == [f"Retry task 1 ({told})? [y/N]"]
    assert len(control.rehearsed) == 1


async def test_the_question_before_a_verb_says_what_is_refused_and_what_may_be_spent() -> None:
    control = FakeControl()
    desk = Desk(control, answer=False)
    cost = UnitCost(unit="usd", amount=Span(low=100_000, high=300_000))
    control.rehearsal = Operated(
        changed=2,
        refused=(refuse_task(3, "task.status", "it is running", hint="cancel it"),),
        starts=(1, 2),
        costs=(cost,),
    )
    await desk.operations.retry(Selection(target=Target(task_ids=(1, 2, 3)), label="3 tasks"))
    told = "1 of 3 refused: it is running; 2 calls: 0.1 to 0.3 usd"
    assert desk.questions == [f"Retry 3 tasks ({told})? [y/N]"]


async def test_what_is_to_be_counted_is_told_with_its_effect_up_to_ten_thousand_tasks() -> None:
    control = FakeControl()
    desk = Desk(control, answer=False)
    refused = tuple(
        refuse_task(number, "task.ended", "it is succeeded already", hint="retry it")
        for number in range(30, 33)
    )
    control.rehearsal = Operated(changed=27, refused=refused)
    many = [Target(task_ids=tuple(range(1, number + 1))) for number in (10_000, 10_001)]
    await desk.operations.cancel(Selection(target=many[0], label="many"))
    assert desk.effects == [("changes   27", "refuses   3: it is succeeded already (3)")]
    await desk.operations.cancel(Selection(target=many[1], label="more"))
    await desk.operations.retry(Selection(target=many[1], label="more"))
    assert desk.effects[1:] == [
        ("what is refused is not counted above 10,000 tasks",),
        ("what they start, spend and refuse is not counted above 10,000 tasks",),
    ]
    assert control.rehearsed == ["cancel"]


async def test_of_more_tasks_the_command_that_counts_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "REHEARSED_MAX", 25)
    control = failed(26)
    desk = Desk(control, answer=False)
    await desk.operations.retry(matching("status:failed key:t*"))
    (told,) = desk.effects[0]
    assert told.endswith("; this counts it: taskdeck retry --where 'status:failed key:t*' --dry-run")
    assert control.rehearsed == []
