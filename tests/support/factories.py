"""Make plans and outcomes with as few words as a test needs."""

from __future__ import annotations

from core.model.outcomes import Failed, TaskError
from core.model.plans import JobPlan, NeedPlan, NeedWhen, OnTaskFailure, RetryPolicy, StagePlan, TaskPlan

FINISH = OnTaskFailure.FINISH
CONTINUE = OnTaskFailure.CONTINUE
STOP = OnTaskFailure.STOP


def task(key: str, *needs: str | NeedPlan, **more: object) -> TaskPlan:
    """Return a task; needs are keys, or `done("key")`."""
    edges = tuple(need if isinstance(need, NeedPlan) else NeedPlan(key=need) for need in needs)
    uses = more.pop("uses", "delay")
    return TaskPlan(key=key, uses=uses, needs=edges, **more)  # type: ignore[arg-type]


def done(key: str) -> NeedPlan:
    """Return a need that any end meets."""
    return NeedPlan(key=key, when=NeedWhen.DONE)


def tasks(prefix: str, count: int, *needs: str | NeedPlan, **more: object) -> tuple[TaskPlan, ...]:
    """Return `count` like tasks: prefix0, prefix1, ..."""
    return tuple(task(f"{prefix}{number}", *needs, **more) for number in range(count))


def stage(*plans: TaskPlan, name: str = "") -> StagePlan:
    return StagePlan(name=name or (plans[0].key if plans else "empty"), tasks=plans)


def job(*stages: StagePlan, name: str = "work", **more: object) -> JobPlan:
    return JobPlan(name=name, stages=stages, **more)  # type: ignore[arg-type]


def flat(*plans: TaskPlan, **more: object) -> JobPlan:
    """Return a job of one stage."""
    return job(stage(*plans, name="only"), **more)  # type: ignore[arg-type]


def retrying(attempts: int, **more: object) -> RetryPolicy:
    return RetryPolicy(max_attempts=attempts, **more)  # type: ignore[arg-type]


def failure(code: str = "exit", message: str = "it broke", **more: object) -> Failed:
    return Failed(error=TaskError(code=code, message=message), **more)  # type: ignore[arg-type]
