"""check, graph, import: documents without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.cli_stage import Deck, command, environment
from tests.support.commands import run

Write = Callable[[str, object], str]
RECORD = {
    "name": "tiny",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                {"id": "A.1", "name": "first", "parents": [], "children": ["B"]},
                {"id": "B", "name": "second", "parents": ["A.1"], "children": []},
            ]
        },
        "execution": {"tasks": [{"id": "A.1", "runtimeInSeconds": 2}, {"id": "B", "runtimeInSeconds": 4}]},
    },
}


def test_check_says_that_there_are_no_faults(home: Path, deck: Deck) -> None:
    ended = deck("check", "sample")
    assert (ended.status, ended.out) == (0, "sample: no faults; 2 stages, 17 tasks\n")
    assert deck("check", "sample", "--json").objects[0]["ok"] is True


def test_check_names_the_place_of_a_fault_and_what_may_have_been_meant(
    home: Path, deck: Deck, write: Write
) -> None:
    path = write("bad.yaml", "name: bad\ntasks:\n  - {key: a, uses: delay, with: {seconds: 0}, neeeds: []}\n")
    ended = deck("check", path)
    assert ended.status == 2
    assert ended.err.startswith(f"error[document.unknown_field]: {path}:3:")
    assert "did you mean `needs`?" in ended.err
    fault = json.loads(deck("check", path, "--json").err)["error"]["facts"]["faults"][0]
    assert (fault["line"], fault["path"]) == (3, "tasks[0].neeeds")


def test_check_knows_the_limits_of_the_home(home: Path, deck: Deck, write: Write) -> None:
    task = "{key: a, uses: delay, with: {seconds: 0},\n     limits: [db], cost: {tokns: 3}}"
    text = f"name: w\ntasks:\n  - {task}\n"
    path = write("w.yaml", text)
    assert deck("check", path).status == 0, "without a configuration nothing is known"
    home.mkdir(exist_ok=True)
    config = home / "config.toml"
    config.write_text('[limits.dbs]\nkind = "concurrency"\nmax = 1\n')
    ended = deck("check", path)
    assert ended.status == 2
    assert ended.err.startswith(f"error[limit.unknown]: {path}:4:")
    config.write_text('[limits.db]\nkind = "concurrency"\nmax = 1\n[budgets.b]\nunit = "tokens"\nmax = 2\n')
    ended = deck("check", path)
    assert ended.status == 0
    assert "warning: " in ended.err
    assert "no budget is in `tokns`; did you mean `tokens`?" in ended.err
    write("w.yaml", text.replace("tokns", "tokens"))
    assert deck("check", path).err.startswith(f"error[budget.too_small]: {path}:4:")


def test_check_of_an_unknown_name_offers_the_near_ones(home: Path, deck: Deck) -> None:
    ended = deck("check", "sampel")
    assert ended.status == 2
    assert "sample" in ended.err


def test_graph_draws_layers_and_the_longest_chain(home: Path, deck: Deck) -> None:
    out = deck("graph", "sample").out
    assert "write_north ─┬─> count_north" in out
    assert "longest chain: 4 tasks" in out
    shape = deck("graph", "sample", "--json").objects[0]
    assert shape["needs"]["count_north"] == ["write_north"]
    assert "critical_path" not in shape


def test_graph_of_a_job_has_its_critical_path(stored: Deck) -> None:
    assert "critical path: " in stored("graph", "--job", "2").out
    assert stored("graph", "--job", "2", "--json").objects[0]["critical_path"]["tasks"]


def test_import_writes_a_workflow_that_runs(home: Path, deck: Deck, write: Write, tmp_path: Path) -> None:
    record, out = write("record.json", RECORD), str(tmp_path / "out.yaml")
    ended = deck("import", "wfformat", record, "--time-scale", "0", "-o", out)
    assert ended.out == f"{out}: 2 tasks\n  taskdeck run {out}\n"
    assert deck("run", out, "--json").objects[-1]["tasks"] == {"succeeded": 2}
    tasks = deck("show", "2", "--json").objects[0]["tasks"]
    assert [(task["key"], task["name"], task["needs"]) for task in tasks] == [
        ("a_1", "first", []),
        ("b", "second", ["a_1"]),
    ]
    assert tasks[0]["metadata"]["id"] == "A.1"


def test_import_writes_to_standard_output_by_default(home: Path, deck: Deck, write: Write) -> None:
    ended = deck("import", "wfformat", write("record.json", RECORD), "--connector", "shell")
    assert 'argv: [sleep, "2"]' in ended.out


def test_import_refuses_foreign_files_and_places_it_cannot_write(
    home: Path, deck: Deck, write: Write
) -> None:
    assert deck("import", "wfformat", write("foreign.json", {"a": 1})).status == 2
    ended = deck("import", "wfformat", write("record.json", RECORD), "-o", "/nonexistent/out.yaml")
    assert (ended.status, "cannot write" in ended.err) == (2, True)
    assert deck("import", "wfformat", "nosuch.json").status == 2


SHARED = (
    "params: {who: {default: you}}\n"
    "tasks: [{key: hello, uses: shell, with: {argv: [echo, 'hello ${{ params.who }}']}}]\n"
)
INCLUDING = "include: parts/shared.yaml\nname: greeting\n"
INCLUDING += "tasks: [{key: own, uses: shell, with: {argv: [echo, own]}}]\n"


def including(folder: Path, shared: str = SHARED) -> Path:
    (folder / "parts").mkdir()
    (folder / "parts" / "shared.yaml").write_text(shared)
    path = folder / "greeting.yaml"
    path.write_text(INCLUDING)
    return path


def test_a_document_is_checked_drawn_and_run_with_what_it_includes(
    home: Path, deck: Deck, tmp_path: Path
) -> None:
    path = including(tmp_path)
    assert "1 stage, 2 tasks" in deck("check", str(path)).out
    assert "hello" in deck("graph", str(path)).out
    ran = deck("run", str(path), "-p", "who=all", "--json")
    assert (ran.status, json.loads(ran.out.splitlines()[-1])["status"]) == (0, "succeeded")


def test_a_fault_in_an_included_file_is_told_with_its_name(home: Path, deck: Deck, tmp_path: Path) -> None:
    path = including(tmp_path, SHARED.replace("uses: shell", "uses: shel"))
    place = f"{tmp_path}/parts/shared.yaml:2:"
    for verb in ("check", "run"):
        ended = deck(verb, str(path))
        assert (ended.status, place in ended.err) == (2, True), ended.err
    added = deck("workflows", "add", str(path), "--json")
    assert (added.status, f"{tmp_path}/parts/shared.yaml" in added.err, '"line": 2' in added.err) == (
        2,
        True,
        True,
    )
    (tmp_path / "parts" / "shared.yaml").unlink()
    ended = deck("run", str(path))
    assert "error[include.not_found]" in ended.err
    assert f"{path}:1:" in ended.err


def test_a_piped_document_includes_from_the_present_directory(home: Path, tmp_path: Path) -> None:
    including(tmp_path)
    ended = run(command("check", "-"), text=INCLUDING, env=environment(home), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, b"standard input: no faults; 1 stage, 2 tasks\n"), (
        ended.stderr
    )


def test_what_is_registered_is_whole_and_needs_no_file(home: Path, deck: Deck, tmp_path: Path) -> None:
    path = including(tmp_path)
    first = json.loads(deck("workflows", "add", str(path), "--json").out)
    (tmp_path / "parts" / "shared.yaml").write_text(f"# a remark\n{SHARED}")
    again = json.loads(deck("workflows", "add", str(path), "--json").out)
    assert (again["hash"], again["changed"]) == (first["hash"], False)
    (tmp_path / "parts" / "shared.yaml").unlink()
    shown = deck("workflows", "show", "greeting").out
    assert ("include" in shown.splitlines()[0], "\ninclude" in shown, "hello ${{" in shown) == (
        True,
        False,
        True,
    )
    assert json.loads(deck("run", "greeting", "--json").out.splitlines()[-1])["status"] == "succeeded"


def test_a_schedule_keeps_the_whole_of_a_document(home: Path, deck: Deck, tmp_path: Path) -> None:
    path = including(tmp_path)
    assert deck("schedule", "add", "greet", "--every", "1h", str(path)).status == 0
    (tmp_path / "parts" / "shared.yaml").unlink()
    fired = deck("schedule", "trigger", "greet")
    assert fired.status == 0, fired.err


def test_a_child_is_pinned_with_what_its_file_includes(home: Path, deck: Deck, tmp_path: Path) -> None:
    including(tmp_path)
    parent = tmp_path / "parent.yaml"
    parent.write_text("name: parent\ntasks: [{key: c, uses: workflow, with: {file: greeting.yaml}}]\n")
    ran = deck("run", str(parent), "--json")
    assert (ran.status, json.loads(ran.out.splitlines()[-1])["status"]) == (0, "succeeded")
    (tmp_path / "parts" / "shared.yaml").write_text("tasks: [{key: hello, uses: shell, with: {}}]\n")
    ended = deck("check", str(parent))
    assert (ended.status, f"{tmp_path}/parts/shared.yaml, line 1" in ended.err) == (2, True), ended.err
