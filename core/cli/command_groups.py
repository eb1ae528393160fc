"""Groups of commands: a noun, and the verbs that change it.

Used by `pools`, `limits`, `budgets` and `backends`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from core.cli.arguments import Common
from core.cli.capacity_changes import Wanted, change_and_tell
from core.cli.commands import Command
from core.model.limits.limit_views import CapacityView

A = TypeVar("A", bound=Common)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandGroup:
    """Makes the commands of one noun; a verb's docstring is its help, its examples follow its arguments."""

    noun: str
    tell: Callable[[CapacityView, str], str]
    """Writes how the one of a name stands, after it was changed."""

    def verb(
        self, verb: str, arguments: type[A], *examples: str, signed: bool = False
    ) -> Callable[[Callable[[A], Awaitable[int]]], Command[A]]:
        """Make a command of what carries it out and returns its exit status."""

        def make(run: Callable[[A], Awaitable[int]]) -> Command[A]:
            name = f"{self.noun} {verb}"
            return Command(name=name, arguments=arguments, run=run, examples=examples, signed=signed)

        return make

    def change(
        self, verb: str, arguments: type[A], *examples: str, signed: bool = False
    ) -> Callable[[Callable[[A], Wanted]], Command[A]]:
        """Make a command of the change that it asks for; it writes how its noun stands then."""

        def make(wants: Callable[[A], Wanted]) -> Command[A]:
            async def run(asked: A) -> int:
                wanted = wants(asked)
                name = getattr(wanted.change, "name", "")
                return await change_and_tell(asked, wanted, lambda view: self.tell(view, name))

            run.__doc__ = wants.__doc__
            return self.verb(verb, arguments, *examples, signed=signed)(run)

        return make
