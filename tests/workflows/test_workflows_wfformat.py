"""Tests of the WfFormat import: same edges and run times."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import Invalid, InvalidDocument
from core.workflows.expansion import parse
from core.workflows.importers.wfformat import Through, import_file, make_keys, to_workflow
from core.workflows.loader import load
from core.workflows.writer import dump
from tests.support.steps import counted_calls
from tests.workflows.workflow_cases import CONNECTORS


def record(edges: dict[str, list[str]], *, run_time: float = 2.0) -> dict[str, object]:
    """Return a record whose tasks name their parents and children."""
    children: dict[str, list[str]] = {key: [] for key in edges}
    for key, parents in edges.items():
        for parent in parents:
            children.setdefault(parent, []).append(key)
    specified = [
        {
            "id": key,
            "name": f"name of {key}",
            "parents": parents,
            "children": children[key],
            "inputFiles": ["in.txt"],
            "outputFiles": [],
        }
        for key, parents in edges.items()
    ]
    executed = [
        {"id": key, "runtimeInSeconds": run_time, "command": {"program": "p", "arguments": ["-a"]}}
        for key in edges
    ]
    return {
        "name": "small",
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": specified}, "execution": {"tasks": executed}},
    }


def convert(made: dict[str, object], **options: object) -> dict[str, object]:
    return to_workflow(load(json.dumps(made), source="small.json"), **options)  # type: ignore[arg-type]


def test_a_task_becomes_a_delay_that_keeps_what_was_recorded() -> None:
    made = convert(record({"Fetch-01": [], "2nd": ["Fetch-01"]}), time_scale=0.5)
    assert made["tasks"][1] == {  # type: ignore[index]
        "key": "t_2nd",
        "name": "name of 2nd",
        "needs": ["fetch_01"],
        "uses": "delay",
        "with": {"seconds": 1.0},
        "metadata": {
            "id": "2nd",
            "name": "name of 2nd",
            "command": {"program": "p", "arguments": ["-a"]},
            "files": {"input": ["in.txt"], "output": []},
        },
    }
    assert parse(made, CONNECTORS).document.name == "small"  # type: ignore[arg-type]


def test_through_the_shell_it_really_sleeps() -> None:
    made = convert(record({"a": []}, run_time=1234567.5), time_scale=1e-6, through=Through.SHELL)
    task = made["tasks"][0]  # type: ignore[index]
    assert (task["uses"], task["with"]) == ("shell", {"argv": ["sleep", "1.234568"]})


def test_an_edge_that_only_one_side_names_counts() -> None:
    made = record({"a": [], "b": ["a"], "c": []})
    tasks = made["workflow"]["specification"]["tasks"]  # type: ignore[index]
    tasks[0]["children"] = ["c"]
    needs = {task["key"]: task.get("needs", []) for task in convert(made)["tasks"]}  # type: ignore[union-attr, attr-defined]
    assert needs == {"a": [], "b": ["a"], "c": ["a"]}


def damaged(change: str) -> dict[str, object]:
    """Return a record with one thing wrong."""
    made = copy.deepcopy(record({"a": [], "b": ["a"]}))
    workflow = made["workflow"]
    specified, executed = workflow["specification"]["tasks"], workflow["execution"]["tasks"]  # type: ignore[index]
    changes = {
        "no version": lambda: made.pop("schemaVersion"),
        "no workflow": lambda: made.pop("workflow"),
        "other version": lambda: made.update(schemaVersion="1.4"),
        "no specification": lambda: workflow.pop("specification"),  # type: ignore[attr-defined]
        "no execution": lambda: workflow.pop("execution"),  # type: ignore[attr-defined]
        "no tasks": lambda: (specified.clear(), executed.clear()),
        "no id": lambda: specified[0].pop("id"),
        "dangling parent": lambda: specified[1].update(parents=["aa"]),
        "dangling child": lambda: specified[1].update(children=["nobody"]),
        "parents no list": lambda: specified[1].update(parents="a"),
        "cycle": lambda: specified[0].update(parents=["b"]),
        "self": lambda: specified[1].update(parents=["b"]),
        "twice": lambda: specified.append(specified[0]),
        "executed twice": lambda: executed.append(executed[0]),
        "executed, not specified": lambda: executed.append({"id": "bb", "runtimeInSeconds": 1}),
        "not executed": lambda: executed.pop(),
        "no run time": lambda: executed[0].pop("runtimeInSeconds"),
        "negative run time": lambda: executed[0].update(runtimeInSeconds=-1),
        "run time in words": lambda: executed[0].update(runtimeInSeconds="1"),
        "run time yes": lambda: executed[0].update(runtimeInSeconds=True),
    }
    changes[change]()
    return made


DAMAGES = {
    "no version": ("wfformat.foreign", "not a WfFormat"),
    "no workflow": ("wfformat.foreign", "not a WfFormat"),
    "other version": ("wfformat.version", "1.4"),
    "no specification": ("wfformat.foreign", "workflow.specification.tasks"),
    "no execution": ("wfformat.foreign", "workflow.execution.tasks"),
    "no tasks": ("wfformat.foreign", "no tasks"),
    "no id": ("wfformat.foreign", "without an `id`"),
    "dangling parent": ("wfformat.dangling", "'b' names 'aa' among its parents, which is not found"),
    "dangling child": ("wfformat.dangling", "'nobody'"),
    "parents no list": ("wfformat.foreign", "`parents` of 'b'"),
    "cycle": ("wfformat.cycle", "a -> b -> a"),
    "self": ("wfformat.cycle", "b -> b"),
    "twice": ("wfformat.duplicate", "'a'"),
    "executed twice": ("wfformat.duplicate", "'a'"),
    "executed, not specified": ("wfformat.dangling", "'bb'"),
    "not executed": ("wfformat.run_time", "'b'"),
    "no run time": ("wfformat.run_time", "'a'"),
    "negative run time": ("wfformat.run_time", "'a'"),
    "run time in words": ("wfformat.run_time", "'a'"),
    "run time yes": ("wfformat.run_time", "'a'"),
}


@pytest.mark.parametrize("change", DAMAGES)
def test_a_damaged_record_is_refused_by_name_and_place(change: str) -> None:
    code, words = DAMAGES[change]
    with pytest.raises(InvalidDocument) as caught:
        convert(damaged(change))
    found = [fault for fault in caught.value.faults if fault.code == code]
    assert found
    assert words in found[0].message
    assert found[0].line == 1
    assert "small.json" in caught.value.message


def test_what_is_no_record_at_all_is_refused() -> None:
    for text in ("[]", "name: x", '{"workflow": 1, "schemaVersion": "1.5"}', '{"workflow": NaN}'):
        with pytest.raises(InvalidDocument):
            to_workflow(load(text))


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf")])
def test_a_time_scale_is_a_number_from_0(scale: float) -> None:
    with pytest.raises(Invalid) as caught:
        convert(record({"a": []}), time_scale=scale)
    assert caught.value.code == "wfformat.time_scale"


def test_keys_are_spelt_by_the_rule() -> None:
    ids = ["mProject_ID0000001", "A.b", "a-b", "a_b", "9", "_x", "é", "", "a_b_2", "A B"]
    assert list(make_keys(ids).values()) == [
        "mproject_id0000001", "a_b", "a_b_2", "a_b_3", "t_9", "t__x", "t__", "t_", "a_b_2_2", "a_b_4",
    ]  # fmt: skip


@given(st.lists(st.text(alphabet="aAbB_2.-9é", max_size=6) | st.text(max_size=5), unique=True, max_size=30))
def test_different_ids_get_different_keys_that_documents_accept(ids: list[str]) -> None:
    keys = make_keys(ids)
    assert len(set(keys.values())) == len(ids)
    assert all(key[0] in "abcdefghijklmnopqrstuvwxyz" for key in keys.values())
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for key in keys.values())


@pytest.mark.parametrize(("count", "first"), [(500, "name: small"), (501, '{"name": "small"')])
def test_up_to_500_tasks_are_yaml_and_more_are_json_both_read_back_the_same(count: int, first: str) -> None:
    made = convert(record({f"t{number}": [f"t{number - 1}"] if number else [] for number in range(count)}))
    text = dump(made)  # type: ignore[arg-type]
    assert text.startswith(first)
    assert load(text).value == made


def test_the_largest_kind_of_record_is_imported_in_few_steps(tmp_path: Path) -> None:
    edges = {f"m_{n}": [f"m_{(n * k) // 5}" for k in (1, 2, 4) if n > 5] for n in range(2122)}
    path = tmp_path / "large.json"
    path.write_text(json.dumps(record({key: sorted(set(parents)) for key, parents in edges.items()})))
    with counted_calls() as calls:
        text = dump(import_file(path))
    assert calls.number < 600 * 2122
    assert text.count('"delay"') == 2122


INSTANCES = Path("shared/data/wfinstances")


def instances() -> list[str]:
    folder = Path(__file__).resolve().parents[3] / INSTANCES
    return [str(path) for path in sorted(folder.glob("*.json"))]


@pytest.mark.parametrize("name", instances() or ["absent"])
def test_a_real_record_keeps_its_edges_and_run_times(name: str) -> None:
    if name == "absent":
        pytest.skip("the recorded instances (../shared/data/wfinstances) are not on this machine")
    raw = json.loads(Path(name).read_text())
    made = import_file(Path(name), time_scale=0.001)
    assert load(dump(made)).value == made
    plan = parse(made, CONNECTORS).document
    keys = make_keys([task["id"] for task in raw["workflow"]["specification"]["tasks"]])
    edges = {
        (keys[parent], keys[task["id"]])
        for task in raw["workflow"]["specification"]["tasks"]
        for parent in task["parents"]
    }
    tasks = plan.in_stages()[0].tasks
    assert {(need.task, task.key) for task in tasks for need in task.needs} == edges
    times = {keys[t["id"]]: t["runtimeInSeconds"] * 0.001 for t in raw["workflow"]["execution"]["tasks"]}
    assert {task.key: task.with_["seconds"] for task in tasks} == times
