"""Groups of instances in the store: made in bites, counted, decided once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.model.commands.purges import Purge, SweepPurged
from core.model.commands.work import Cancel, Complete, FollowUp, Hold, Rerun, Unhold
from core.model.errors import Invalid
from core.model.outcomes import Succeeded, TaskError
from core.model.patterns.instances import AfterThreshold, ForEach, OnInstanceFailure
from core.model.patterns.judgements import Decide, Expand, FailIt, Proceed, SkipIt
from core.model.plans import NeedPlan, OnTaskFailure, StagePlan
from core.store.reports import Reports
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings


def group(key: str = "g", *needs: Any, **said: Any) -> Any:
    return task(key, *needs, for_each=ForEach(**said))


class Groups:
    """A deck with one job, and what tests ask of it."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def row(self, key: str) -> tuple[Any, ...]:
        sql = (
            "SELECT id, status, status_reason, output, error FROM task WHERE key = ? ORDER BY id DESC LIMIT 1"
        )
        return self.deck.db.execute(sql, (key,)).fetchone()

    def status(self, key: str) -> str:
        return self.row(key)[1]

    def statuses(self, group: str = "g") -> list[str]:
        sql = (
            "SELECT status FROM task WHERE set_id = (SELECT max(id) FROM instance_set WHERE task_id = ?)"
            " ORDER BY item"
        )
        return [status for (status,) in self.deck.db.execute(sql, (self.row(group)[0],))]

    def expand(self, items: list[Any] | int, key: str = "g") -> None:
        items = list(range(items)) if isinstance(items, int) else items
        self.deck.do(Decide(task_id=self.row(key)[0], verdict=Expand(items=items)))

    def follow(self) -> None:
        """Carry out what batches left over, until nothing is."""
        while self.deck.report.left_over:
            self.deck.do(FollowUp())

    def take(self, number: int = 100) -> dict[str, tuple[int, int]]:
        """Claim until so many are open; return what is new, by key."""
        taken = dict(self.deck.claim(number))
        names = {
            task_id: key
            for task_id, key in self.deck.db.execute("SELECT id, key FROM task")
            if task_id in taken
        }
        return {names[task_id]: (task_id, epoch) for task_id, epoch in taken.items()}

    def job_status(self) -> str:
        return self.deck.db.execute("SELECT status FROM job ORDER BY id DESC LIMIT 1").fetchone()[0]

    def sound(self) -> None:
        assert findings(self.deck.db) == ()


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


@pytest.fixture
def groups(deck: Deck) -> Groups:
    return Groups(deck)


def test_a_group_waits_for_its_instances_and_succeeds_with_the_last(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(), task("after", "g")))
    assert groups.status("g") == "blocked"
    groups.expand(["a", "b"])
    assert (groups.status("g"), groups.statuses()) == ("waiting", ["queued", "queued"])
    taken = groups.take()
    assert sorted(taken) == ["g[0]", "g[1]"]
    deck.end(taken["g[0]"])
    assert groups.status("g") == "waiting"
    deck.end(taken["g[1]"])
    assert (groups.status("g"), groups.status("after")) == ("succeeded", "queued")
    groups.sound()
    deck.drain()
    assert groups.job_status() == "succeeded"
    groups.sound()


def test_an_empty_list_ends_its_group_at_once_and_says_so(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(), task("after", "g")))
    groups.expand([])
    assert groups.row("g")[1:3] == ("succeeded", "empty")
    assert groups.status("after") == "queued"


def test_a_hundred_thousand_items_are_made_in_bites_that_other_work_passes(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group()))
    groups.expand(3_500)
    made = []
    while True:
        made.append(deck.db.execute("SELECT made FROM instance_set").fetchone()[0])
        if not deck.report.left_over:
            break
        deck.do(FollowUp())
    assert made == [1_000, 2_000, 3_000, 3_500]
    assert deck.db.execute("SELECT count(*) FROM instance_page").fetchone() == (0,)
    assert deck.db.execute("SELECT open_tasks FROM stage WHERE id > 1").fetchone() == (3_501,)


