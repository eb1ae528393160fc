"""failures: list, filter, acknowledge, take back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import Home


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def listed(place: Home, *flags: str) -> list[dict]:
    return [json.loads(line) for line in place.run("failures", "--json", *flags).stdout.splitlines()]


def test_failures_are_listed_acknowledged_and_retried_by_family(place: Home) -> None:
    place.start("serve")
    place.has_engine()
    nothing = place.run("failures")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "nothing fails\n")
    for number in (1, 2):
        place.run("exec", "--", "sh", "-c", f"echo row {number} of /srv/{number}.csv has no price; exit 65")
    place.run("exec", "--", "sh", "-c", "exit 3")
    most, other = listed(place)
    assert (most["pattern"], most["failed"], most["jobs"]) == ("exit 65: row # of <path> has no price", 2, 0)
    assert (other["message"], other["state"]) == ("exit 3", "failing")
    assert [row["id"] for row in listed(place, "--where", "tasks>1 err~price")] == [most["id"]]
    shown = place.run("failures")
    assert shown.stdout.splitlines()[0].split()[:3] == ["FAMILY", "STATE", "TASKS"]
    assert f"taskdeck retry --where 'family:{most['id']} status:failed'" in shown.stderr
    done = place.run("failures", "--ack", most["id"][:6], "--for", "8h", "--reason", "known")
    assert (done.returncode, done.stdout) == (0, "acknowledged 1\n")
    assert [row["state"] for row in listed(place)] == ["failing", "acknowledged"]
    known = place.run("failures")
    assert "until 20" in known.stdout
    assert "3 tasks fail, 2 of them are known" in known.stderr
    assert "tasks: 1 failed, 2 known failures" in place.run("--plain").stdout
    assert place.run("failures", "--unack", most["id"]).stdout == "taken back 1\n"
    retried = place.run("retry", "--where", f"family:{other['id']} status:failed", "--dry-run")
    assert "would have retried 1" in retried.stdout
    assert "family.acknowledged" in place.run("events", "--json").stdout
    assert place.run("doctor").returncode == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--ack", "ffffff"), "failure family ffffff does not exist"),
        (("--ack", ""), "need the id of a family"),
        (("--ack", "a", "--unack", "b"), "choose one"),
        (("--for", "3h"), "--for is only for --ack"),
        (("--ack", "a", "--for", "soon"), "not a length of time"),
        (("--reason", "x"), "--reason is only for"),
        (("--ack", "a", "--all"), "are for the list"),
        (("--where", "bogus:1"), "failures have no field `bogus`"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    place: Home, flags: tuple[str, ...], words: str
) -> None:
    ended = place.run("failures", *flags)
    assert ended.returncode in (1, 2)
    assert words in ended.stderr
    assert "internal" not in ended.stderr
