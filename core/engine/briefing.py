"""Briefing: what an attempt is given, its resolved input and its surroundings."""

from __future__ import annotations

from core.engine.attempts import Running, Tools
from core.model.errors import NotFound
from core.model.ports import CallContext
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions import has_expression, judge, resolve


class Briefing:
    """Resolve the `with:` of attempts, and say what their calls may know."""

    def __init__(self, tools: Tools, *, store_id: str) -> None:
        self._tools = tools
        self._store_id = store_id

    async def input(self, running: Running, *, again: bool) -> JsonObject:
        """Return the resolved `with:`; with `again` the `when` is judged once more before the start."""
        with_, when = running.spec.with_, running.spec.when
        if not again and not has_expression(with_):
            return with_
        asked: JsonValue = [with_, f"${{{{ {when} }}}}"] if again and when is not None else with_
        scope = await self._tools.scopes.scope(running.claimed.job_id, asked, running.spec.env)
        if again and when is not None and not judge(when, scope):
            raise NotFound("condition.changed", "its `when` was true when it was queued and is false now")
        resolved = resolve(with_, scope)
        return resolved if isinstance(resolved, dict) else {}

    def context(self, running: Running) -> CallContext:
        """Return what the call of an attempt may know of it."""
        claimed, ref = running.claimed, running.ref
        return CallContext(
            ref=ref,
            job_id=claimed.job_id,
            key=claimed.key,
            clock=self._tools.clock,
            directory=self._tools.children.outputs.directory(ref),
            idempotency_key=f"{self._store_id}-{claimed.task_id}-{claimed.generation}",
            cwd=running.spec.cwd,
            env={name: str(value) for name, value in running.spec.env.items()},
        )
