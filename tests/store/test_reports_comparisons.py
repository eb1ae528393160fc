"""Two jobs compared, from their rows."""

from __future__ import annotations

import pytest

from core.control import comparison_answers
from core.control.comparison_answers import compare_jobs
from core.model.errors import NotFound
from core.model.outcomes import Succeeded
from core.model.plans import JobPlan
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.past import comparisons
from tests.store.test_reports_counting import Plans
from tests.support.deck import Deck
from tests.support.factories import failure, flat, task


def nightly(*keys: str, **params: object) -> JobPlan:
    return flat(*map(task, keys), name="nightly", params=params)


def run(deck: Deck, plan: JobPlan, outputs: dict[str, object] | None = None) -> int:
    """Run a job; a task whose output is an exception fails."""
    job_id = deck.submit(plan)
    for claimed in deck.claim():
        output = (outputs or {}).get(claimed.key)
        failed = output == "fails"
        deck.end(claimed.task_id, failure() if failed else Succeeded(output=output))  # type: ignore[arg-type]
    deck.settle()
    return job_id


@pytest.fixture
def readers(deck: Deck):
    return Readers(deck.path)


async def test_a_run_is_compared_with_the_one_before_of_its_name(deck: Deck, readers: Readers) -> None:
    first = run(deck, nightly("a", "b", "gone", n=1), {"a": {"rows": 1, "path": "/1"}, "b": "fails"})
    run(deck, flat(task("a"), name="other"))
    second = run(deck, nightly("a", "b", "new", n=2), {"a": {"rows": 2, "path": "/2"}, "b": "x"})
    view = await compare_jobs(Reports(readers), None, second)
    assert (view.before.id, view.after.id, view.searched) == (first, second, None)
    assert [(one.name, one.before, one.after) for one in view.params] == [("n", 1, 2)]
    told = {one.key: (str(one.change), [change.name for change in one.outputs]) for one in view.tasks}
    assert told == {
        "a": ("changed", ["rows"]),
        "b": ("changed", []),
        "new": ("added", []),
        "gone": ("removed", []),
    }
    assert view.counts == {"added": 1, "removed": 1, "changed": 2, "same": 0}
    await readers.close()


async def test_a_job_is_the_same_as_itself_and_paths_are_no_difference(deck: Deck, readers: Readers) -> None:
    first = run(deck, nightly("a"), {"a": {"rows": 1, "path": "/1"}})
    second = run(deck, nightly("a"), {"a": {"rows": 1, "path": "/2"}})
    for before in (first, second):
        view = await compare_jobs(Reports(readers), before, second)
        assert (view.tasks, view.params, view.definition, view.definition_cut) == ((), (), (), False)
        assert view.counts["same"] == 1
    await readers.close()


async def test_what_is_not_there_is_refused(deck: Deck, readers: Readers) -> None:
    first = run(deck, nightly("a"))
    reports = Reports(readers)
    for before, after, code in (
        (None, first, "job.first"),
        (None, 1, "job.first"),
        (None, 99, "job.unknown"),
        (99, first, "job.unknown"),
        (first, 2**70, "job.unknown"),
    ):
        with pytest.raises(NotFound) as refused:
            await compare_jobs(reports, before, after)
        assert (refused.value.code, bool(refused.value.hint)) == (code, True)
    await readers.close()


async def test_of_large_jobs_the_first_tasks_are_compared_and_it_is_said(
    deck: Deck, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "TASKS_MAX", 3)
    monkeypatch.setattr(comparison_answers, "TASKS_MOST", 2)
    first = run(deck, nightly(*"abcde"))
    second = run(deck, nightly(*"vwxyz"))
    view = await compare_jobs(Reports(readers), first, second)
    assert (view.searched, len(view.tasks)) == (3, 2)
    assert (view.counts["added"], view.counts["removed"]) == (3, 3)
    await readers.close()


def test_documents_too_long_to_be_compared_are_said_to_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"name": "a", "x": [*range(9)]}, {"name": "a", "x": [*range(8)]}]
    names = ("one", "two")
    whole = comparison_answers._difference(documents, names=names)
    assert whole[:2] == ["--- one", "+++ two"]
    monkeypatch.setattr(comparison_answers, "LINES_MOST", 2)
    assert len(comparison_answers._difference(documents, names=names)) == 3
    monkeypatch.setattr(comparison_answers, "_LINES_COMPARED", 1)
    assert comparison_answers._difference(documents, names=names) == []


async def test_comparisons_are_read_by_indexes_alone(deck: Deck, readers: Readers) -> None:
    first, second = run(deck, nightly("a"), {"a": 1}), run(deck, nightly("a"), {"a": 2})
    plans = Plans(deck, readers)
    assert len((await compare_jobs(Reports(readers), None, second)).tasks) == 1
    told = " | ".join(plans.all())
    for table in ("task", "job", "entry", "definition", "a", "b", "t", "e"):
        assert f"SCAN {table} |" not in f"{told} |", told
    assert first
    await readers.close()
