"""All connectors by name, built in and installed; started and stopped together.

Used by the engine and by the command `check`.
"""

from __future__ import annotations

import importlib
import re
import sys
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.delay import Delay
from core.connectors.http import Http
from core.connectors.human import Human
from core.connectors.outside_waits import FileWait, JobWait
from core.connectors.python import Python
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.model.errors import Invalid, NotFound
from core.model.near_misses import did_you_mean
from core.model.paths import working_directory
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from core.config import Settings
    from core.connectors.base import Input
    from core.model.codes import ErrorCodes
    from core.model.ports import Connector, InputFault
    from core.model.values import JsonObject

GROUP = "taskdeck.connectors"
"""The entry points of installed packages that bring connectors."""
_METHODS = ("check", "start", "stop", "call", "classify")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
# What foreign code may raise while it is imported or made, without what ends a process.
_FOREIGN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Registry:
    """The connectors of one engine; also the `Checks` port of the validation."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        """Take connectors in the order they are started.

        Raises `Invalid`: `connector.invalid` for an object that lacks members of the Protocol,
        `connector.duplicate` for a name that is taken.
        """
        self._by_name: dict[str, Connector] = {}
        self._started = AsyncExitStack()
        for connector in connectors:
            _require_members(connector)
            if connector.name in self._by_name:
                raise Invalid(
                    "connector.duplicate",
                    f"two connectors are called `{connector.name}`",
                    hint="give one of them another name",
                    facts={"name": connector.name, "type": _describe(connector)},
                )
            self._by_name[connector.name] = connector

    def names(self) -> Sequence[str]:
        """Return the known words for `uses:`, sorted."""
        return sorted(self._by_name)

    def get(self, name: str) -> Connector:
        """Return the connector of a name; raise `NotFound` (`connector.not_found`) with a near miss."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound(
                "connector.not_found",
                f"no connector is called `{safe_line(name[:64])}`{did_you_mean(name, self._by_name)}",
                hint="known are: " + ", ".join(self.names()),
                facts={"name": name},
            ) from None

    def check(self, uses: str, with_: JsonObject) -> Sequence[InputFault]:
        """Return every fault of an input for a known connector."""
        return self.get(uses).check(with_)

    def codes(self, uses: str) -> ErrorCodes | None:
        """Return the error codes of a connector's own; None where it declares none."""
        found: ErrorCodes | None = getattr(self.get(uses), "codes", None)
        return found

    def fields(self, uses: str) -> Collection[str]:
        """Return the fields that the input of a known connector may have; none where it declares none."""
        schema: type[Input] | None = getattr(self.get(uses), "schema", None)
        return () if schema is None else tuple(schema.model_fields)

    def texts(self, uses: str) -> Sequence[Sequence[str]]:
        """Return where an input holds text for others: paths of keys, `*` for any key or index."""
        found: Sequence[Sequence[str]] = getattr(self.get(uses), "texts", ())
        return found

    def secrets(self, uses: str) -> Sequence[Sequence[str]] | None:
        """Return where an input may hold secrets; None = anywhere."""
        found: Sequence[Sequence[str]] | None = getattr(self.get(uses), "secrets", None)
        return found

    def keep(self, uses: str, with_: JsonObject) -> JsonObject:
        """Return an input as it is stored, with what today's defaults mean written out."""
        keep: Callable[[JsonObject], JsonObject] | None = getattr(self.get(uses), "keep", None)
        return with_ if keep is None else keep(with_)

    def waits(self, uses: str) -> bool:
        """Return whether tasks do no work of their own, and wait outside a slot."""
        return hasattr(self._by_name.get(uses), "await_answer")

    def has_output(self, uses: str) -> bool:
        """Return whether calls write output while they run: those that are processes."""
        return hasattr(self.get(uses), "conclude")

    def may_repeat(self, uses: str, with_: JsonObject) -> bool:
        """Return what the connector says of an input; True for one without the method, or not known."""
        ask = getattr(self._by_name.get(uses), "may_repeat", None)
        if ask is None:
            return True
        try:
            return bool(ask(with_))
        except _FOREIGN:
            # A connector that cannot tell has not said that it is safe.
            return False

    def take(self, settings: Settings) -> None:
        """Go on with these settings, those of a call from the next one on."""
        for connector in self._by_name.values():
            if isinstance(connector, Http):
                connector.settings = settings

    async def start(self) -> None:
        """Start all in order; when one fails, those started are stopped in reverse and its error raised."""
        async with AsyncExitStack() as started:
            for connector in self._by_name.values():
                try:
                    await connector.start()
                except Exception as error:
                    error.add_note(f"while the connector `{connector.name}` was started")
                    raise
                started.push_async_callback(connector.stop)
            self._started = started.pop_all()

    async def stop(self) -> None:
        """Stop what was started, in reverse; all are stopped, then the first error is raised."""
        await self._started.aclose()