def test_a_new_engine_goes_on_at_the_bite_where_the_other_one_died(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group()))
    groups.expand(2_500)
    deck.db.execute("UPDATE engine SET epoch = 2")
    deck.writer.epoch = 2
    deck.do(FollowUp())
    groups.follow()
    assert len(groups.statuses()) == 2_500


def test_instances_are_counted_for_their_group_not_for_stage_and_job(deck: Deck, groups: Groups) -> None:
    job = deck.job(stage(group()))
    groups.expand(3)
    counted = deck.db.execute(
        "SELECT scope, status, n FROM counter WHERE n > 0 AND scope != 'queue' ORDER BY 1"
    )
    assert counted.fetchall() == [("job", "waiting", 1), ("set", "queued", 3), ("stage", "waiting", 1)]
    assert job > 1


def test_the_first_failure_ends_a_group_and_cancels_the_others(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(), task("after", "g")), on_task_failure=OnTaskFailure.FINISH)
    groups.expand(5)
    taken = groups.take(3)
    deck.end(taken["g[1]"], outcome=failure())
    assert groups.status("g") == "failed"
    assert [stop.task_id for stop in deck.report.stops] == [taken["g[0]"][0], taken["g[2]"][0]]
    assert groups.statuses() == ["running", "failed", "running", "cancelled", "cancelled"]
    assert groups.job_status() == "running"
    deck.end(taken["g[0]"], taken["g[2]"])
    groups.follow()
    assert groups.statuses()[0] == "succeeded"
    assert groups.job_status() == "failed"


def test_the_stage_of_a_decided_group_stays_open_until_its_last_instance_ends(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group(threshold="1")), stage(task("later"), name="next"))
    groups.expand(2)
    taken = groups.take()
    deck.end(taken["g[0]"])
    assert (groups.status("g"), groups.status("later")) == ("succeeded", "blocked")
    deck.end(taken["g[1]"])
    assert groups.status("later") == "queued"


@pytest.mark.parametrize(
    ("policy", "status"),
    [(OnInstanceFailure.FINISH, "failed"), (OnInstanceFailure.CONTINUE, "succeeded")],
)
def test_with_finish_and_continue_the_others_go_on(
    deck: Deck, groups: Groups, policy: OnInstanceFailure, status: str
) -> None:
    deck.job(stage(group(on_failure=policy)))
    groups.expand(3)
    taken = groups.take()
    deck.end(taken["g[0]"], outcome=failure())
    assert groups.status("g") == "waiting"
    deck.end(taken["g[1]"], taken["g[2]"])
    _, found, reason, output, error = groups.row("g")
    assert found == status
    assert "of 3 instances 1 failed" in (reason or error)
    assert output is None or '"failed":1' in output


def test_a_threshold_decides_at_the_kth_success_and_cancels_the_rest(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="50%"), task("after", "g")))
    groups.expand(6)
    taken = groups.take(4)
    deck.end(taken["g[0]"], taken["g[1]"])
    assert groups.status("g") == "waiting"
    deck.end(taken["g[3]"])
    assert (groups.status("g"), groups.status("after")) == ("succeeded", "queued")
    assert groups.statuses()[4:] == ["cancelled", "cancelled"]
    assert groups.row("g")[2] == "3 of 6 instances succeeded, 3 were needed"
    deck.end(taken["g[2]"])
    groups.follow()


def test_many_ends_in_one_batch_decide_a_group_once(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="2")))
    groups.expand(4)
    deck.end(*groups.take().values())
    events = deck.db.execute("SELECT count(*) FROM event WHERE kind = 'task.succeeded' AND task_id = 1")
    assert events.fetchone() == (1,)
    assert groups.statuses() == ["succeeded"] * 4


def test_a_threshold_out_of_reach_fails_the_group_at_once(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="3")))
    groups.expand(4)
    taken = groups.take(2)
    deck.end(taken["g[0]"], outcome=failure())
    assert groups.status("g") == "waiting"
    deck.end(taken["g[1]"], outcome=failure())
    assert groups.status("g") == "failed"
    groups.follow()
    assert groups.job_status() == "failed"


