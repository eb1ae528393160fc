"""pin and purge, told first and refused with the reason."""

from __future__ import annotations

from tests.cli.cli_stage import Deck, one
from tests.cli.test_cli_verbs import failed, failed_home

__all__ = ["failed", "failed_home"]


def test_a_job_is_pinned_planned_and_purged(failed: Deck) -> None:
    assert failed("pin", "2", "--reason", "evidence").out == "pinned 1\n"
    (row,) = failed("jobs", "--json", "--where", "pinned:*").objects
    assert (row["id"], row["pinned"]["reason"]) == (2, "evidence")
    told = one(failed, "purge", "jobs", "--where", "status:failed", "--dry-run")
    assert (told["jobs"], told["refused"], told["first_refused"]) == (
        0,
        1,
        [
            {
                "id": 2,
                "reason": "it is pinned",
                "code": "pin.kept",
                "hint": "'taskdeck unpin 2'",
                "facts": {"job": 2},
            }
        ],
    )
    kept = failed("purge", "jobs", "2", "--reason", "old", "--yes")
    assert (kept.status, kept.err) == (2, "  2: it is pinned ('taskdeck unpin 2')\n")
    assert failed("unpin", "2").out == "unpinned 1\n"
    assert failed("purge", "jobs", "2", "--yes").err.startswith("error[usage]: rows that are purged")
    asked = failed("purge", "jobs", "2", "--reason", "old")
    assert asked.status == 2
    assert asked.err.startswith("error[purge.unconfirmed]: this would remove 1 job with 2 tasks and ")
    done = failed("purge", "jobs", "2", "--reason", "old", "--yes")
    assert (done.status, done.out.startswith("removed 1 job with 2 tasks and ")) == (0, True)
    assert "error[job.purged]: job 2 was purged at 20" in failed("show", "2").err
    # Who asks hears of it, not only who wants to see it.
    for asks in (
        ("logs", "2/a"),
        ("pin", "2"),
        ("unpin", "2"),
        ("retry", "2"),
        ("cancel", "2"),
        ("pause", "2"),
    ):
        assert "error[job.purged]: job 2 was purged at 20" in failed(*asks).err, asks
    assert "no faults" in failed("doctor").out


def test_outputs_and_loose_tasks_are_purged_by_filter(failed: Deck) -> None:
    told = one(failed, "purge", "outputs", "--where", "status:failed", "--yes")
    assert (told["what"], told["tasks"], told["dry_run"]) == ("outputs", 2, False)
    assert (
        failed("purge", "tasks", "1", "--reason", "x", "--yes").err
        == "  1: it is of job 2, which goes as a whole ('taskdeck purge jobs 2')\n"
    )
    told = one(failed, "purge", "tasks", "--where", "status:failed", "--reason", "x", "--yes")
    assert (told["tasks"], told["refused"]) == (1, 0)
    assert failed("tasks", "--json", "--where", "id:3").objects == []
    for words in (["purge", "tasks"], ["purge", "tasks", "3", "--where", "id:3"]):
        assert failed(*words).status == 2
