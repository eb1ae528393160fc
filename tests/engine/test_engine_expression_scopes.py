"""Scopes of expressions read what is mentioned, and nothing else."""

from __future__ import annotations

import threading

import pytest

from core.engine.expression_scopes import OUTPUTS_MAX, ExpressionScopes
from core.model.errors import Invalid
from core.model.patterns.instances import Item
from core.store.reports.expression_inputs import ExpressionInputs, Mentioned, TaskResult
from core.store.reports.instances import InstanceResult


class Store:
    """Answers with a task `a`, and notes what was mentioned."""

    def __init__(self, size: int = 0) -> None:
        self.mentioned: list[Mentioned] = []
        self.size = size

    async def expression_inputs(self, job_id: int, mentioned: Mentioned) -> ExpressionInputs:
        self.mentioned.append(mentioned)
        result = TaskResult(uses="delay", status="succeeded", output={"n": 1}, error={})
        return ExpressionInputs(
            params={"x": 1}, tasks={"a": result}, job={"id": job_id, "name": "w"}, size=self.size
        )

    async def instance_results(self, job_id: int, key: str, *, after: int = -1) -> list[InstanceResult]:
        assert (job_id, key) == (1, "a")
        return [] if after >= 1 else [instance(after + 1, self.size)]

    async def instance_result(self, job_id: int, key: str, index: int) -> InstanceResult | None:
        assert (job_id, key) == (1, "a")
        return instance(index, self.size)


def instance(index: int, size: int) -> InstanceResult:
    return InstanceResult(
        task_id=index + 10,
        index=index,
        key=f"a[{index}]",
        uses="delay",
        status="failed" if index else "succeeded",
        reason="",
        output={"n": index},
        error={"code": "exit", "message": "it broke"} if index else {},
        size=size,
    )


async def test_outputs_of_instances_are_in_order_and_gaps_are_named() -> None:
    scope = await ExpressionScopes(Store(), Store()).scope(
        1, "${{ tasks.a.outputs }} ${{ tasks.a.gaps }}", {}
    )
    gap = {"index": 1, "key": "a[1]", "status": "failed", "code": "exit", "message": "it broke"}
    found = scope.values["tasks"]["a"]
    assert (found["outputs"], found["gaps"]) == ([{"n": 0}, None], [gap])


async def test_outputs_of_instances_that_are_too_large_are_refused_before_all_are_read() -> None:
    with pytest.raises(Invalid) as refused:
        await ExpressionScopes(Store(), Store(OUTPUTS_MAX + 1)).scope(1, "${{ tasks.a.outputs }}", {})
    assert refused.value.code == "expression.outputs_too_large"


async def test_an_instance_sees_its_item_without_a_look_at_the_store() -> None:
    store, item = Store(), Item(index=3, value="x", name="film")
    scope = await ExpressionScopes(store, store).scope(1, "${{ film }} ${{ index }}", {}, item=item)
    assert await scope.resolve({"a": "${{ film }} ${{ index }}"}, "k") == {"a": "x 3"}
    assert store.mentioned == []


async def test_a_group_needed_one_to_one_is_the_instance_of_the_same_index() -> None:
    store, source = Store(), "${{ tasks.a.status }} ${{ tasks.a.error.code }} ${{ params.x }}"
    item = Item(index=1, value="y", each=("a",))
    scope = await ExpressionScopes(store, store).scope(1, source, {}, item=item)
    assert await scope.resolve({"a": source}, "k") == {"a": "failed exit 1"}
    assert store.mentioned == [Mentioned(params=True)], "the group is not read"


@pytest.mark.parametrize(
    ("source", "tasks", "outputs", "params"),
    [
        ("tasks.a.status == 'succeeded'", "a", "", False),
        ("tasks.a.error.code", "a", "", False),
        ("tasks['a'].status + params.x", "a", "", True),
        ("tasks.a.output.n", "a", "a", False),
        ("has(tasks.a.output.n)", "a", "a", False),
        ("tasks.a", "a", "a", False),
        ("tasks.a[params.x]", "a", "a", True),
        ("tasks.a.output == tasks.b.status", "ab", "a", False),
        ("job.name", "", "", False),
    ],
)
async def test_only_what_is_mentioned_is_asked_for(
    source: str, tasks: str, outputs: str, params: bool
) -> None:
    store = Store()
    await ExpressionScopes(store, store).scope(1, {"x": ["${{ " + source + " }}"]}, {})
    # The whole of a task has its artifacts, too.
    whole = frozenset("a") if source in ("tasks.a", "tasks.a[params.x]") else frozenset()
    wanted = Mentioned(tasks=frozenset(tasks), outputs=frozenset(outputs), params=params, artifacts=whole)
    assert store.mentioned == [wanted]


@pytest.mark.parametrize(("size", "beside"), [(10, True), (10_000_000, False)])
async def test_large_values_are_worked_on_beside_the_loop(
    size: int, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []
    on_loop = threading.get_ident()

    def noted(*_: object) -> bool:
        threads.append(threading.get_ident() == on_loop)
        return True

    monkeypatch.setattr("core.engine.expression_scopes.judge", noted)
    scope = await ExpressionScopes(Store(size), Store()).scope(1, "${{ tasks.a.output }}", {})
    assert await scope.judge("true", "b")
    assert threads == [beside]
