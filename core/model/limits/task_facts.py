"""What decides which limits a task is under, of its plan.

Used by admission and the store; `core.rules.limit_scopes` says which limits these are.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from core.model.expressions import OPENING
from core.model.limits.limits import TaskFacts
from core.model.plans import TaskPlan
from core.model.values import JsonObject


def facts_of(plan: TaskPlan, *, job: int, workflow: str | None, project: str | None) -> TaskFacts:
    """Return the facts of a task of a job; a task that is not of a workflow has `workflow` None.

    The project of the job stands before that of the task. What its input tells only at its start (host,
    model), because an expression is in it, is absent.
    """
    return TaskFacts(
        queue=plan.queue,
        connector=plan.uses,
        project=project or plan.project,
        workflow=workflow,
        host=host_of(plan.uses, plan.with_),
        model=_constant(plan.with_, "model"),
        tags=plan.tags,
        # A key that still has expressions is of no gauge yet.
        named=tuple(ref for ref in plan.limits if OPENING not in ref.key),
        job_id=job,
    )


def host_of(uses: str, with_: JsonObject) -> str | None:
    """Return the host of an http call, lower case and without port; None where it is not constant.

    Expressions behind the host (`https://example.org/${{ params.date }}`) leave it constant.
    """
    url = with_.get("url")
    if uses != "http" or not isinstance(url, str):
        return None
    before, opening, _ = url.partition(OPENING)
    if opening and not any(mark in before.partition("://")[2] for mark in "/?#"):
        return None
    try:
        host = urlsplit(before).hostname
    except ValueError:
        return None
    return host.rstrip(".") or None if host else None


def _constant(with_: JsonObject, name: str) -> str | None:
    value = with_.get(name)
    return value if isinstance(value, str) and value and OPENING not in value else None
