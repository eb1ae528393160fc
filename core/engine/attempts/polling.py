"""Polling: whether an answer is the one, and what of it counts.

Used by the runner for the first answer, and by the looks for those that follow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

from core.engine.attempts.attempt import Running
from core.engine.attempts.resolved_input import InputResolver, ResolvedInput
from core.engine.expression_scopes import ExpressionScope
from core.model.errors import Invalid
from core.model.outcomes import Outcome, Parked, Succeeded
from core.model.patterns.awaits import Poll
from core.model.patterns.polls import PollPlan
from core.model.ports import PollingConnector
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import source_references
from core.workflows.expressions.embedded import bare_source
from core.workflows.expressions.paths import write_steps
from core.workflows.references import ANSWER

SEEN_MAX = 200
"""Characters of one value of an answer that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer: whether it is the one, and what of it is compared with others."""

    is_done: bool
    seen: JsonObject


def plan_of(resolved: ResolvedInput) -> PollPlan | None:
    """Return how the call of an input is repeated; None = it is made once."""
    if "poll" not in resolved.with_ or not hasattr(resolved.connector, "poll"):
        return None
    return cast("PollingConnector", resolved.connector).poll(resolved.with_)


async def outcome_of(
    inputs: InputResolver, running: Running, resolved: ResolvedInput, output: JsonValue
) -> Outcome:
    """Return what the first answer makes of an attempt: its end, or a wait outside the slot."""
    plan = plan_of(resolved)
    if plan is None:
        return Succeeded(output=output)
    answer = output if isinstance(output, dict) else {}
    scope = await inputs.answer_scope(running, [plan.until, plan.url], _facts(answer))
    url, seen = None, _seen(plan.until, answer)
    if plan.url is not None:
        # What was asked first only started what is waited for.
        url = await _url(scope, plan, running.claimed.key, resolved)
    else:
        judged = await judge(scope, plan, answer, key=running.claimed.key)
        if judged.is_done:
            return Succeeded(output=output)
        seen = judged.seen
    limits = [ms for ms in (plan.max_ms, running.spec.timeout_ms) if ms]
    poll = Poll(every_ms=plan.every_ms, url=url)
    return Parked(poll=poll, seen=seen, within_ms=min(limits, default=None))


async def judge(scope: ExpressionScope, plan: PollPlan, answer: JsonObject, *, key: str) -> Judged:
    """Judge an answer; raise `Invalid` where the condition cannot be worked out."""
    is_done = await scope.judge_answer(plan.until, key)
    return Judged(is_done=is_done, seen=_seen(plan.until, answer))


async def judge_look(inputs: InputResolver, running: Running, plan: PollPlan, output: JsonValue) -> Judged:
    """Judge the answer of a look."""
    answer = output if isinstance(output, dict) else {}
    scope = await inputs.answer_scope(running, [plan.until], _facts(answer))
    return await judge(scope, plan, answer, key=running.claimed.key)


async def _url(scope: ExpressionScope, plan: PollPlan, key: str, resolved: ResolvedInput) -> str:
    connector = cast("PollingConnector", resolved.connector)
    url = await scope.resolve({"url": plan.url}, key)
    found = url.get("url") if isinstance(url, dict) else None
    faults = [] if not isinstance(found, str) else connector.check(connector.look(resolved.with_, found))
    if not isinstance(found, str) or faults:
        reason = faults[0].message if faults else "it is not a text"
        raise Invalid(
            "poll.url",
            f"`poll.url`: {reason}",
            hint="check what the first answer says; it is kept with the attempt",
            facts={"url": str(found)[:SEEN_MAX]},
        )
    return found


def _facts(answer: JsonObject) -> JsonObject:
    return {name: answer.get(name) for name in ANSWER}


def _seen(until: str, answer: JsonObject) -> JsonObject:
    """Return the status of an answer and each value that the condition asks for."""
    seen: JsonObject = {"status": answer.get("status")}
    for reference in sorted(source_references(bare_source(until)), key=lambda one: str(one.path)):
        if reference.root in ANSWER and len(reference.path) > 1:
            value: JsonValue = answer
            for step in reference.path:
                value = value.get(str(step)) if isinstance(value, dict) else None
            seen[write_steps(reference.path)] = _short(value)
    return seen


def _short(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value[:SEEN_MAX]
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)[:SEEN_MAX]
    return value
