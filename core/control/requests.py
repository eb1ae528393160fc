"""Requests: the table of verbs with their requests, answers and kinds.

Used by the ControlAPI, its implementations and the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar, get_args, get_origin

from msgspec import Struct

from core.model.errors import Bug

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Q = TypeVar("Q", bound="Request[object]")


class Request(Struct, Generic[R_co], frozen=True, kw_only=True):
    """What one verb asks; its type argument is what it answers."""


class Asked(Protocol):
    """What a request is put to."""

    async def ask(self, request: Request[R], /) -> R:
        """Answer a request, or raise what its verb may raise."""


class Verbs:
    """The verbs of one noun; each puts its request to the control that it is a part of."""

    def __init__(self, control: Asked) -> None:
        self._control = control


class Kind(StrEnum):
    """What a request may do, and who can answer it."""

    READ = "read"
    """Answered from the store and the output directory; changes nothing."""
    ENGINE = "engine"
    """Answered by the engine alone; changes nothing."""
    WAIT = "wait"
    """Answered by the engine when something happens; changes nothing."""
    CHANGE = "change"
    """Changes the store, or what the engine does."""


class Verb(Struct, frozen=True, kw_only=True):
    """A row of the table: the name of a verb on the wire, and what its request may do."""

    name: str
    kind: Kind
    answer: object
    """The type of the answer."""


_VERBS: dict[type, Verb] = {}
LOADED: Mapping[type, Verb] = MappingProxyType(_VERBS)
"""The table of the requests that are loaded; `all_verbs` has all of them. Routes, the remote client and the
console's protection follow from it; a request that is not in it is refused everywhere."""


def verb(name: str, kind: Kind) -> Callable[[type[Q]], type[Q]]:
    """Put the class of a verb's request into the table."""

    def register(request: type[Q]) -> type[Q]:
        _VERBS[request] = Verb(name=name, kind=kind, answer=_answer_of(request))
        return request

    return register


def verb_of(request: Request[object]) -> Verb:
    """Return the row of a request; raise `Bug` (`request.unknown`) if the table does not have it."""
    found = _VERBS.get(type(request))
    if found is None:
        raise Bug(
            "request.unknown",
            f"{type(request).__name__} is not in the table of requests",
            facts={"request": type(request).__name__},
        )
    return found


def kind_of(request: Request[object]) -> Kind:
    """Return what a request may do; raise `Bug` (`request.unknown`) if the table does not have it."""
    return verb_of(request).kind


def _answer_of(request: type) -> object:
    """Return the argument of `Request` among the bases of a class."""
    bases = (base for kind in request.__mro__ for base in getattr(kind, "__orig_bases__", ()))
    return next(get_args(base)[0] for base in bases if get_origin(base) is Request)
