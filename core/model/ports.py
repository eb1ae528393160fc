"""The ports: what the engine needs of clocks, alarms, connectors and executors.

Implemented in `connectors`, `executors`, `engine` and by test doubles.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

from core.model.backend_checks import Check, Look
from core.model.codes import ErrorCodes
from core.model.outcomes import Failed, Outcome
from core.model.patterns.judgements import Await
from core.model.patterns.polls import PollPlan
from core.model.plans import OnOverflow
from core.model.values import JsonObject, JsonValue

STDIN_PATH = "@taskdeck:stdin@"
"""Stands in the arguments of a process for the path of its `stdin`, which is in memory."""

Draw: TypeAlias = Callable[[], float]
"""Return a number in [0, 1); random in production, scripted in tests."""


Looker: TypeAlias = Callable[[Check], Awaitable[Look]]
"""Look at an outside system once; what is wrong with it is an answer, too."""


class Handle(Protocol):
    """A callback that was asked for and can be called off."""

    def cancel(self) -> None:
        """Call it off; without effect once it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTime:
    """What of engine time outlives an engine; ms."""

    now: int
    offset: int
    """How far `now` was ahead of the wall clock."""
    boot_at: int
    """Engine time at the boot of the machine."""
    boot_id: str


class Clock(Protocol):
    """The only source of time; tests hand in a manual one.

    Engine time decides: it goes on evenly, also over restarts, whatever is done to the wall clock.
    What is shown is wall time: `now() - offset`, which may fall.
    """

    offset: int
    """How far engine time is ahead of the wall clock, in ms, as of the last `now`."""

    def resume(self, saved: SavedTime | None) -> None:
        """Go on from what the last engine of the store saved; called once, at the start."""

    def saved(self) -> SavedTime:
        """Return what the next engine of the store goes on from."""

    def now(self) -> int:
        """Return engine time in ms; never falls. It began as ms UTC."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Call back once on the loop after this many seconds."""

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds; cancellation travels on."""


class Alarms(Protocol):
    """Named timers: one callback each, re-armed by name."""

    def arm(self, name: str, at: int, callback: Callable[[], None]) -> None:
        """Call back once at `at` (engine time; the past = at once), replacing the alarm of that name."""

    def every(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back each time this many seconds went by."""

    def disarm(self, name: str) -> None:
        """Forget the alarm of that name; unknown names are fine."""

    def stop(self) -> None:
        """Forget all alarms; nothing is called afterwards."""


class AttemptRef(NamedTuple):
    """One attempt: its task and epoch."""

    task_id: int
    epoch: int


class Spend(Protocol):
    """Take a report of what was spent, as a line of a usage file has it (`core.model.limits.usage`)."""

    def __call__(self, said: Mapping[str, object], /) -> None:
        """Keep it until the attempt ends; what cannot be booked is an event `usage.ignored`."""