def test_with_run_all_the_others_run_on_and_are_marked_late(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="1", after=AfterThreshold.RUN_ALL)))
    groups.expand(3)
    taken = groups.take(2)
    deck.end(taken["g[0]"])
    assert groups.status("g") == "succeeded"
    assert groups.statuses() == ["succeeded", "running", "queued"]
    assert groups.job_status() == "running"
    deck.end(taken["g[1]"])
    assert groups.row("g[1]")[1:3] == ("succeeded", "late: its group was decided before")
    deck.drain()
    assert groups.job_status() == "succeeded"


def test_with_run_all_those_run_on_too_that_wait_for_a_place(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="1", after=AfterThreshold.RUN_ALL, max_parallel=1)))
    groups.expand(3)
    for at in range(3):
        deck.end(groups.take(1)[f"g[{at}]"])
        assert groups.status("g") == "succeeded"
    deck.drain()
    assert groups.statuses() == ["succeeded"] * 3
    assert groups.job_status() == "succeeded"


def test_a_group_of_which_instances_run_on_is_not_decided_before_all_are_made(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group(threshold="1", after=AfterThreshold.RUN_ALL)))
    groups.expand(1_500)
    deck.end(*groups.take(1).values())
    assert groups.status("g") == "waiting"
    groups.follow()
    assert groups.status("g") == "succeeded"
    assert len(groups.statuses()) == 1_500


def test_no_more_instances_begin_than_may_at_once(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(max_parallel=2)))
    groups.expand(5)
    assert groups.statuses() == ["queued", "queued", "blocked", "blocked", "blocked"]
    taken = groups.take()
    assert len(taken) == 2
    deck.end(
        taken["g[0]"],
        outcome=failure(),
    )
    groups.follow()
    assert groups.job_status() == "ending"
    deck.end(taken["g[1]"])


def test_the_next_instance_begins_with_the_end_of_another(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(max_parallel=2)))
    groups.expand(5)
    most = 0
    while taken := groups.take():
        most = max(most, len(taken))
        deck.end(*list(taken.values())[:1])
        assert sum(status in ("queued", "running") for status in groups.statuses()) <= 2
        deck.end(*list(taken.values())[1:])
    assert most == 2
    assert groups.job_status() == "succeeded"


def test_cancel_of_a_group_ends_its_instances_in_bites(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(), task("other")))
    groups.expand(2_500)
    groups.follow()
    taken = groups.take(2)
    deck.do(Cancel(task_ids=(groups.row("g")[0],), actor="ana", reason="enough"))
    assert groups.status("g") == "cancelled"
    groups.follow()
    assert sorted(set(groups.statuses())) == ["cancelled", "running"]
    reason = deck.db.execute("SELECT status_reason FROM task WHERE key = 'g[2000]'").fetchone()
    assert reason == ("its group g was cancelled: enough",)
    deck.end(*taken.values())
    deck.drain()


def test_items_without_a_row_get_none_once_their_group_is_cancelled(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(), task("other")))
    groups.expand(2_500)
    deck.do(Cancel(task_ids=(groups.row("g")[0],), actor="ana"))
    groups.follow()
    assert groups.statuses() == ["cancelled"] * 1_000
    deck.drain()


def test_cancel_of_a_job_ends_the_instances(deck: Deck, groups: Groups) -> None:
    job = deck.job(stage(group()))
    groups.expand(2_500)
    taken = groups.take(1)
    deck.do(Cancel(job_id=job, actor="ana"))
    groups.follow()
    deck.end(*taken.values())
    groups.follow()
    assert groups.job_status() == "cancelled"
    assert groups.status("g") == "cancelled"


def test_hold_of_a_group_holds_what_has_not_begun_and_unhold_lets_that_go(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group()))
    groups.expand(4)
    running = groups.take(1)
    first = groups.row("g")[0]
    deck.do(Hold(task_ids=(groups.row("g[3]")[0],), actor="bob", reason="mine"))
    deck.do(Hold(task_ids=(first,), actor="ana"))
    assert groups.statuses() == ["running", "held", "held", "held"]
    deck.end(*running.values())
    assert groups.status("g") == "held"
    assert groups.take() == {}
    deck.do(Unhold(task_ids=(first,), actor="ana"))
    assert groups.statuses() == ["succeeded", "queued", "queued", "held"]
    deck.drain()
    deck.do(Unhold(task_ids=(groups.row("g[3]")[0],), actor="bob"))
    deck.drain()
    assert groups.job_status() == "succeeded"


