"""Scopes of expressions read what is mentioned, and nothing else."""

from __future__ import annotations

import threading

import pytest

from core.engine.expression_scopes import ExpressionScopes
from core.store.reports.expression_inputs import ExpressionInputs, Mentioned, TaskResult


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
    await ExpressionScopes(store).scope(1, {"x": ["${{ " + source + " }}"]}, {})
    wanted = Mentioned(tasks=frozenset(tasks), outputs=frozenset(outputs), params=params)
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
    scope = await ExpressionScopes(Store(size)).scope(1, "${{ tasks.a.output }}", {})
    assert await scope.judge("true", "b")
    assert threads == [beside]
