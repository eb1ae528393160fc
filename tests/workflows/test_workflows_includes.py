"""Tests of `include`: what is merged, what is refused where."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.connectors.delay import Delay
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.model.errors import Fault, InvalidDocument
from core.workflows.expansion import Workflow, hash_of, parse, parse_loaded
from core.workflows.includes import DEPTH_MAX, FILES_MAX, make_whole, read_whole
from core.workflows.limits import LIMITS, Limits
from core.workflows.loader import load
from core.workflows.whole_text import read_whole_text, write_whole
from tests.support.steps import counted_calls
from tests.workflows.test_workflows_loader import ALIAS_BOMB, HOSTILE, STEPS

CHECKS = Registry([Shell(), Delay()])
MAIN = "name: main\ndefaults: {uses: delay, timeout: 5s}\ntasks:\n  - {key: own, with: {seconds: 0}}\n"


def put(folder: Path, **files: str | bytes) -> Path:
    """Write files, `main` among them, and return the path of that; `__` in a name begins a folder."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / "main.yaml"


def parsed(path: Path) -> Workflow:
    """Return a document as it is read from its file; that of its whole text has to be the same."""
    workflow = parse(path, CHECKS)
    sent = parse_loaded(load(read_whole_text(path), source="sent"), CHECKS)
    assert hash_of(sent.definition) == hash_of(workflow.definition)
    return workflow


def refused(path: Path, limits: Limits = LIMITS) -> list[Fault]:
    with pytest.raises(InvalidDocument) as caught:
        parse_loaded(read_whole(path, limits=limits), CHECKS)
    return list(caught.value.faults)


def only(path: Path, limits: Limits = LIMITS) -> Fault:
    (fault,) = refused(path, limits)
    return fault


# What becomes of the fields


def test_the_document_wins_over_what_it_includes_and_a_later_file_over_an_earlier(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="params: {x: {default: a}, only_a: {default: a}}\nenv: {X: a, ONLY_A: a, OWN: a}\n"
        "defaults: {timeout: 1s, queue: qa, priority: 3, env: {D: a, E: a}}",
        b="params: {x: {default: b}}\nenv: {X: b, OWN: b}\ndefaults: {timeout: 2s, queue: qb, env: {D: b}}",
        main=f"include: [a.yaml, b.yaml]\nenv: {{OWN: own}}\n{MAIN}",
    )
    value = parsed(path).definition
    assert "include" not in value
    assert value["params"] == {"x": {"default": "b"}, "only_a": {"default": "a"}}
    assert value["env"] == {"X": "b", "ONLY_A": "a", "OWN": "own"}
    assert value["defaults"] == {
        "uses": "delay",
        "timeout": "5s",
        "queue": "qb",
        "priority": 3,
        "env": {"D": "b", "E": "a"},
    }


def test_lists_are_joined_those_of_included_files_first(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="tasks: [{key: a, with: {seconds: 0}}]\nfinally: [{key: fa, with: {seconds: 0}}]",
        b="include: c.yaml\ntasks: [{key: b, needs: [a], with: {seconds: 0}}]",
        c="tasks: [{key: c, with: {seconds: 0}}]",
        main=f"include: [a.yaml, b.yaml]\nfinally: [{{key: f, with: {{seconds: 0}}}}]\n{MAIN}",
    )
    stages = parsed(path).document.in_stages()
    assert [[task.key for task in stage.tasks] for stage in stages] == [["a", "c", "b", "own"], ["fa", "f"]]


def test_stages_of_files_are_joined_too(tmp_path: Path) -> None:
    stage = "stages: [{{name: {0}, {1}tasks: [{{key: {0}, uses: delay, with: {{seconds: 0}}}}]}}]\n"
    worklet = "on_failure: {file: x.yaml}, "
    path = put(
        tmp_path,
        ci__a=stage.format("a", worklet),
        main="name: w\ninclude: ci/a.yaml\n" + stage.format("b", worklet),
    )
    stages = parsed(path).document.in_stages()
    assert [stage.name for stage in stages] == ["a", "b"]
    value: Any = read_whole(path).value
    assert [stage["on_failure"]["file"] for stage in value["stages"]] == ["ci/x.yaml", "x.yaml"]


