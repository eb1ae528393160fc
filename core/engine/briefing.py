"""Briefing: what an attempt is given, its resolved input and its surroundings."""

from __future__ import annotations

from core.engine.attempts import Running, Tools
from core.model.errors import NotFound
from core.model.ports import CallContext
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions import has_fence, judge, resolve


class Briefing:
    """Resolve the `with:` of attempts, and say what their calls may know."""

    def __init__(self, tools: Tools, *, store_id: str) -> None:
        self._tools = tools
        self._store_id = store_id

    async def input(self, running: Running, *, again: bool) -> JsonObject:
        """Return the resolved `with:`; with `again` the `when` is judged once more before the start."""
        spec = running.spec
        with_ = spec["with"]
        when = spec.get("when")
        if not isinstance(with_, dict):
            with_ = {}
        if not again and not has_fence(with_):
            return with_
        captured = _part(spec.get("context"), "env")
        asked: JsonValue = [with_, f"${{{{ {when} }}}}"] if again and isinstance(when, str) else with_
        scope = await self._tools.scopes.scope(running.claimed.job_id, asked, captured)
        if again and isinstance(when, str) and not judge(when, scope):
            raise NotFound("condition.changed", "its `when` was true when it was queued and is false now")
        resolved = resolve(with_, scope)
        return resolved if isinstance(resolved, dict) else {}

    def context(self, running: Running) -> CallContext:
        """Return what the call of an attempt may know of it."""
        claimed, ref = running.claimed, running.ref
        captured, cwd = running.spec.get("context"), None
        env: dict[str, str] = {}
        if isinstance(captured, dict):
            cwd = str(captured["cwd"]) if captured.get("cwd") else None
            env = {name: str(value) for name, value in _part(captured, "env").items()}
        return CallContext(
            ref=ref,
            job_id=claimed.job_id,
            key=claimed.key,
            clock=self._tools.clock,
            directory=self._tools.children.outputs.directory(ref),
            idempotency_key=f"{self._store_id}-{claimed.task_id}-{claimed.generation}",
            cwd=cwd,
            env=env,
        )


def _part(value: JsonValue, name: str) -> JsonObject:
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}
