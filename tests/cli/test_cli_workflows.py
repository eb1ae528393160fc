"""The commands of registered workflows."""

from __future__ import annotations

import json

from tests.cli.cli_stage import one

TEXT = (
    "name: hello\nparams: {n: {type: integer, default: %d}}\n"
    "tasks: [{key: a, uses: shell, with: {argv: ['true']}}]\n"
)


def test_a_workflow_is_added_listed_shown_compared_run_and_removed(deck, tmp_path):
    file = tmp_path / "hello.yaml"
    file.write_text(TEXT % 1)
    assert "version 1" in deck("workflows", "add", str(file)).out
    assert "nothing was changed" in deck("workflows", "add", str(file)).out
    file.write_text(TEXT % 2)
    added = one(deck, "workflows", "add", str(file), "--as", "ann")
    assert (added["name"], added["version"], added["changed"]) == ("hello", 2, True)
    row = one(deck, "workflows", "--name", "ELL")
    none = deck("workflows", "list", "--name", "helo")
    assert (none.out, "no registered workflow has helo in its name" in none.err) == ("", True)
    assert (row["name"], row["version"], row["versions"]) == ("hello", 2, 2)
    assert deck("workflows", "show", "hello").out == TEXT % 2
    assert deck("workflows", "show", "hello", "--version", "1").out == TEXT % 1
    assert deck("workflows", "show", "hello", "--version", added["hash"][:8]).out == TEXT % 2
    lines = deck("workflows", "diff", "hello").out.splitlines()
    assert [line for line in lines if line[:1] in "+-" and "params" in line] == [
        "-params: {n: {type: integer, default: 1}}",
        "+params: {n: {type: integer, default: 2}}",
    ]
    file.unlink()
    assert deck("check", "hello").out == "hello: no faults; 1 stage, 1 task\n"
    assert one(deck, "check", "hello")["name"] == "hello"
    assert one(deck, "graph", "hello")["stages"] == [{"name": "main", "tasks": ["a"]}]
    assert "nothing was submitted" in deck("run", "hello", "--dry-run").out
    assert "mermaid" not in deck("graph", "hello", "--predict", "-p", "n=3").err
    ran = deck("run", "hello", "--json")
    assert (ran.status, json.loads(ran.out.splitlines()[-1])["status"]) == (0, "succeeded")
    for words in (("run",), ("check",), ("graph",), ("run", "--dry-run")):
        near = deck(*words, "helo")
        assert (near.status, "did you mean `hello`?" in near.err) == (2, True)
    assert deck("workflows", "remove", "hello").out == "removed hello: 2 versions\n"
    assert "error[workflow.unknown]" in deck("workflows", "show", "hello").err


def test_a_faulty_workflow_a_builtin_name_and_an_unknown_version_are_refused(deck, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("name: bad\ntasks: [{key: a, uses: shel}, {key: b, uses: dela}]\n")
    refused = deck("workflows", "add", str(file))
    assert (refused.status, "shel" in refused.err, "dela" in refused.err) == (2, True, True)
    file.write_text(TEXT % 1)
    shadow = deck("workflows", "add", str(file), "--name", "sample")
    assert (shadow.status, "error[workflow.name]" in shadow.err) == (2, True)
    deck("workflows", "add", str(file))
    assert "error[workflow.version]" in deck("workflows", "show", "hello", "--version", "9").err
    assert "error[workflow.single]" in deck("workflows", "diff", "hello").err
    deck("workflows", "remove", "hello")


def test_the_children_of_a_registered_workflow_are_checked_by_their_names(deck, tmp_path):
    (tmp_path / "sub").mkdir()
    child = tmp_path / "sub" / "child.yaml"
    child.write_text(TEXT % 1)
    parent = tmp_path / "sub" / "parent.yaml"
    parent.write_text(
        "name: parent\ntasks:\n"
        "  - {key: named, uses: workflow, with: {name: hello, params: {m: 1}}}\n"
        "  - {key: near, uses: workflow, with: {file: child.yaml}}\n"
    )
    deck("workflows", "add", str(child))
    # Its folder is that of its file, wherever the command runs.
    refused = deck("check", str(parent))
    assert (refused.status, "`m` is not a parameter of hello" in refused.err) == (2, True), refused.err
    parent.write_text(parent.read_text().replace("m: 1", "n: 1"))
    assert deck("workflows", "add", str(parent)).status == 0
    checked = deck("check", "parent")
    assert (checked.status, checked.err) == (0, "")
    deck("workflows", "remove", "hello")
    assert "neither built in nor registered here" in deck("check", "parent").err
    deck("workflows", "remove", "parent")


def test_a_schedule_submits_a_registered_workflow(deck, tmp_path):
    (tmp_path / "hello.yaml").write_text(TEXT % 1)
    deck("workflows", "add", str(tmp_path / "hello.yaml"))
    words = ("schedule", "add", "h", "--every", "1h", "--workflow")
    assert "error[workflow.unknown]" in deck(*words, "gone").err
    assert deck(*words, "hello", str(tmp_path / "hello.yaml")).status == 2
    added = deck(*words, "hello")
    assert added.status == 0, added.err
    assert "the version that is current at each fire" in deck("schedules", "h").out
    deck("schedule", "remove", "h")
    deck("workflows", "remove", "hello")