def test_a_file_that_several_include_counts_once_and_first(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        common="env: {X: common}\ntasks: [{key: c, with: {seconds: 0}}]",
        a="include: common.yaml\nenv: {X: a}",
        b="include: sub/../common.yaml",
        sub__x="env: {}",
        main=f"include: [a.yaml, b.yaml]\n{MAIN}",
    )
    value = parsed(path).definition
    assert value["env"] == {"X": "a"}
    assert [task["key"] for task in value["tasks"]] == ["c", "own"]  # type: ignore[union-attr,index,call-overload]


def test_paths_of_an_included_file_begin_in_its_folder(tmp_path: Path) -> None:
    child = "uses: workflow, with: {file: child.yaml}"
    path = put(
        tmp_path,
        ci__common="include: more/x.yaml\nenv_file: a.env\ndefaults: {env_file: [d.env]}\ntasks:\n"
        f"  - {{key: t, {child}, env_file: t.env, on_failure: {{file: repair.yaml}}}}\n"
        "  - {key: abs, uses: delay, with: {seconds: 0}, env_file: [/abs.env, ~/home.env]}\n"
        "  - {key: shell, uses: shell, with: {argv: [cat, child.yaml]}}",
        ci__more__x="env_file: x.env",
        main=f"include: ci/common.yaml\nenv_file: own.env\n{MAIN}  - {{key: own_child, {child}}}",
    )
    checks = Registry([Shell(), Delay()])
    loaded = read_whole(path)
    value: Any = loaded.value
    assert value["env_file"] == ["ci/more/x.env", "ci/a.env", "own.env"]
    assert value["defaults"]["env_file"] == ["ci/d.env"]
    tasks = {task["key"]: task for task in value["tasks"]}
    assert (tasks["t"]["with"]["file"], tasks["t"]["env_file"]) == ("ci/child.yaml", "ci/t.env")
    assert tasks["t"]["on_failure"] == {"file": "ci/repair.yaml"}
    assert tasks["abs"]["env_file"] == ["/abs.env", "~/home.env"]
    assert tasks["shell"]["with"]["argv"] == ["cat", "child.yaml"]
    assert tasks["own_child"]["with"]["file"] == "child.yaml"
    assert checks.names()


def test_what_an_anchor_names_twice_is_moved_once(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        ci__a="defaults: {uses: workflow}\ntasks:\n  - &t {key: a, with: {file: c.yaml}, env_file: e}\n"
        "  - {<<: *t, key: b}",
        main="include: ci/a.yaml\nname: w\ntasks: []",
    )
    value: Any = read_whole(path).value
    assert [(task["with"]["file"], task["env_file"]) for task in value["tasks"]] == [
        ("ci/c.yaml", "ci/e")
    ] * 2


def test_scalars_keep_their_text_through_files_and_the_whole_text(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a='{"tasks": [{"key": "j", "uses": "shell", "with": {"argv": ["x", 1.50, null, 1E2]}}]}',
        b="tasks:\n  - {key: y, uses: shell, with: {argv: [x, 3.10, ~, 010], script: ~}}\n"
        '  - key: lines\n    uses: shell\n    with: {script: "a\\n\\n b\\n"}\nparams: {v: {default: 3.10}}\n'
        "env: {A: '1'}",
        main=f"include: [a.yaml, b.yaml]\n{MAIN}",
    )
    tasks = parsed(path).document.in_stages()[0].tasks
    assert tasks[0].with_["argv"] == ["x", "1.50", "null", "1E2"]
    assert tasks[1].with_["argv"] == ["x", "3.10", "~", "010"]
    assert tasks[2].with_["script"] == "a\n\n b\n"
    assert parsed(path).document.params["v"].default == "3.10"