def test_a_decision_that_falls_while_a_group_is_held_is_made_when_it_is_released(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group()))
    groups.expand(1)
    running = groups.take(1)
    first = groups.row("g")[0]
    deck.do(Hold(task_ids=(first,), actor="ana"))
    deck.end(*running.values())
    assert groups.status("g") == "held"
    deck.do(Unhold(task_ids=(first,), actor="ana"))
    assert groups.job_status() == "succeeded"


def test_instances_wait_for_those_of_the_same_index_alone(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group("a"), group("b", NeedPlan(key="a", each=True), each=("a",), max_parallel=2)))
    assert groups.status("b") == "blocked"
    groups.expand(3, "a")
    groups.expand(3, "b")
    assert groups.statuses("b") == ["blocked"] * 3
    taken = groups.take()
    deck.end(taken["a[1]"])
    assert groups.statuses("b") == ["blocked", "queued", "blocked"]
    deck.end(taken["a[0]"], taken["a[2]"])
    assert groups.statuses("b") == ["queued", "queued", "blocked"]
    deck.drain()
    assert groups.job_status() == "succeeded"


def test_an_instance_whose_need_failed_is_skipped(deck: Deck, groups: Groups) -> None:
    b = group("b", NeedPlan(key="a", each=True), each=("a",))
    deck.job(stage(group("a", on_failure=OnInstanceFailure.CONTINUE), b))
    groups.expand(2, "a")
    taken = groups.take()
    deck.end(taken["a[0]"], outcome=failure())
    groups.expand(2, "b")
    groups.follow()
    assert groups.statuses("b") == ["skipped", "blocked"]
    deck.drain()
    deck.end(taken["a[1]"])
    groups.follow()
    deck.drain()
    assert (groups.status("b"), groups.job_status()) == ("succeeded", "succeeded")


def test_a_group_that_fits_not_one_to_one_fails_with_both_numbers(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group("a"), group("b", NeedPlan(key="a", each=True), each=("a",))))
    groups.expand(2, "a")
    groups.expand(3, "b")
    assert groups.status("b") == "failed"
    assert "b has 3 instances and a has 2" in groups.row("b")[4]
    groups.follow()


def test_long_chains_of_instances_are_made_page_by_page(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group("a"), group("b", NeedPlan(key="a", each=True), each=("a",))))
    groups.expand(2_200, "a")
    groups.expand(2_200, "b")
    groups.follow()
    assert (len(groups.statuses("a")), len(groups.statuses("b"))) == (2_200, 2_200)


def test_an_instance_that_runs_again_takes_its_group_with_it(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(on_failure=OnInstanceFailure.FINISH)))
    groups.expand(3)
    taken = groups.take()
    deck.end(taken["g[0]"], taken["g[1]"])
    deck.end(taken["g[2]"], outcome=failure())
    groups.follow()
    assert groups.job_status() == "failed"
    (answer,) = deck.do(Rerun(task_ids=(taken["g[2]"][0],), actor="ana"))
    assert (answer.changed, answer.refused) == (1, ())
    assert (groups.status("g"), groups.job_status()) == ("waiting", "running")
    assert groups.statuses() == ["succeeded", "succeeded", "queued"]
    deck.drain()
    assert (groups.status("g"), groups.job_status()) == ("succeeded", "succeeded")


def test_a_job_that_runs_again_runs_what_failed_and_was_cancelled_of_a_failed_group(
    deck: Deck, groups: Groups
) -> None:
    job = deck.job(stage(group(threshold="90%")))
    groups.expand(2_500)
    taken = groups.take(300)
    deck.end(*list(taken.values())[:251], outcome=failure())
    groups.follow()
    deck.end(*list(taken.values())[251:])
    groups.follow()
    assert groups.job_status() == "failed"
    deck.do(Rerun(job_id=job, actor="ana"))
    groups.follow()
    assert groups.status("g") == "waiting"
    assert len(groups.statuses()) == 2_500
    deck.drain(1_000)
    groups.follow()
    assert groups.job_status() == "succeeded"


