"""ResolvedInput: the input of a call after its expressions are replaced.

Used by the runner and the processes; it judges the end of a process too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

from core.engine.attempts.attempt import Running, Tools
from core.engine.attempts.connector_results import checked_call
from core.engine.expression_scopes import ExpressionScope
from core.logs import get_logger
from core.model.errors import NotFound, TaskdeckError
from core.model.expressions import OPENING, has_expression
from core.model.masking import forms
from core.model.outcomes import Failed, Outcome, TaskError
from core.model.ports import Call, CallContext, Connector, ProcessCall, ProcessConnector, ProcessExit
from core.model.records import replace
from core.model.redaction import REDACTED
from core.model.surroundings import Surroundings
from core.model.values import JsonObject, JsonValue
from core.workflows.secret_places import refuse_exposed, secrets_of

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedInput:
    """The input of an attempt without expressions, for the connector of its task."""

    connector: Connector
    with_: JsonObject
    context: CallContext
    umask: int | None = None

    def call(self) -> Call:
        """Make the call; raise `Invalid` for a faulty input, and what a connector raises."""
        call = checked_call(self.connector.call(self.with_, self.context), self.connector.name)
        if not isinstance(call, ProcessCall):
            return call
        return replace(call, umask=self.umask, masks=self.context.masks)

    def conclude(self, end: ProcessExit) -> Outcome:
        """Judge how a process of this connector ended."""
        if not concludes(self.connector):
            message = f"connector {self.connector.name!r} has no `conclude` for its processes"
            return Failed(error=TaskError(code="connector.invalid", message=message), permanent=True)
        return self.connector.conclude(self.with_, self.context, end)


class InputResolver:
    """Resolve the inputs of attempts against the store."""

    def __init__(self, tools: Tools, *, store_id: str) -> None:
        self._tools = tools
        self._store_id = store_id
        self._home = tools.children.outputs.root.parent

    def foresee(self, running: Running) -> ResolvedInput | None:
        """Return the input of an attempt to which nothing is read that a commit may still change."""
        surroundings = self._tools.surroundings.remembered(running.spec)
        if surroundings is None or running.claimed.conditional or has_expression(running.spec.with_):
            return None
        try:
            connector = self._connector(running)
        except NotFound:
            return None
        return self._resolved(running, connector, running.spec.with_, surroundings)

    async def resolve(self, running: Running) -> ResolvedInput:
        """Resolve the `with:` of an attempt."""
        connector, with_ = self._connector(running), running.spec.with_
        surroundings = await self._tools.surroundings.of(running.spec)
        if has_expression(with_):
            scope = await self._scope(running, with_, surroundings)
            with_ = await self._replaced(running, with_, scope)
        return self._resolved(running, connector, with_, surroundings)

    async def resolve_of_former(self, running: Running) -> ResolvedInput:
        """Do the same for a call that a former engine made: a secret that cannot be had is left out.

        What it wrote was masked as it came.
        """
        try:
            return await self.resolve(running)
        except TaskdeckError as error:
            if not error.code.startswith("secret."):
                raise
            _log.warning("a secret of a call that goes on cannot be read", code=error.code)
        connector, surroundings = self._connector(running), await self._tools.surroundings.of(running.spec)
        scope = await self._scope(running, running.spec.with_, surroundings)
        hidden = scope.with_secrets(dict.fromkeys(secrets_of(running.spec.with_), REDACTED))
        with_ = _object(await hidden.resolve(_at_once(connector, running.spec.with_), running.claimed.key))
        with_ = _with_later(connector, running.spec.with_, with_)
        return self._resolved(running, connector, with_, surroundings)

    async def resolve_and_judge(self, running: Running) -> ResolvedInput:
        """Resolve the `with:` of an attempt whose `when` must still hold.

        Raises `NotFound` (`condition.changed`) when it does not.
        """
        with_, when = running.spec.with_, running.spec.when
        if when is None:
            return await self.resolve(running)
        connector = self._connector(running)
        surroundings = await self._tools.surroundings.of(running.spec)
        scope = await self._scope(running, [with_, f"${{{{ {when} }}}}"], surroundings)
        if not await scope.judge(when, running.claimed.key):
            message = "its `when` was true when it was queued and is false now"
            raise NotFound(
                "condition.changed",
                message,
                hint="check what its `when` refers to",
                facts={"task": running.ref.task_id, "job": running.claimed.job_id},
            )
        with_ = await self._replaced(running, with_, scope)
        return self._resolved(running, connector, with_, surroundings)

    async def _replaced(self, running: Running, with_: JsonObject, scope: ExpressionScope) -> JsonObject:
        """Return an input with its expressions replaced; its secrets are read now."""
        names = secrets_of(with_)
        if names:
            refuse_exposed(with_, getattr(self._connector(running), "secrets", None))
            values = await self._tools.secrets.read(names)
            # Before anything is made of them: whatever is said of this attempt from now on is masked.
            running.masks = forms(values.values())
            scope = scope.with_secrets(values)
        connector = self._connector(running)
        resolved = _object(await scope.resolve(_at_once(connector, with_), running.claimed.key))
        return _with_later(connector, with_, resolved)

    async def answer_scope(
        self, running: Running, sources: Sequence[str | None], answer: JsonObject
    ) -> ExpressionScope:
        """Return the scope of expressions over an answer, which need no `${{ }}`."""
        said: list[JsonValue] = [
            text if OPENING in text else f"{OPENING} {text} }}}}" for text in sources if text is not None
        ]
        surroundings = await self._tools.surroundings.of(running.spec)
        return (await self._scope(running, said, surroundings)).with_answer(answer)

    def _connector(self, running: Running) -> Connector:
        return self._tools.connectors.get(running.claimed.uses)

    async def _scope(self, running: Running, value: JsonValue, surroundings: Surroundings) -> ExpressionScope:
        return await self._tools.scopes.scope(
            running.claimed.job_id, value, dict(surroundings.env), item=running.spec.item
        )

    def _resolved(
        self, running: Running, connector: Connector, with_: JsonObject, surroundings: Surroundings
    ) -> ResolvedInput:
        claimed, ref, outputs = running.claimed, running.ref, self._tools.children.outputs
        context = CallContext(
            ref=ref,
            job_id=claimed.job_id,
            key=claimed.key,
            clock=self._tools.clock,
            path=outputs.path(ref),
            idempotency_key=f"{self._store_id}-{claimed.task_id}-{claimed.generation}",
            home=self._home,
            cwd=running.spec.cwd,
            env=surroundings.env,
            spend=partial(self._tools.usage.tell, ref),
            masks=running.masks,
            success_exit_codes=running.spec.success_exit_codes,
            skip_exit_codes=running.spec.skip_exit_codes,
        )
        return ResolvedInput(connector=connector, with_=with_, context=context, umask=surroundings.umask)


def concludes(connector: Connector) -> TypeGuard[ProcessConnector]:
    """Return whether a connector's calls are processes."""
    return hasattr(connector, "conclude")


def _at_once(connector: Connector, with_: JsonObject) -> JsonObject:
    """Return an input without the places whose expressions are over an answer that is not there yet."""
    places: Sequence[Sequence[str]] = getattr(connector, "later", ())
    for first, *rest in places:
        inner = with_.get(first)
        if isinstance(inner, dict) and rest:
            with_ = {**with_, first: {name: value for name, value in inner.items() if name not in rest}}
    return with_


def _with_later(connector: Connector, written: JsonObject, resolved: JsonObject) -> JsonObject:
    """Return a resolved input with those places as they are written."""
    places: Sequence[Sequence[str]] = getattr(connector, "later", ())
    for first, *rest in places:
        inner, into = written.get(first), resolved.get(first)
        if isinstance(inner, dict) and isinstance(into, dict):
            resolved = {**resolved, first: {**into, **{name: inner[name] for name in rest if name in inner}}}
    return resolved


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