# Refusals


def test_faults_in_an_included_file_name_it_with_its_line(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        ci__a="\n\ntasks:\n  - key: a\n    uses: delay\n    tiemout: 1\n    with:\n      seconds: 1\n"
        "  - {key: c, needs: [gone], with: {seconds: 0}}\nparams:\n  x: {tipe: string}",
        main=f"include: ci/a.yaml\n{MAIN}  - {{key: x, with: {{seconds: 0}}, retyr: 1}}\n",
    )
    whole = refused(path)
    places = [(fault.file.removeprefix(f"{tmp_path}/"), fault.line) for fault in whole]
    assert places == [("", 6), ("ci/a.yaml", 6), ("ci/a.yaml", 9), ("ci/a.yaml", 11)]
    assert [fault.column for fault in whole if fault.line == 11] == [7]
    with pytest.raises(InvalidDocument) as sent:
        parse_loaded(load(read_whole_text(path), source="sent"), CHECKS)
    assert [(fault.file, fault.line, fault.message) for fault in sent.value.faults] == [
        (fault.file, fault.line, fault.message) for fault in whole
    ]


def test_a_file_that_cannot_be_read_as_a_document_is_named_beside_the_faults_of_others(
    tmp_path: Path,
) -> None:
    path = put(
        tmp_path,
        a="tasks:\n- key: [\n",
        b="env: {A: 1, A: 2}",
        main=f"include: [gone.yaml, a.yaml, b.yaml]\n{MAIN}",
    )
    places = [(fault.code, fault.file.removeprefix(f"{tmp_path}/"), fault.line) for fault in refused(path)]
    assert places == [
        ("include.not_found", "", 1),
        ("document.syntax", "a.yaml", 3),
        ("document.duplicate_key", "b.yaml", 1),
    ]


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"alias bomb", "aliases of a long text"}))
def test_what_is_hostile_as_a_document_is_refused_as_an_included_file(name: str, tmp_path: Path) -> None:
    text, code = HOSTILE[name]
    try:
        path = put(tmp_path, bad=text, main=f"include: bad.yaml\n{MAIN}")
    except UnicodeEncodeError:
        pytest.skip("no file has this text")
    with counted_calls() as calls:
        faults = refused(path)
    assert calls.number < STEPS.get(name, 10_000)
    assert {fault.code for fault in faults} & {code, "include.nodes", "include.shape"}


def test_long_aliases_in_parts_are_refused_by_the_characters_of_all_files(tmp_path: Path) -> None:
    part = "env: {%s: &a " + "x" * 100 + ", %s: *a, %s: *a}"
    path = put(
        tmp_path,
        a=part % ("A", "B", "C"),
        b=part % ("D", "E", "F"),
        main=f"include: [a.yaml, b.yaml]\n{MAIN}",
    )
    read_whole(path, limits=Limits(size=900))
    fault = only(path, Limits(size=600))
    assert (fault.code, "b.yaml" in fault.message, "aliases" in fault.message) == ("include.size", True, True)


def test_an_alias_bomb_in_parts_is_refused_by_the_values_of_all_files(tmp_path: Path) -> None:
    parts = {
        f"p{number}": f"env: {{}}\ndescription: x\nparams:\n  {ALIAS_BOMB.splitlines()[0]}\n"
        for number in range(5)
    }
    names = ", ".join(f"{name}.yaml" for name in parts)
    path = put(tmp_path, **parts, main=f"include: [{names}]\n{MAIN}")
    assert only(path, Limits(nodes=30)).code == "include.nodes"
    assert {fault.code for fault in refused(path)} == {"document.value"}