def test_a_group_that_runs_again_over_the_same_items_runs_all_instances_again(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group(), task("after", "g")))
    groups.expand(["a", "b"])
    deck.drain()
    assert groups.job_status() == "succeeded"
    (answer,) = deck.do(Rerun(task_ids=(1,), actor="ana"))
    assert answer.changed == 1
    assert groups.status("g") == "blocked"
    groups.expand(["a", "b"])
    assert groups.statuses() == ["queued", "queued"]
    deck.drain()
    assert groups.job_status() == "succeeded"
    assert deck.db.execute("SELECT count(*) FROM instance_set").fetchone() == (1,)
    assert deck.db.execute("SELECT DISTINCT generation FROM task WHERE item IS NOT NULL").fetchall() == [(2,)]


def test_a_group_that_runs_again_over_other_items_gets_a_new_set_beside_the_old_one(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group()))
    groups.expand(["a", "b"])
    deck.drain()
    old = groups.row("g[0]")[0]
    deck.do(Rerun(task_ids=(1,), actor="ana"))
    groups.expand(["a", "b", "c"])
    assert groups.statuses() == ["queued"] * 3
    (answer,) = deck.do(Rerun(task_ids=(old,), actor="ana"))
    assert answer.changed == 0
    assert "set 1 of its group" in answer.refused[0].reason
    deck.drain()
    assert deck.db.execute("SELECT number, total FROM instance_set").fetchall() == [(1, 2), (2, 3)]
    assert groups.job_status() == "succeeded"


async def test_instances_are_read_in_pages_by_index_and_those_of_an_older_set_are_not(
    deck: Deck, groups: Groups, reports: Reports
) -> None:
    deck.job(stage(group(), task("other")))
    assert (await reports.instances.page(1)).rows == ()
    groups.expand(2)
    deck.drain()
    deck.do(Rerun(task_ids=(1,), actor="ana"))
    groups.expand(12)
    groups.follow()
    pages, after = [], None
    while len(pages) < 9:
        page = await reports.instances.page(1, after=after, limit=5)
        pages.append([row.key for row in page.rows])
        assert {(row.group_task, row.status) for row in page.rows} == {(1, "queued")}
        if (after := page.next) is None:
            break
    assert pages == [[f"g[{n}]" for n in numbers] for numbers in (range(5), range(5, 10), range(10, 12))]
    assert (await reports.instances.page(2)).rows == ()
    for cursor in ("x", "", "-1", "²", "9" * 30):
        with pytest.raises(Invalid) as caught:
            await reports.instances.page(1, after=cursor)
        assert caught.value.code == "page.cursor"


def test_a_group_of_which_an_instance_still_runs_does_not_run_again_as_a_whole(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group(threshold="1", after=AfterThreshold.RUN_ALL)))
    groups.expand(2)
    taken = groups.take()
    deck.end(taken["g[0]"])
    (answer,) = deck.do(Rerun(task_ids=(1,), actor="ana"))
    assert answer.changed == 0
    assert "1 of its instance has not ended" in answer.refused[0].reason
    deck.end(taken["g[1]"])


def test_what_a_decided_group_had_no_use_for_stays_cancelled_when_its_job_runs_again(
    deck: Deck, groups: Groups
) -> None:
    job = deck.job(stage(group(threshold="1"), task("bad")), on_task_failure=OnTaskFailure.FINISH)
    groups.expand(3)
    taken = groups.take(2)
    deck.end(taken["g[0]"])
    deck.end(*[one for key, one in taken.items() if key == "bad"], outcome=failure())
    rest = groups.take()
    deck.end(*rest.values(), outcome=failure())
    groups.follow()
    assert groups.statuses() == ["succeeded", "cancelled", "cancelled"]
    (answer,) = deck.do(Rerun(job_id=job, actor="ana"))
    assert answer.changed == 1
    assert groups.statuses() == ["succeeded", "cancelled", "cancelled"]
    deck.drain()
    assert groups.job_status() == "succeeded"


