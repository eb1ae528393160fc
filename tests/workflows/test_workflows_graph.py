"""Order, cycles, layers and paths of graphs; drawings that stay small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.workflows.drawing import text_dag
from core.workflows.expansion import parse
from core.workflows.graph import ancestors, critical_path, cycles, levels, longest_chain, order
from tests.workflows.test_workflows_expansion import large_workflow
from tests.workflows.workflow_cases import CONNECTORS

DIAMOND = {"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}


def test_needs_come_first() -> None:
    ordered = order(DIAMOND)
    assert ordered.keys == ["a", "b", "c", "d"]
    assert ordered.cyclic == []


def test_levels_follow_the_longest_chain_before_a_task() -> None:
    assert levels({**DIAMOND, "e": ["a", "d"]}) == [["a"], ["b", "c"], ["d"], ["e"]]
    assert levels({}) == []


def test_the_critical_path_takes_longest_and_ties_go_to_the_need_named_first() -> None:
    path = critical_path(DIAMOND, {"a": 1, "b": 2, "c": 5, "d": 1})
    assert (path.keys, path.length) == (("a", "c", "d"), 7)
    assert critical_path(DIAMOND, {"a": 1, "b": 2, "c": 2, "d": 1}).keys == ("a", "b", "d")
    assert longest_chain(DIAMOND).length == 3
    assert longest_chain({}).keys == ()


def test_cycles_that_share_nothing_are_all_named_and_what_hangs_on_them_is_not() -> None:
    needs = {"a": ["b"], "b": ["a"], "c": ["a"], "d": ["e"], "e": ["f"], "f": ["d"], "g": []}
    assert [set(cycle) for cycle in cycles(needs)] == [{"a", "b"}, {"d", "e", "f"}]
    with pytest.raises(Invalid) as caught:
        levels(needs)
    assert caught.value.code == "document.cycle"


def test_ancestors_are_all_that_is_needed_directly_or_not() -> None:
    assert ancestors(DIAMOND, "d") == {"a", "b", "c"}
    assert ancestors(DIAMOND, "nowhere") == set()


_GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=3, unique=True), min_size=size, max_size=size
    )
)


@given(_GRAPHS)
def test_a_graph_is_ordered_or_has_a_cycle_that_can_be_walked(edges: list[list[int]]) -> None:
    needs = {str(key): [str(need) for need in wanted] for key, wanted in enumerate(edges)}
    ordered = order(needs)
    places = {key: place for place, key in enumerate(ordered.keys)}
    assert all(places[need] < places[key] for key in ordered.keys for need in needs[key])
    found = cycles(needs)
    assert bool(ordered.cyclic) == bool(found)
    for cycle in found:
        for key, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert after in needs[key]


DRAWN = """
name: drawn
on_task_failure: continue
defaults: {uses: http}
stages:
  - {name: one, tasks: [{key: a}, {key: b, needs: [a]}, {key: c, needs: [{task: a, when: done}], when: true}]}
  - {name: two, tasks: [{key: d, needs: [b]}]}
"""


def test_a_drawing_shows_stages_tasks_edges_and_paths() -> None:
    assert text_dag(parse(DRAWN, CONNECTORS).document, run_times={"a": 1.5, "c": 4}) == [
        "drawn: 4 tasks, 3 edges",
        "1 one          2 two",
        "a ─┬─> b ────> d",
        "   └─> c?  ┆",
        "c? <- a (done)",
        "longest chain: 3 tasks: a -> b -> d",
        "critical path: 5.500 s: a -> c",
    ]


def test_a_drawing_that_is_too_wide_becomes_a_list_of_layers_and_needs() -> None:
    assert text_dag(parse(DRAWN, CONNECTORS).document, run_times={"a": 1.5, "c": 4}, width=15) == [
        "drawn: 4 tasks, 3 edges",
        "stage 1 one: 3 tasks",
        "├─ a",
        "└─ b <- a",
        "   c? <- a (done)",
        "stage 2 two: 1 task",
        "└─ d <- b",
        "longest chain: 3 tasks: a -> b -> d",
        "critical path: 5.500 s: a -> c",
    ]


def test_a_drawing_of_2122_tasks_counts_what_it_does_not_show() -> None:
    lines = text_dag(parse(large_workflow(2122, 6114), CONNECTORS).document)
    assert lines[0].startswith("large: 2122 tasks, ")
    assert any(" more: layer of " in line for line in lines)
    assert len(lines) < 700
    assert max(map(len, lines)) < 300
