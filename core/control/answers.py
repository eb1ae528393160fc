"""Answers: the function that answers each type of request.

Used by the local and the reading control.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from core.control.requests import Request
from core.model.errors import Bug

Q = TypeVar("Q", bound=Request[object])
R = TypeVar("R")


class Answers:
    """A table from request types to functions."""

    def __init__(self) -> None:
        self._functions: dict[type, Callable[[Request[object]], Awaitable[object]]] = {}

    def to(self, kind: type[Q], function: Callable[[Q], Awaitable[object]]) -> None:
        """Let a function answer requests of this very type, with what the type declares."""
        self._functions[kind] = cast("Callable[[Request[object]], Awaitable[object]]", function)

    async def ask(self, request: Request[R]) -> R:
        """Answer a request; raise `Bug` (`request.unanswered`) if no function does."""
        function = self._functions.get(type(request))
        if function is None:
            raise Bug(
                "request.unanswered",
                f"{type(request).__name__} has no answer here",
                facts={"request": type(request).__name__},
            )
        return cast("R", await function(request))
