"""A connector that does what its input says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from typing import Any

from core.connectors.base import CallFailed, Plain
from core.model.errors import Conflict, Invalid
from core.model.outcomes import Failed, TaskError
from core.model.ports import CallContext, InlineCall


class Odd(BaseException):
    """What no `except Exception` sees."""


def _deep() -> list:
    value: list = []
    for _ in range(100_000):
        value = [value]
    return value


RAISED: dict[str, Any] = {
    "value": lambda: ValueError("odd value"),
    "nameless": KeyError,
    "group": lambda: ExceptionGroup("several", [OSError("one"), ValueError("two")]),
    "recursion": lambda: RecursionError("too deep"),
    "stop": lambda: StopAsyncIteration("no more"),
    "taskdeck": lambda: Conflict("odd.conflict", "not now"),
    "memory": MemoryError,
    "surrogate": lambda: ValueError("a \udcff and a \x00 and \x1b]52;c;x\x07"),
    "cancelled": asyncio.CancelledError,
    "exit": lambda: SystemExit(3),
    "base": lambda: Odd("odd base"),
}
RETURNED: dict[str, Any] = {
    "object": object,
    "set": lambda: {1, 2},
    "bytes": lambda: b"raw",
    "nan": lambda: float("nan"),
    "deep": _deep,
    "nested": lambda: {"a": [{"b": float("inf")}]},
    "coroutine": lambda: Odd,
}


class Steered(Plain):
    """The connector `steer`; with: `do`, and what that needs. It notes everything it sees."""

    name = "steer"

    def __init__(self) -> None:
        self.started: list[str] = []
        self.contexts: dict[str, list[CallContext]] = defaultdict(list)
        self.inputs: dict[str, list[Any]] = defaultdict(list)
        self.cancelled: list[str] = []
        self.active: Counter[str] = Counter()
        self.peak = 0
        self.open = False
        self.opened = 0
        self.closed = 0
        self.stop_error: Exception | None = None
        self._gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def start(self) -> None:
        self.opened += 1

    async def stop(self) -> None:
        self.closed += 1
        if self.stop_error is not None:
            raise self.stop_error

    def release(self, *keys: str) -> None:
        """Let blocked calls of these tasks go on; without keys all, also those to come."""
        self.open = self.open or not keys
        for key in keys or list(self._gates):
            self._gates[key].set()

    def block_again(self, key: str) -> None:
        self._gates.pop(key, None)

    def call(self, with_: Any, context: CallContext) -> Any:
        do = with_.get("do", "succeed")
        if do == "refuse":
            raise Invalid("steer.refused", "this input is refused")
        if do == "explode":
            raise RuntimeError("no call can be made")
        if do == "nothing":
            return None
        self.contexts[context.key].append(context)
        self.inputs[context.key].append(with_)
        return InlineCall(run=lambda: self._run(do, with_, context.key))

    def classify(self, error: Exception) -> Failed:
        if str(error) == "no judgement":
            raise ZeroDivisionError("classify is broken, too")
        if str(error) == "odd judgement":
            return "not an outcome"  # type: ignore[return-value]
        return super().classify(error)

    async def _run(self, do: str, with_: Any, key: str) -> Any:
        self.started.append(key)
        self.active[key] += 1
        self.peak = max(self.peak, self.active.total())
        try:
            return await getattr(self, f"_do_{do}")(with_, key)
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            self.active[key] -= 1

    async def _do_succeed(self, with_: Any, key: str) -> Any:
        return with_.get("output", {})

    async def _do_fail(self, with_: Any, key: str) -> Any:
        if len(self.contexts[key]) > with_.get("times", 1_000_000):
            return with_.get("output", {})
        error = TaskError(code=with_.get("code", "steer.failed"), message="as told")
        raise CallFailed(
            Failed(
                error=error,
                permanent=with_.get("permanent", False),
                retry_after_ms=with_.get("retry_after_ms"),
            )
        )

    async def _do_raise(self, with_: Any, key: str) -> Any:
        error = RAISED[with_["kind"]]()
        raise error

    async def _do_misjudge(self, with_: Any, key: str) -> Any:
        raise ValueError(with_["message"])

    async def _do_return(self, with_: Any, key: str) -> Any:
        return RETURNED[with_["kind"]]()

    async def _do_block(self, with_: Any, key: str) -> Any:
        if not self.open:
            await self._gates[key].wait()
        if with_.get("then") == "fail":
            return await self._do_fail({}, key)
        return with_.get("output", {})

    async def _do_stubborn(self, with_: Any, key: str) -> Any:
        """Ignore every request to end until released."""
        gate = self._gates[key]
        while not (self.open or gate.is_set()):
            try:
                await gate.wait()
            except asyncio.CancelledError:
                self.cancelled.append(key)
        return with_.get("output", {})

    async def _do_spin(self, with_: Any, key: str) -> Any:
        time.sleep(with_["seconds"])  # noqa: ASYNC251 - a call that holds the loop
        return {}