NAMES = {
    "[gone.yaml]": ("include.not_found", "paths begin in the folder of the file that includes"),
    "ci": ("include.unreadable", "Is a directory; check that it is a file"),
    "/dev/zero": ("include.unreadable", "not a regular file"),
    "[{file: a.yaml}]": ("include.name", "the path of a file"),
    "''": ("include.name", "the path of a file"),
    "7": ("include.name", "the path of a file"),
    '"a\\0b"': ("include.unreadable", "null byte"),
    "https://example.org/a.yaml": ("include.name", "is an address"),
    "'${{ params.x }}.yaml'": ("include.name", "no expressions"),
    f"[{'x' * 5_000}]": ("include.name", "at most 4096 characters"),
    f"[{'x' * 4_000}]": ("include.unreadable", "too long"),
    "main.yaml": ("include.circle", "main.yaml -> main.yaml"),
    "list.yaml": ("include.shape", "is a mapping"),
    "empty.yaml": ("include.shape", "is a mapping"),
    "named.yaml": ("include.field", "`name` is not for a file that is included"),
    "odd.yaml": ("include.field", "did you mean `tasks`?"),
    "twice.yaml": ("include.twice", "the task `own` is in {}/twice.yaml, line 2 too"),
    "staged.yaml": ("include.mixed", "`tasks` do not go with the `stages` of {}/staged.yaml, line 1"),
    "shape.yaml": ("document.value", "`env` must be a mapping"),
    "tasks.yaml": ("document.value", "`tasks` must be a list"),
    "files.yaml": ("document.value", "`env_file` must be a path, or a list of paths"),
    "key.yaml": ("document.duplicate_key", "env"),
}


@pytest.mark.parametrize("said", NAMES)
def test_what_cannot_be_included_is_refused_with_its_place(said: str, tmp_path: Path) -> None:
    code, message = NAMES[said]
    path = put(
        tmp_path,
        ci__x="env: {}",
        list="- a",
        empty="# nothing",
        named="name: x",
        odd="taskss: []",
        twice="tasks:\n  - {key: own, with: {seconds: 0}}",
        staged="stages: []",
        shape="env: [a]",
        tasks="tasks: {a: 1}",
        files="env_file: {a: 1}",
        key="env: {}\nenv: {}",
        main=f"# what it has\ninclude: {said}\n{MAIN}",
    )
    fault = only(path)
    assert fault.code == code
    assert message.format(tmp_path) in fault.message
    assert fault.line is not None


def test_a_missing_file_is_told_where_it_is_named(tmp_path: Path) -> None:
    path = put(
        tmp_path, ci__a="env: {}\ninclude:\n  - x.yaml\n  - y.yaml", main=f"include: ci/a.yaml\n{MAIN}"
    )
    faults = refused(path)
    assert [(fault.file, fault.line, fault.column) for fault in faults] == [
        (f"{tmp_path}/ci/a.yaml", 3, 5),
        (f"{tmp_path}/ci/a.yaml", 4, 5),
    ]


