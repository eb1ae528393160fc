"""The commands `notices` and `notify`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.cli_stage import Deck
from tests.support.homes import Home


def test_what_operators_were_told_is_listed_and_a_sink_is_tried(place: Home, tmp_path: Path):
    place.start("exec", "--", "sh", "-c", "exit 3")
    place.waits_for("SELECT status FROM notice ORDER BY sink", ("waiting",), ("sent",))
    told = json.loads((place.path.parent / "told.json").read_text().splitlines()[0])
    assert told["notices"][0]["topic"] == "new_failure"
    listed = place.run("notices", "--json")
    shapes = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {(one["sink"], one["status"]) for one in shapes} == {("good", "sent"), ("bad", "waiting")}
    for_people = place.run("notices", "--status", "waiting")
    assert "bad  waiting" in for_people.stdout
    assert "sh ended with 9" in for_people.stdout
    assert "\x1b" not in for_people.stdout
    assert place.run("notify", "test", "good").returncode == 0
    failed = place.run("notify", "test", "bad", "--json")
    assert (failed.returncode, json.loads(failed.stderr)["error"]["code"]) == (4, "notify.failed")
    assert "god" in place.run("notify", "test", "god").stderr
    desk = place.run("notify", "test", "desk")
    assert (desk.returncode, "desk is shown by the consoles that are open" in desk.stderr) == (2, True)


CONFIG = """
[notify.good]
command = ["sh", "-c", "cat >>$TASKDECK_HOME/../told.json"]
on = ["new_failure"]
[notify.bad]
command = ["sh", "-c", "exit 9"]
on = ["new_failure"]
[notify.desk]
console = ["bell"]
on = ["no_room"]
"""


def test_refusals_have_a_code_a_sentence_and_what_to_do(stored: Deck):
    for words, code in ((("notify", "test"), "usage"), (("notify", "test", "x"), "notify.unknown")):
        ended = stored(*words)
        assert (ended.status, ended.err.startswith(f"error[{code}]: ")) == (2, True), ended.err
    assert stored("notices").status == 0