def build(
    settings: Settings, *, connectors: Iterable[Connector] = (), references: Iterable[str] = ()
) -> Registry:
    """Return the registry of builtin and installed connectors, objects given, and `module:object` names."""
    return Registry([*builtin(settings), *installed(), *connectors, *map(load, references)])


def builtin(settings: Settings) -> list[Connector]:
    """Return taskdeck's own connectors."""
    waits = (ChildWorkflow(), FileWait(), Human(), JobWait(), SignalWait(), Wait())
    return [Delay(), Http(settings), Python(), Shell(), *waits]


def installed() -> list[Connector]:
    """Return the connectors of installed packages, by name of entry point; raises as `load` does."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    connectors: list[Connector] = []
    for point in points:
        try:
            connectors.append(_made(point.load()))
        except _FOREIGN as error:
            raise _not_loaded(f"{point.name} = {point.value}", error) from error
    return connectors


def load(reference: str) -> Connector:
    """Import `module:object`, the working directory first; a class is called without arguments.

    Raises `Invalid`: `connector.not_found` where nothing can be imported or made, `connector.invalid`
    where the object is not a connector.
    """
    module, colon, path = reference.partition(":")
    if not (module and colon and path):
        raise Invalid(
            "connector.not_found",
            f"'{safe_line(reference[:200])}' is not of the form module:object",
            hint="write for example --connector mypackage.connectors:mail",
            facts={"reference": reference},
        )
    try:
        with _working_directory_first():
            target: object = importlib.import_module(module)
        for step in path.split("."):
            target = getattr(target, step)
        connector = _made(target)
    except _FOREIGN as error:
        raise _not_loaded(reference, error) from error
    _require_members(connector)
    return connector


def _made(target: object) -> Connector:
    return cast("Connector", target() if isinstance(target, type) else target)


@contextmanager
def _working_directory_first() -> Iterator[None]:
    # Only for the import: a folder that stayed there could shadow what the engine imports later.
    folder = str(working_directory())
    importlib.invalidate_caches()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _not_loaded(reference: str, error: BaseException) -> Invalid:
    reason = f"{type(error).__name__}: {error}"[:500]
    return Invalid(
        "connector.not_found",
        f"the connector '{safe_line(reference[:200])}' cannot be loaded: {safe_line(reason)}",
        hint="fix the module, or leave the connector out",
        facts={"reference": reference, "error": reason},
    )


def _require_members(connector: object) -> None:
    """Raise `Invalid` (`connector.invalid`) for an object that lacks members of the Protocol."""
    name = getattr(connector, "name", None)
    wrong = [member for member in _METHODS if not callable(getattr(connector, member, None))]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        wrong.insert(0, "name")
    if wrong:
        raise Invalid(
            "connector.invalid",
            f"{_describe(connector)} is not a connector: {', '.join(wrong)} missing or of the wrong kind",
            hint="inherit from core.connectors.base.Plain and give it `name` and `call`",
            facts={"type": _describe(connector), "members": [*wrong]},
        )


def _describe(connector: object) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
