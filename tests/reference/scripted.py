"""The connector `scripted`, whose calls wait until they are let go.

`with:` names the call (`at`) and the exit codes of its attempts (`ends`, of an instance those at `i`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from core.connectors.base import Plain
from core.connectors.process import skipped
from core.model.outcomes import Failed, TaskError
from core.model.patterns.polls import PollPlan
from core.model.ports import CallContext, InlineCall
from tests.reference.interpreter import AGAIN


class Ended(Exception):
    """The end of an attempt that did not succeed."""

    def __init__(self, code: int, skips: tuple[int, ...]) -> None:
        super().__init__(f"exit {code}")
        self.code, self.skips = code, skips


class Scripted(Plain):
    """A connector as those that run processes, whose calls may be polls, too."""

    name = "scripted"

    def __init__(self) -> None:
        self.gates: dict[str, dict[str, asyncio.Future[None]]] = defaultdict(dict)
        """What waits to be let go, by document and call."""
        self.begun = 0
        self._calls: dict[str, int] = defaultdict(int)

    def call(self, with_: Any, context: CallContext) -> InlineCall:
        return InlineCall(run=lambda: self._run(with_, context))

    async def _run(self, with_: Any, context: CallContext) -> Any:
        at: str = with_["at"]
        self._calls[at] += 1
        script = with_["ends"][int(with_["i"])] if "i" in with_ else with_["ends"]
        code = script[min(self._calls[at], len(script)) - 1]
        gates = self.gates[root_of(at)]
        gates[at] = asyncio.get_running_loop().create_future()
        self.begun += 1
        try:
            await gates[at]
        finally:
            del gates[at]
        output = {"exit": code, "json": {"done": code != AGAIN}}
        if "poll" in with_:
            if code in (0, AGAIN):
                return output
            raise Ended(code, ())
        if code in (context.success_exit_codes or (0,)):
            return output
        raise Ended(code, tuple(context.skip_exit_codes))

    def classify(self, error: Exception) -> Any:
        if not isinstance(error, Ended):
            return super().classify(error)
        if error.code in error.skips:
            return skipped(error.code, {"exit": error.code})
        facts = {"exit": error.code}
        return Failed(error=TaskError(code="scripted.exit", message=str(error), facts=facts))

    def poll(self, with_: Any) -> PollPlan:
        said = with_["poll"]
        return PollPlan(until=said["until"], every_ms=1_000, tolerate=said["tolerate"])

    later = (("poll", "until"),)

    def look(self, with_: Any, _: str | None) -> Any:
        """Return the input of a look, which is another call of the same script."""
        return with_

    def conclude(self) -> None:
        """Have exit codes, as connectors have that run processes."""


def root_of(at: str) -> str:
    """Return the document of which something has this name."""
    return at.partition("/")[0]
