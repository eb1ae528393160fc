"""config check and config show; engines that refuse faulty tables."""

from __future__ import annotations

from pathlib import Path

from core.config.sections import SECTIONS
from tests.cli.cli_stage import Deck

FAULTY = '[pools.gpu]\nslots = 1\nslotz = 2\n[budgets.team]\nunit = "usd"\nmax = -1\n'
SOUND = '[pools.gpu]\nslots = 2\nqueues = ["gpu"]\n[budgets.team]\nunit = "usd"\nmax = 0.02\n'


def write(home: Path, text: str) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = home / "config.toml"
    file.write_text(text)
    return file


def test_every_fault_has_a_line_of_its_own(home: Path, deck: Deck) -> None:
    file = write(home, FAULTY)
    ended = deck("config", "check")
    assert ended.status == 2
    assert f"{file}:3: `pools.gpu.slotz`: unknown key; did you mean `slots`? [config.unknown]" in ended.err
    assert f"{file}:6: `budgets.team.max`: must be a number" in ended.err


def test_no_engine_starts_where_tables_have_faults(home: Path, deck: Deck) -> None:
    write(home, FAULTY)
    ended = deck("exec", "true")
    assert ended.status == 2
    assert "slotz" in ended.err


def test_tables_are_checked_and_shown(home: Path, deck: Deck) -> None:
    file = write(home, SOUND)
    checked = deck("config", "check", "--json").objects[0]
    assert checked["budgets"]["team"]["max"] == 0.02
    (warning,) = checked["warnings"]
    assert (warning["line"], warning["code"]) == (1, "config.doubtful")
    ended = deck("config", "check")
    assert f"{file}:1: warning: `pools`: no pool drains the queue `default`" in ended.err
    shown = deck("config", "show", "--json").objects[0]
    assert shown["pools"] == {"gpu": {"slots": 2, "queues": ["gpu"], "order": "priority"}}
    assert "pools.gpu: slots = 2, queues = gpu, order = priority" in deck("config", "show").out


def test_every_section_of_the_registry_is_shown_with_what_holds(home: Path, deck: Deck) -> None:
    file = write(home, '[health]\nload = { soft = 3 }\n[retention]\nsucceeded = { rows = "7d" }\n')
    shown = deck("config", "show", "--json").objects[0]
    assert {section.name for section in SECTIONS} <= set(shown)
    assert shown["health"]["load"] == {"soft": 3, "hard": "none"}
    assert shown["health"]["memory"] == {"soft": "10 %", "hard": "3 %"}
    assert shown["retention"]["failed"] == {"outputs": "365d", "rows": "365d"}
    lines = deck("config", "show").out.splitlines()
    assert f"health.load: soft = 3.0, hard = none  {file}:2" in lines
    assert "health.loop: soft = 1s, hard = 5s  default" in lines
    assert "notify: none  default" in lines


def test_slots_for_a_pool_that_is_not_there_are_refused(home: Path, deck: Deck) -> None:
    write(home, SOUND)
    ended = deck("config", "show", "--slots", "3")
    assert ended.status == 2
    assert "[pools.default]" in ended.err


def test_doctor_says_that_tables_have_faults(home: Path, deck: Deck) -> None:
    write(home, FAULTY)
    checks = deck("doctor", "--json").objects[0]["checks"]
    assert any(check["name"] == "settings" and not check["ok"] for check in checks)


def test_an_example_is_written_once(home: Path, deck: Deck) -> None:
    assert deck("config", "init").status == 0
    file = home / "config.toml"
    assert (file.stat().st_mode & 0o777, "# [pools.default]" in file.read_text()) == (0o600, True)
    file.write_text("slots = 3\n")
    again = deck("config", "init")
    assert (again.status, "error[config.exists]" in again.err, file.read_text()) == (2, True, "slots = 3\n")
    assert "# [pools.default]" in deck("config", "init", "--print").out
    assert deck("config", "schema", "--json").objects[0]["properties"]["slots"]["type"] == "integer"


def test_a_running_engine_takes_what_changed_and_tells_it(home: Path, deck: Deck) -> None:
    write(home, "slots = 2\nlinger = 60\n")
    assert deck("config", "reload").status == 4
    assert deck("exec", "true").status == 0
    file = write(home, "slots = 3\nlinger = 60\n[pools.gpu]\nslots = 1\n[pools.default]\n")
    planned = deck("config", "reload", "--dry-run")
    assert "slots: 2 -> 3\n" in planned.out
    assert "would change" in planned.out
    done = deck("config", "reload", "--json", "--as", "ana").objects[0]
    assert {"key": "slots", "old": 2, "new": 3} in done["changed"]
    assert deck("config", "reload").out == "nothing changed: the engine runs with what the file says\n"
    events = deck("events", "--where", "kind:config.changed", "--json").objects
    assert [event["data"]["key"] for event in events] == [change["key"] for change in done["changed"]]
    file.write_text("slots = 3\nlinger = 60\nbatch_cap = 9\n")
    refused = deck("config", "reload")
    assert (refused.status, "error[config.restart]: `batch_cap` is read" in refused.err) == (2, True)
    assert deck("pools", "resize", "gpu", "4", "--reason", "more work").status == 0
    write(
        home, 'slots = 3\nlinger = 60\n[pools.gpu]\nslots = 1\n[secrets.a]\ncommand = ["pass", "hunter2"]\n'
    )
    shown = deck("config", "show")
    assert f"pools.gpu: slots = 1, queues = all, order = priority  {file}:3\n" in shown.out
    assert f"{file}:1" in shown.out
    assert "pools.gpu: slots = 4, configured 1; since 2" in shown.out
    assert "more work  changed at run time\n" in shown.out
    assert f"secrets.a: command = pass ...  {file}:5\n" in shown.out
    told = deck("config", "show", "--json").objects[0]
    assert (told["settings"]["slots"]["line"], told["lines"]["pools.gpu"]) == (1, 3)
    assert [change["key"] for change in told["changed"]] == ["pools.gpu"]
    deck("stop")
    (home / "taskdeck.db").write_bytes(b"not a store")
    broken = deck("config", "show")
    assert (broken.status, "changed at run time is not known" in broken.err) == (0, True)