def test_instances_are_judged_one_by_one_where_their_condition_asks_for_the_item(
    deck: Deck, groups: Groups
) -> None:
    plan = task("g", for_each=ForEach(judges_each=True, max_parallel=1), when="item == 1")
    deck.job(stage(plan))
    groups.expand(3)
    waiting = "SELECT key FROM task WHERE wait_reason = 'condition'"
    assert deck.db.execute(waiting).fetchall() == [("g[0]",)]
    deck.do(Decide(task_id=groups.row("g[0]")[0], verdict=SkipIt()))
    assert deck.db.execute(waiting).fetchall() == [("g[1]",)]
    deck.do(Decide(task_id=groups.row("g[1]")[0], verdict=Proceed()))
    assert groups.statuses() == ["skipped", "queued", "blocked"]
    deck.drain()
    deck.do(Decide(task_id=groups.row("g[2]")[0], verdict=SkipIt()))
    assert (groups.status("g"), groups.job_status()) == ("succeeded", "succeeded")


def test_a_success_that_comes_twice_counts_once(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="2")))
    groups.expand(3)
    taken = groups.take(2)
    task_id, epoch = taken["g[0]"]
    deck.do(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()))
    deck.do(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()))
    assert groups.status("g") == "waiting"
    deck.end(taken["g[1]"])
    assert groups.status("g") == "succeeded"


def test_instances_of_a_group_that_runs_again_count_when_all_do(deck: Deck, groups: Groups) -> None:
    deck.job(stage(group(threshold="1000", after=AfterThreshold.RUN_ALL)))
    groups.expand(1_500)
    groups.follow()
    deck.drain(2_000)
    deck.do(Rerun(task_ids=(1,), actor="ana"))
    groups.expand(1_500)
    assert sorted(set(groups.statuses())) == ["blocked", "succeeded"]
    assert groups.status("g") == "waiting"
    groups.follow()
    assert groups.statuses() == ["queued"] * 1_500
    deck.drain(2_000)
    assert groups.job_status() == "succeeded"


def test_a_group_of_finally_runs_again_with_the_job(deck: Deck, groups: Groups) -> None:
    last = StagePlan(name="finally", tasks=(group("f"),), is_finally=True)
    job = deck.job(stage(task("a")), last)
    deck.end(*groups.take().values(), outcome=failure())
    groups.follow()
    groups.expand(2, "f")
    deck.drain()
    assert groups.job_status() == "failed"
    deck.do(Rerun(job_id=job, actor="ana"))
    deck.drain()
    groups.follow()
    groups.expand(2, "f")
    assert groups.statuses("f") == ["queued", "queued"]
    deck.drain()
    assert groups.job_status() == "succeeded"


def test_a_job_that_is_purged_leaves_nothing_of_its_instances(deck: Deck, groups: Groups) -> None:
    job = deck.job(stage(group(on_failure=OnInstanceFailure.CONTINUE), task("z")))
    groups.expand(1_200)
    groups.follow()
    deck.drain(2_000)
    deck.do(Rerun(task_ids=(1,), actor="ana"))
    groups.expand(3)
    deck.drain()
    while deck.do(Purge(job_ids=(job,), cause="asked", reason="", actor="ana"))[0].left:
        assert findings(deck.db) == ()
    deck.do(SweepPurged())
    for table in ("task", "instance_set", "instance_page", "edge", "attempt"):
        assert deck.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert deck.db.execute("SELECT count(*) FROM counter WHERE scope = 'set'").fetchone() == (0,)


def test_a_group_that_cannot_be_judged_again_ends_an_instance_that_runs_again_meanwhile(
    deck: Deck, groups: Groups
) -> None:
    deck.job(stage(group()), on_task_failure=OnTaskFailure.CONTINUE)
    groups.expand(2)
    deck.drain()
    deck.do(Rerun(task_ids=(1,), actor="ana"))
    deck.do(Rerun(task_ids=(groups.row("g[0]")[0],), actor="ana"))
    assert groups.statuses() == ["blocked", "succeeded"]
    error = TaskError(code="for_each.unfit", message="no items")
    deck.do(Decide(task_id=1, verdict=FailIt(error=error)))
    groups.follow()
    assert groups.statuses() == ["cancelled", "succeeded"]
    assert groups.job_status() == "failed"
