"""run, exec and map: exit status, last lines, what is captured."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.executors.output_collector import ORDER_RECORD
from tests.cli.cli_stage import Deck, Ended
from tests.support.homes import Home

Write = Callable[[str, object], str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a data directory with an engine for all tests: what they find of others is not theirs."""
    one = Home(tmp_path_factory.mktemp("running") / "home")
    limits = [f'[limits.{name}]\nkind = "concurrency"\nmax = 9\n' for name in ("db", "host")]
    one.path.mkdir(exist_ok=True)
    (one.path / "config.toml").write_text("".join(limits))
    one.start("serve", "--slots", "4")
    one.has_engine()
    yield one.path
    one.end()


@pytest.fixture
def home(served: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data directory of all tests, named by TASKDECK_HOME."""
    monkeypatch.setenv("TASKDECK_HOME", str(served))
    return served


def number(pattern: str, text: str) -> int:
    """Return the number that stands for `#` in a text."""
    found = re.search(re.escape(pattern).replace("\\#", r"(\d+)"), text)
    assert found, text
    return int(found[1])


def test_a_job_that_succeeds_ends_with_0_and_counts(home: Path, deck: Deck, write: Write) -> None:
    flow = write(
        "flow.yaml",
        "name: flow\nparams: {n: {type: integer}}\nstages:\n"
        "  - {name: one, tasks: [{key: a, uses: delay, with: {seconds: 0}}]}\n"
        "  - {name: two, tasks: [{key: b, needs: [a], uses: delay, with: {seconds: 0}}]}\n",
    )
    ended = deck("run", flow, "-p", "n=3")
    assert ended.status == 0
    job = number("job # flow succeeded in ", ended.out)
    assert ended.out.endswith(": 2 succeeded\n")
    assert ended.err.splitlines() == [
        f"job {job} flow: 2 tasks",
        "stage one: succeeded",
        "stage two: succeeded",
    ]
    assert deck("jobs", "--json", "--where", f"id:{job}").objects[0]["params"] == {"n": 3}


def test_a_job_that_fails_ends_with_1_and_names_the_log(home: Path, deck: Deck, write: Write) -> None:
    flow = write(
        "flow.yaml", "name: flow\ntasks: [{key: bad, uses: shell, with: {script: 'echo why; exit 7'}}]\n"
    )
    ended = deck("run", flow)
    assert ended.status == 1
    job = number("job # flow: ", ended.err)
    assert f"failed bad: exit 7: why\n    taskdeck logs {job}/bad\n" in ended.out
    assert f"taskdeck retry {job}" in ended.out


def test_the_last_line_of_a_run_with_json_is_its_result(home: Path, deck: Deck, write: Write) -> None:
    flow = write("flow.yaml", "name: flow\ntasks: [{key: a, uses: delay, with: {seconds: 0}}]\n")
    ended = deck("run", flow, "--json")
    assert ended.err == ""
    result = json.loads(ended.out.splitlines()[-1])
    assert (result["status"], result["tasks"]) == ("succeeded", {"succeeded": 1})
    assert deck("jobs", "--json", "--where", f"id:{result['job']}").objects[0]["name"] == "flow"


def test_the_same_key_stands_for_the_same_job(home: Path, deck: Deck, write: Write) -> None:
    flow = write("flow.yaml", "name: flow\ntasks: [{key: a, uses: delay, with: {seconds: 0}}]\n")
    first, second = (deck("run", flow, "--json", "--key", "k").objects[-1]["job"] for _ in range(2))
    assert first == second
    other = write("other.yaml", "name: other\ntasks: [{key: a, uses: delay, with: {seconds: 0}}]\n")
    refused = deck("run", other, "--key", "k")
    assert refused.status == 2
    assert "client_key.conflict" in refused.err


def test_a_faulty_document_is_refused_with_every_fault_at_its_place(
    home: Path, deck: Deck, write: Write
) -> None:
    flow = write(
        "flow.yaml", "name: flow\ntasks:\n  - {key: a, uses: shel}\n  - {key: b, uses: delay, neeeds: [a]}\n"
    )
    ended = deck("run", flow)
    assert ended.status == 2
    assert f"{flow}:3:" in ended.err
    assert f"{flow}:4:27: `neeeds` is not known here; did you mean `needs`?" in ended.err


def test_tasks_of_a_file_run_in_its_folder(home: Path, deck: Deck, write: Write, tmp_path: Path) -> None:
    flow = write("flow.yaml", "name: flow\ntasks: [{key: a, uses: shell, with: {argv: [pwd]}}]\n")
    ended = deck("run", flow)
    assert ended.status == 0
    assert deck("logs", f"{number('job # flow: ', ended.err)}/a").out == f"{tmp_path.resolve()}\n"


def test_exec_writes_what_its_command_wrote(home: Path, deck: Deck) -> None:
    ended = deck("exec", "--", "printf", "a\\tb\\033[31m")
    assert (ended.status, ended.out) == (0, "a\tb\x1b[31m")


def test_exec_ends_with_1_when_its_command_failed(home: Path, deck: Deck) -> None:
    ended = deck("exec", "--", "sh", "-c", "echo out; exit 3")
    assert (ended.status, ended.out) == (1, "out\n")
    assert "exit 3" in ended.err
    task = number("taskdeck retry --task #", ended.err)
    assert deck("tasks", "--json", "--where", f"id:{task}").objects[0]["status"] == "failed"


def test_exec_takes_its_words_literally(home: Path, deck: Deck) -> None:
    assert deck("exec", "--", "echo", "${{ 1 }}", "--json", "{}").out == "${{ 1 }} --json {}\n"


def test_exec_passes_the_callers_folder_and_the_variables_named(
    home: Path, deck: Deck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIVEN", "yes")
    monkeypatch.setenv("KEPT_BACK", "no")
    monkeypatch.setenv("LC_TIME", "C")
    out = deck("exec", "--env", "GIVEN", "--", "sh", "-c", 'pwd; echo "$GIVEN-$KEPT_BACK-$LC_TIME"').out
    assert out == f"{tmp_path.resolve()}\nyes--C\n"


def test_exec_with_json_is_one_object(home: Path, deck: Deck) -> None:
    (ended,) = deck(
        "exec", "--json", "--name", "hello", "--queue", "q", "--priority", "7", "--", "true"
    ).objects
    assert (ended["status"], ended["attempts"]) == ("succeeded", 1)
    (task,) = deck("tasks", "--json", "--where", f"id:{ended['task']}").objects
    assert (task["name"], task["queue"], task["priority"], task["key"]) == ("hello", "q", 7, "true")


def test_exec_tries_again_as_often_as_it_is_told(home: Path, deck: Deck, tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge 2"
    assert deck("exec", "--retry", "1", "--json", "--", "sh", "-c", script).objects[0]["attempts"] == 2


Map = Callable[..., Ended]


@pytest.fixture
def map_(home: Path, deck: Deck, monkeypatch: pytest.MonkeyPatch) -> Map:
    """Run `map` with bytes as its standard input."""

    def run(data: bytes, *words: str) -> Ended:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return deck("map", *words)

    return run


def test_map_runs_a_task_for_each_line(map_: Map, deck: Deck) -> None:
    ended = map_(b"b\n\nc d\n", "--json", "--", "echo", "<{}>", "{}")
    assert ended.status == 0, ended.err
    (summary,) = ended.objects
    assert summary["tasks"] == {"succeeded": 2}
    found = deck("tasks", "--json", "--where", f"group:{summary['group']} sort:id").objects
    assert [task["name"] for task in found] == ["b", "c d"]
    assert deck("logs", str(found[1]["id"])).out == "<c d> c d\n"


def test_groups_list_what_map_has_made_newest_first(map_: Map, deck: Deck) -> None:
    groups = [map_(lines, "--json", "--", "true").objects[0]["group"] for lines in (b"a\n", b"b\nc\n")]
    rows = deck("groups", "--json").objects
    assert [(row["name"], row["tasks"]) for row in rows[:2]] == [
        (groups[1], {"succeeded": 2}),
        (groups[0], {"succeeded": 1}),
    ]
    assert len(deck("groups", "--json", "--limit", "1").objects) == 1
    head, first, *_ = deck("groups").out.splitlines()
    assert (head.split(), first.split()[0]) == (["GROUP", "TASKS", "AGE"], groups[1])


def test_without_a_group_the_list_says_so(stored: Deck) -> None:
    ended = stored("groups")
    assert (ended.status, ended.out, ended.err) == (0, "", "no groups yet\n")


def test_map_appends_the_line_where_no_braces_are_and_reads_nul(map_: Map, deck: Deck) -> None:
    ended = map_(b"two\nlines\0\xff\0", "-0", "--", "printf", "[%s]")
    assert ended.status == 0, ended.err
    assert "2 succeeded" in ended.out
    group = ended.err.partition(" in group ")[2].split()[0].rstrip(":;,")
    found = deck("tasks", "--json", "--where", f"group:{group} sort:id").objects
    first, second = (task["id"] for task in found)
    assert deck("logs", str(first)).out == "[two\nlines]"
    (piece,) = deck("logs", str(second), "--json").objects
    assert base64.b64decode(piece["base64"]) == b"[\xff]"


def test_map_ends_with_1_and_names_what_failed(map_: Map) -> None:
    ended = map_(b"0\n5\n", "--", "sh", "-c", "exit $0")
    assert ended.status == 1
    assert "1 succeeded, 1 failed" in ended.out
    assert "failed sh (5): exit 5" in ended.out
    assert "tasks in group map-" in ended.err


def test_map_without_lines_is_a_usage_error(
    tmp_path: Path, map_: Map, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("TASKDECK_HOME", str(home))
    assert map_(b"\n\n", "--", "true").status == 2
    assert not (home / "taskdeck.db").exists()


def test_a_run_says_how_often_tasks_are_run_again_and_what_variables_they_get(
    home: Path, deck: Deck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(
        "name: flow\ntasks:\n"
        "- {key: a, uses: shell, with: {script: 'echo $A $B; exit 1'}, retry: {max_attempts: 2, base: 1ms}}\n"
        "- {key: b, uses: shell, with: {script: 'test $B = two'}}\n"
    )
    monkeypatch.setenv("A", "one")
    ended = deck("run", str(file), "--env", "A", "--env", "B=two")
    assert "2 tasks; 1 of them up to 2 attempts; env A, B\n" in ended.err
    assert "one two" in ended.out
    job = number("job # flow: ", ended.err)
    tasks = deck("tasks", "--json", "--where", f"job:{job} sort:id").objects
    assert [(task["key"], task["status"], task["max_attempts"]) for task in tasks] == [
        ("a", "failed", 2),
        ("b", "succeeded", 1),
    ]
    assert "2 tasks; up to 4 attempts each\n" in deck("run", str(file), "--retry", "3").err
    for wrong in (["--env", "NO_SUCH"], ["--env", "=x"], ["--env", "A", "--env", "A=1"], ["--retry", "1000"]):
        assert deck("run", str(file), *wrong).status == 2


def test_both_streams_are_written_in_their_order_and_standard_error_is_marked(deck, write, home) -> None:
    with_ = {"script": "echo o1; echo e1 >&2; echo o2", "stderr": "separate"}
    workflow = {
        "name": "both",
        "stages": [{"name": "s", "tasks": [{"key": "t", "uses": "shell", "with": with_}]}],
    }
    assert deck("run", write("both.json", workflow)).status == 0
    out = max(home.glob("output/*/*/out"), key=lambda path: int(path.parts[-3]))
    task = out.parts[-3]
    # As if the collector had woken for each of them.
    turns = ((3 << 1 | 1, 0, 1_000), (3 << 1, 3, 2_000))
    (out.parent / "order").write_bytes(b"".join(ORDER_RECORD.pack(*turn) for turn in turns))
    assert deck("logs", task, "--both").out == "o1\nerr| e1\no2\n"
    assert deck("logs", task, "--both", "--follow").out == "o1\nerr| e1\no2\n"
    assert deck("logs", task, "--both", "--tail", "2").out == "err| e1\no2\n"
    assert deck("logs", task, "--both", "--head", "2").out == "o1\nerr| e1\n"
    objects = deck("logs", task, "--both", "--json").objects
    assert [(one["stream"], one["offset"], one["text"]) for one in objects] == [
        ("out", 0, "o1"),
        ("err", 3, "e1"),
        ("out", 6, "o2"),
    ]
    assert deck("logs", task, "--both", "--grep", "e|o2").out == "e1\no2\n"
    for words in (("--stderr",), ("--tail", "9B"), ("--head", "1KiB")):
        refused = deck("logs", task, "--both", *words)
        assert (refused.status, "error[usage]" in refused.err) == (2, True)
    (out.parent / "order").unlink()
    unknown = deck("logs", task, "--both")
    assert (unknown.out, "in which order both came is not known" in unknown.err) == ("o1\no2\n", True)


def test_a_search_says_that_standard_error_was_not_searched_and_bytes_are_base64(deck, write) -> None:
    with_ = {"script": "echo out; printf 'err \\377\\n' >&2", "stderr": "separate"}
    workflow = {"name": "apart", "tasks": [{"key": "t", "uses": "shell", "with": with_}]}
    ended = deck("run", write("apart.json", workflow))
    task = f"{number('job # apart: ', ended.err)}/t"
    apart = "6 bytes of standard error were not searched: --stderr or --both searches them"
    for words in ((), ("-c",)):
        assert apart in deck("logs", task, "--grep", "err", *words).err
        for stream in ("--stderr", "--both"):
            found = deck("logs", task, "--grep", "err", stream, *words)
            assert (found.status, apart in found.err) == (0, False)
    (line,) = [one for one in deck("logs", task, "--both", "--json").objects if one["stream"] == "err"]
    assert (line.get("text"), line["base64"]) == (None, "ZXJyIP8=")


def test_exec_says_what_its_task_comes_under_and_show_tells_it(home: Path, deck: Deck) -> None:
    words = [
        *("--limit", "db", "--limit", "host=h=1", "--cost", "usd=0.10", "--cost", "tokens=3000"),
        *("--prefer", "deep", "--prefer", "fast", "--on-exhausted", "finish", "--tag", "slow", "-P", "team"),
    ]
    task = deck("exec", "--json", *words, "--", "true").objects[0]["task"]
    (shown,) = [one for one in deck("show", "1", "--json").objects[0]["tasks"] if one["id"] == task]
    said = ("limits", "cost", "prefer", "on_exhausted", "tags", "project")
    assert {name: shown[name] for name in said} == {
        "limits": [{"limit": "db", "key": None}, {"limit": "host", "key": "h=1"}],
        "cost": {"usd": "0.1", "tokens": "3000"},
        "prefer": ["deep", "fast"],
        "on_exhausted": "finish",
        "tags": ["slow"],
        "project": "team",
    }
    assert (
        "  limits db, host=h=1; cost 0.1 usd, 3000 tokens; prefers deep, fast; if spent finish;"
        " tags slow: true\n" in deck("show", "1").out
    )


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("=", "write --limit NAME, or --limit NAME=KEY"),
        ("=k", "write --limit NAME, or --limit NAME=KEY"),
        ("", "write --limit NAME, or --limit NAME=KEY"),
        ("db=", "write --limit db, or --limit db=KEY"),
    ],
)
def test_a_limit_without_name_or_key_is_refused_with_what_to_write(deck: Deck, said: str, hint: str) -> None:
    refused = deck("exec", "--limit", said, "--", "true")
    assert (refused.status, f"hint: {hint}\n" in refused.err) == (2, True)


def test_exec_refuses_a_limit_that_is_not_known(home: Path, deck: Deck) -> None:
    ended = deck("exec", "--limit", "dbb", "--", "true")
    assert (ended.status, ended.err.splitlines()[0]) == (
        2,
        "error[limit.unknown]: task 'true': `dbb` is not a limit; did you mean `db`?",
    )


def test_map_puts_the_line_into_the_keys_of_limits(map_: Map, deck: Deck) -> None:
    ended = map_(b"a\nb {}\n", "--limit", "db", "--limit", "host=x-{}", "--cost", "auto", "--", "true", "{}")
    group = re.search(r"map-[0-9a-f]+", ended.out)
    assert group
    tasks = {one["id"] for one in deck("tasks", "--json", "--where", f"group:{group[0]}").objects}
    shown = [one for one in deck("show", "1", "--json").objects[0]["tasks"] if one["id"] in tasks]
    assert [one["limits"] for one in shown] == [
        [{"limit": "db", "key": None}, {"limit": "host", "key": f"x-{line}"}] for line in ("a", "b {}")
    ]
    assert {one["cost"] for one in shown} == {"auto"}


@pytest.mark.parametrize("second", ["usd=2", "auto"])
def test_exec_takes_one_amount_of_a_unit(home: Path, deck: Deck, second: str) -> None:
    ended = deck("exec", "--cost", "usd=1", "--cost", second, "--", "true")
    assert (ended.status, ended.err.startswith("error[usage]: --cost ")) == (2, True)


def test_show_tells_the_project_of_a_job_and_what_its_tasks_say(home: Path, deck: Deck, write: Write) -> None:
    flow = write(
        "limited.yaml",
        "name: limited\nproject: team\ndefaults: {uses: delay, limits: [db]}\ntasks:\n"
        "- {key: a, with: {seconds: 0}}\n- {key: b, with: {seconds: 0}}\n"
        "- {key: c, needs: [a], with: {seconds: 0}, limits: [],"
        ' cost: {usd: "${{ size(tasks.a.output) }}"}}\n',
    )
    job = number("job # limited", deck("run", flow).out)
    out = deck("show", str(job)).out
    assert "\nproject   team\n" in out
    assert "\n  limits db: a, b\n" in out
    assert "\n  cost 0 usd: c\n" in out
    assert {one["project"] for one in deck("show", str(job), "--json").objects[0]["tasks"]} == {"team"}
    other = number("job # limited", deck("run", flow, "-P", "mine").out)
    assert "\nproject   mine\n" in deck("show", str(other)).out