def _spend_nothing(_: Mapping[str, object], /) -> None:
    """Forget it: nothing is booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What a connector may know of the attempt it makes a call for."""

    ref: AttemptRef
    job_id: int
    key: str
    clock: Clock
    path: str
    """Where the attempt directory is."""
    idempotency_key: str
    """Stable over the attempts of one generation of the task, for services that honour one."""
    home: Path | None = None
    """The data directory."""
    cwd: str | None = None
    env: Mapping[str, str] | None = None
    """The variables of where the task was asked for, and those it names; None = the engine's own."""
    spend: Spend = _spend_nothing
    """Report what an inline call spends; also of a call that fails."""
    success_exit_codes: Sequence[int] = ()
    """Exit codes of its process that are a success; empty = what the connector says."""
    masks: Sequence[bytes] = ()
    """Forms of the secrets in its input (`core.model.masking`): of what has some, no file may hold any."""
    skip_exit_codes: Sequence[int] = ()
    """Exit codes with which its process says that there was nothing to do: `conclude` returns `Skipped`."""

    @property
    def directory(self) -> Path:
        """The attempt directory; made on first write, 0700."""
        return Path(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineCall:
    """A call that runs in the engine's loop; it returns the output or raises."""

    run: Callable[[], Awaitable[JsonValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCall:
    """A call that runs as a supervised child process.

    `files` are written into the attempt directory before the start; `env` is the whole environment.
    `stderr` names a file of its own for standard error; None = it goes to the output. The engine fills in
    the limit (bytes a stream) and what follows from passing it (None = as configured), and the `masks`.
    """

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    umask: int | None = None
    """None = the engine's own; the engine fills it in, from where the task was asked for."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    stderr: Literal["err"] | None = None
    stdin: bytes | None = None
    """Standard input that no disk shall hold; None = what is in `files`, or none."""
    masks: Sequence[bytes] = ()
    """Forms of the secrets in it, which are taken out of what it writes."""
    output_limit: int | None = None
    on_overflow: OnOverflow | None = None


Call: TypeAlias = InlineCall | ProcessCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessExit:
    """A child process ended: status as a shell gives it (128 + n = signal n), output so far."""

    code: int
    out: Path
    size: int
    """Bytes of output written, before any cap."""
    dropped: int = 0
    """Bytes that are missing in the middle of `out`, which went over its cap; they read as zeros."""
    lost: bool = False
    """Output is missing that could not be written, at any place."""
    err: Path | None = None
    """The file of standard error, where it is kept apart; the same cap holds for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFault:
    """A fault in a `with:` block; `path` leads to the value, outermost first."""

    code: str
    message: str
    path: tuple[str | int, ...] = ()


class Connector(Protocol):
    """One outside system; what a task `uses`."""

    @property
    def name(self) -> str:
        """The word after `uses:`."""

    def check(self, with_: JsonObject) -> Sequence[InputFault]:
        """Return every fault of an input; values with an expression are passed over."""

    async def start(self) -> None:
        """Open what all calls share; called once before the first call."""

    async def stop(self) -> None:
        """Close what `start` opened."""

    def call(self, with_: JsonObject, context: CallContext) -> Call:
        """Make the call for a resolved input; raise `Invalid` for a faulty one (permanent)."""

    def classify(self, error: Exception) -> Failed:
        """Say what an error of an inline call means: its code, retryable or permanent."""


class ProcessConnector(Connector, Protocol):
    """A connector whose calls are processes, also those that a former engine started."""

    def conclude(self, with_: JsonObject, context: CallContext, end: ProcessExit) -> Outcome:
        """Judge how a process ended; reads its files, starts nothing."""


class PollingConnector(Connector, Protocol):
    """A connector whose inline calls may be repeated until their answer is the one that is waited for.

    Its attribute `later` names the places of the input whose expressions are over an answer.
    """

    later: Sequence[Sequence[str]]

    def poll(self, with_: JsonObject) -> PollPlan | None:
        """Return how a call is repeated; None = it is made once."""

    def look(self, with_: JsonObject, url: str | None) -> JsonObject:
        """Return the input of a look, at `url` if the first answer named one."""


class WaitingConnector(Connector, Protocol):
    """A connector without calls: its tasks wait outside a slot."""

    def await_answer(self, with_: JsonObject) -> Await:
        """Return what a task waits for, from now on; raise `Invalid` for a faulty input."""


class Checks(Protocol):
    """The inputs' schemas, as `workflows.validation` sees the connectors."""

    def names(self) -> Sequence[str]:
        """Return the known words for `uses:`, sorted."""

    def check(self, uses: str, with_: JsonObject) -> Sequence[InputFault]:
        """Return every fault of an input for a known connector."""

    def codes(self, uses: str) -> ErrorCodes | None:
        """Return the error codes of a connector's own; None where it does not declare them."""

    def fields(self, uses: str) -> Collection[str]:
        """Return the fields that the input of a known connector may have; none where it declares none."""

    def texts(self, uses: str) -> Sequence[Sequence[str]]:
        """Return where an input holds text for others: paths of keys, `*` for any key or index."""

    def secrets(self, uses: str) -> Sequence[Sequence[str]] | None:
        """Return where an input may hold secrets: paths as of `texts`, a last `**` is all below.

        None = anywhere.
        """

    def keep(self, uses: str, with_: JsonObject) -> JsonObject:
        """Return an input as it is stored, with what today's defaults mean written out."""

    def waits(self, uses: str) -> bool:
        """Return whether tasks do no work of their own, and wait outside a slot."""

    def has_output(self, uses: str) -> bool:
        """Return whether calls write output while they run: those that are processes."""

    def may_repeat(self, uses: str, with_: JsonObject) -> bool:
        """Return whether a call whose end was not seen may be made again unasked."""