def test_a_circle_is_named_file_by_file_also_through_links(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml", b="include: link.yaml", main=f"include: a.yaml\n{MAIN}")
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    fault = only(path)
    assert (fault.code, fault.file) == ("include.circle", f"{tmp_path}/b.yaml")
    assert fault.message.endswith(": a.yaml -> b.yaml -> link.yaml")


def test_files_and_levels_are_bounded(tmp_path: Path) -> None:
    levels = {f"l{number}": f"include: l{number + 1}.yaml" for number in range(DEPTH_MAX)}
    path = put(tmp_path, **levels, **{f"l{DEPTH_MAX}": "env: {}"}, main=f"include: l1.yaml\n{MAIN}")
    assert parsed(path).document.name == "main"
    path = put(tmp_path, main=f"include: l0.yaml\n{MAIN}")
    assert only(path).code == "include.depth"
    many = {f"f{number}": "env: {}" for number in range(FILES_MAX + 1)}
    names = [f"{name}.yaml" for name in many]
    path = put(tmp_path, **many, main=f"include: {json.dumps(names[:-1])}\n{MAIN}")
    assert parsed(path).document.name == "main"
    path = put(tmp_path, main=f"include: {json.dumps(names)}\n{MAIN}")
    assert only(path).code == "include.files"


def test_all_files_together_have_the_size_of_a_document(tmp_path: Path) -> None:
    path = put(tmp_path, a=f"env: {{}} # {'x' * 500}", main=f"include: a.yaml\n{MAIN}")
    size = sum((tmp_path / name).stat().st_size for name in ("a.yaml", "main.yaml"))
    assert read_whole(path, limits=Limits(size=size)).value
    assert only(path, Limits(size=size - 1)).code == "include.size"
    assert only(path, Limits(size=400)).code == "include.size"


def test_a_text_that_includes_is_refused_where_files_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as text:
        parse(f"include: a.yaml\n{MAIN}", CHECKS)
    assert text.value.code == "include.place"
    assert "'taskdeck workflows add' it" in text.value.message
    path = put(tmp_path, main=f"{MAIN}  - {{key: x, with: {{seconds: 0}}, include: a.yaml}}\n")
    assert only(path).message == "`include` stands at the top of a document"


def test_what_yaml_cannot_say_is_not_written_out(tmp_path: Path) -> None:
    long = json.dumps({"env": {"A" * 500: "x"}})
    path = put(tmp_path, a=long, main=f"include: a.yaml\n{MAIN}")
    with pytest.raises(InvalidDocument) as caught:
        read_whole_text(path)
    assert caught.value.code == "include.text"


def test_a_document_without_include_stays_as_it_is_written(tmp_path: Path) -> None:
    text = f"# include nothing\n{MAIN}"
    assert read_whole_text(put(tmp_path, main=text)) == text


def test_the_whole_reads_like_the_files(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="tasks:\n\n  # a remark\n  - key: a\n    with: {seconds: 1.50}\n",
        main=f"include: a.yaml\n{MAIN}",
    )
    assert write_whole(make_whole(load(path.read_text()), folder=tmp_path, own=path)) == (
        "# Written out with what it includes: document\n"
        '# >> 2\nname: main\ndefaults: {uses: delay, timeout: "5s"}\n'
        f"# >> {tmp_path}/a.yaml:1\ntasks:\n\n\n  - key: a\n    with: {{seconds: 1.50}}\n"
        "# >> 5\n  - {key: own, with: {seconds: 0}}\n"
    )


@pytest.mark.parametrize("forged", ["# >> a:999999999", "# >> \x7f", "# >> " + "9" * 5_000, "# >> x:y:3"])
def test_a_text_that_claims_to_be_written_out_changes_the_place_alone(forged: str) -> None:
    text = f"# Written out with what it includes: x\n{forged}\nname: w\ntasks: []\n"
    with pytest.raises(InvalidDocument) as caught:
        parse_loaded(load(text.replace("\x7f", "")), CHECKS)
    assert [fault.code for fault in caught.value.faults] == ["document.value"]


texts = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20
) | st.sampled_from(
    [
        "3.10",
        "010",
        "~",
        "",
        " a",
        "a\n",
        "\na\n\n",
        "a\n  b\n\tc",
        "- x",
        "# >> 3",
        "{a",
        "<<",
        "\x85",
        "\u2028",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(values, max_size=3), min_size=2, max_size=3), st.booleans())
def test_any_values_come_through_files_and_the_whole_text(parts: list[list[Any]], indented: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, tasks in enumerate(parts):
            steps = [
                {"key": f"k{number}_{at}", "uses": "delay", "metadata": {"v": value}}
                for at, value in enumerate(tasks)
            ]
            include = {"include": f"p{number + 1}.yaml"} if number + 1 < len(parts) else {}
            whole = {**include, **({"name": "w"} if number == 0 else {}), "tasks": steps}
            (folder / f"p{number}.yaml").write_text(json.dumps(whole, indent=2 if indented else None))
        loaded = read_whole(folder / "p0.yaml")
        again = load(write_whole(loaded))
    assert again.value == loaded.value
    got: Any = loaded.value
    flat = [task["metadata"]["v"] for task in got["tasks"]]
    assert flat == [value for tasks in reversed(parts) for value in tasks]
