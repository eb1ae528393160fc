"""StoredSpec: the unchanging part of a task, as its row keeps it.

Used by the store and the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct, field

from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once, once_of
from core.model.limits.terms import Terms
from core.model.patterns.children import GIVEN, GIVEN_RETRY, OnFailure, on_failure_of
from core.model.patterns.instances import ForEach, Item
from core.model.plans import (
    NO_RETRY,
    NO_WATCHDOG,
    WATCHDOG_FIELDS,
    Backoff,
    Jitter,
    Leftovers,
    OnLoss,
    OnOverflow,
    RetryPolicy,
    TaskPlan,
    Watchdog,
    needs_outputs,
)
from core.model.records import leaves_out, replace
from core.model.stored_text import read_stored
from core.model.values import JsonObject, JsonValue


class StoredSpec(Struct, frozen=True, kw_only=True):
    """The column `spec` of a task; a key that is absent there means the default here."""

    with_: JsonObject = field(default_factory=dict)
    """The input of the connector, its expressions unresolved."""
    timeout_ms: int | None = None
    """None = the engine's default, 0 = no limit."""
    watchdog: Watchdog = NO_WATCHDOG
    on_loss: OnLoss = OnLoss.RETRY
    when: str | None = None
    """Source of an expression without `${{ }}`, or None."""
    retry: RetryPolicy = NO_RETRY
    output_limit: int | None = None
    """Bytes; None = the engine's default, as for `on_overflow`."""
    on_overflow: OnOverflow | None = None
    leftovers: Leftovers = Leftovers.KILL
    success_exit_codes: tuple[int, ...] = ()
    """Empty = what the connector says."""
    skip_exit_codes: tuple[int, ...] = ()
    continue_on_error: bool = False
    waits: bool = False
    for_each: ForEach | None = None
    """None = the task is not a group."""
    item: Item | None = None
    """None = the task is not an instance."""
    on_failure: OnFailure | None = None
    limits: tuple[LimitRef, ...] = ()
    cost: Estimate | None = None
    """None = nothing is estimated."""
    prefer: tuple[str, ...] = ()
    on_exhausted: OnExhausted | None = None
    """None = what the budget says."""
    tags: tuple[str, ...] = ()
    project: str | None = None
    once: Once | None = None
    set_: JsonObject = field(default_factory=dict)
    """Values that variables of its job get when it succeeds."""
    artifacts: JsonObject = field(default_factory=dict)
    """Patterns of the files that it leaves for others, by name."""
    terms: Terms | None = None
    """What the last judgement made of `limits` and `cost`; None = they need no outputs, or none was made."""
    metadata: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)
    """Where the task was asked for: `cwd`, `env` (variables it names), `at` (hash of its surroundings).

    A task that waits for a child has `given` and `given_retry` besides: the variables that its submission
    names, and how often a task without a `retry` is run again.
    """

    @property
    def bound_limits(self) -> tuple[LimitRef, ...]:
        """The limits that it names, their keys worked out; those that still need outputs bind nothing."""
        if self.terms is not None:
            return self.terms.limits
        return tuple(ref for ref in self.limits if OPENING not in ref.key)

    @property
    def open_terms(self) -> bool:
        """Whether outputs are needed for a key of its limits, or for an amount of its cost."""
        return needs_outputs(self.limits, self.cost)

    @property
    def cwd(self) -> str | None:
        """The folder the task was asked for in; None = the engine's own."""
        cwd = self.context.get("cwd")
        return cwd if isinstance(cwd, str) and cwd else None

    @property
    def surroundings(self) -> str | None:
        """The hash under which its surroundings are kept; None = none were captured."""
        key = self.context.get("at")
        return key if isinstance(key, str) and key else None

    @property
    def env(self) -> JsonObject:
        """The variables that the task names, beside those of its surroundings."""
        return _object(self.context.get("env"))

    @property
    def given_env(self) -> JsonObject:
        """The variables that the submission of its job names, for its child."""
        return _object(self.context.get(GIVEN))

    @property
    def given_retry(self) -> int:
        """How often tasks of its child that have no `retry` are run again, as its submission says."""
        return _whole(self.context.get(GIVEN_RETRY))

    @classmethod
    def of_text(cls, text: str) -> StoredSpec:
        """Read the text of a row; raise `Invalid` (`task.unreadable`), whatever stands there."""
        return read_stored(
            lambda stored: cls.from_json(json.loads(stored)),
            text,
            code="task.unreadable",
            what="the task",
            hint="its row is damaged: restore a backup, or submit another task",
        )

    @classmethod
    def or_nothing(cls, text: str) -> StoredSpec:
        """Read the text of a row; nothing where it cannot be read: its attempt fails once it begins."""
        try:
            return cls.of_text(text)
        except Invalid:
            return cls()

    @classmethod
    def from_json(cls, stored: JsonObject) -> StoredSpec:
        """Read the stored form; raise `ValueError` or `KeyError` for words this version does not know."""
        said: dict[str, object] = {}
        # Most keys are absent from most tasks: what is there is read, not what might be.
        for key, value in stored.items():
            known = _FIELDS.get(key)
            if known is not None:
                said[known.name] = known.read(value)
        if not _WATCHDOG_KEYS.isdisjoint(stored):
            said["watchdog"] = _watchdog(stored)
        return cls(**said)  # type: ignore[arg-type] # Each was read as its field has it.


class SpecReader:
    """Reads the texts of tasks that begin together; those that are alike are read once."""

    def __init__(self) -> None:
        self._known: dict[str, StoredSpec] = {}

    def read(self, text: str) -> StoredSpec:
        """Return what a text stands for, as `StoredSpec.of_text` does; its input belongs to the caller."""
        known = self._known.get(text)
        if known is None:
            known = StoredSpec.of_text(text)
            if not any(isinstance(value, dict | list) for value in known.with_.values()):
                self._known[text] = known
        # A connector may change what it is given.
        return replace(known, with_={**known.with_})


def spec_to_json(task: TaskPlan | StoredSpec, *, surroundings: str | None = None) -> JsonObject:
    """Return the stored form; defaults but `timeout` and `on_loss` are left out.

    `surroundings` is the hash under which those of a new task are kept.
    """
    on_loss = task.on_loss or OnLoss.RETRY
    stored: JsonObject = {"with": task.with_, "timeout": task.timeout_ms, "on_loss": on_loss}
    if task.watchdog is not NO_WATCHDOG:
        stored |= {name: ms for name in WATCHDOG_FIELDS if (ms := getattr(task.watchdog, f"{name}_ms"))}
    if task.when is not None:
        stored["when"] = task.when
    if task.retry.max_attempts > 1:
        stored["retry"] = _retry_to_json(task.retry)
    stored |= _ends_to_json(task)
    stored |= limits_to_json(task)
    if task.once is not None:
        stored["once"] = task.once.to_json()
    if task.set_:
        stored["set"] = task.set_
    if task.artifacts:
        stored["artifacts"] = task.artifacts
    if isinstance(task, StoredSpec) and task.item is not None:
        stored["item"] = task.item.to_json()
    if isinstance(task, StoredSpec) and task.terms is not None:
        stored["terms"] = terms_to_json(task.terms)
    if task.metadata:
        stored["meta"] = task.metadata
    if surroundings is not None:
        stored["context"] = {**task.context, "at": surroundings}
    elif task.context:
        stored["context"] = task.context
    return stored


_has_plain_ends = leaves_out(
    TaskPlan,
    "output_limit",
    "on_overflow",
    "leftovers",
    "success_exit_codes",
    "skip_exit_codes",
    "continue_on_error",
    "waits",
    "for_each",
    "on_failure",
)
_has_no_limits = leaves_out(TaskPlan, "limits", "prefer", "on_exhausted", "tags", "project", "cost")


def _ends_to_json(task: TaskPlan | StoredSpec) -> JsonObject:
    """Return what a task says of its output and of the end of its process; defaults are left out."""
    if _has_plain_ends(task):
        return {}
    said: JsonObject = {
        "output_limit": task.output_limit,
        "on_overflow": task.on_overflow,
        "leftovers": None if task.leftovers is Leftovers.KILL else task.leftovers,
        "success_exit_codes": list(task.success_exit_codes) or None,
        "skip_exit_codes": list(task.skip_exit_codes) or None,
        "continue_on_error": task.continue_on_error or None,
        "waits": task.waits or None,
        "for_each": None if task.for_each is None else task.for_each.to_json(),
        "on_failure": None if task.on_failure is None else task.on_failure.to_json(),
    }
    return {name: value for name, value in said.items() if value is not None}


def limits_to_json(task: TaskPlan | StoredSpec) -> JsonObject:
    """Return what a task says of limits, costs, pools and tags, as it is stored; defaults are left out."""
    if _has_no_limits(task):
        return {}
    said: JsonObject = {
        "limits": [_ref_to_json(ref) for ref in task.limits],
        "prefer": list(task.prefer),
        "on_exhausted": task.on_exhausted,
        "tags": list(task.tags),
        "project": task.project,
    }
    if task.cost is not None:
        said["cost"] = task.cost.to_json()
    return {name: value for name, value in said.items() if value or name == "cost"}


def terms_to_json(terms: Terms) -> JsonObject:
    """Return the limits and the cost that a task has with outputs, as they are stored."""
    limits: list[JsonValue] = [_ref_to_json(ref) for ref in terms.limits]
    cost: JsonObject = {} if terms.cost is None else {"cost": terms.cost.to_json()}
    return {"limits": limits, **cost}


def _watchdog(stored: JsonObject) -> Watchdog:
    said = {f"{name}_ms": _whole(stored[name]) for name in WATCHDOG_FIELDS if name in stored}
    return Watchdog(**said) if said else NO_WATCHDOG


def _terms(stored: JsonValue) -> Terms | None:
    if not isinstance(stored, dict):
        return None
    return Terms(
        limits=tuple(map(_limit_ref, _list(stored.get("limits")))),
        cost=Estimate.from_json(stored["cost"]) if "cost" in stored else None,
    )


def _ref_to_json(ref: LimitRef) -> JsonValue:
    # Most have no key, and what a row is longer each of its changes writes.
    return {"limit": ref.name, "key": ref.key} if ref.key else ref.name


def _limit_ref(stored: JsonValue) -> LimitRef:
    if isinstance(stored, str):
        return LimitRef(name=stored)
    said = _object(stored)
    return LimitRef(name=str(said["limit"]), key=str(said.get("key", "")))


def _retry_to_json(policy: RetryPolicy) -> JsonObject:
    stored: JsonObject = {
        "max_attempts": policy.max_attempts,
        "backoff": policy.backoff,
        "base_ms": policy.base_ms,
        "max_ms": policy.max_ms,
        "jitter": policy.jitter,
        "on": list(policy.on),
    }
    return {**stored, "output": list(policy.output)} if policy.output else stored


def _retry(stored: JsonValue) -> RetryPolicy:
    if not isinstance(stored, dict):
        return NO_RETRY
    return RetryPolicy(
        max_attempts=_whole(stored["max_attempts"]),
        backoff=Backoff(str(stored["backoff"])),
        base_ms=_whole(stored["base_ms"]),
        max_ms=_whole(stored["max_ms"]),
        jitter=Jitter(str(stored["jitter"])),
        on=tuple(map(str, _list(stored.get("on")))),
        output=tuple(map(str, _list(stored.get("output")))),
    )


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


class _Field(NamedTuple):
    """The field that a key of the stored form is read into."""

    name: str
    read: Callable[[JsonValue], object]


def _timeout(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _is_true(value: JsonValue) -> bool:
    return value is True


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(map(str, _list(value)))


def _codes(value: JsonValue) -> tuple[int, ...]:
    return tuple(map(_whole, _list(value)))


def _limit_refs(value: JsonValue) -> tuple[LimitRef, ...]:
    return tuple(map(_limit_ref, _list(value)))


_WATCHDOG_KEYS = frozenset(WATCHDOG_FIELDS)
_FIELDS = {
    "with": _Field("with_", _object),
    "timeout": _Field("timeout_ms", _timeout),
    "on_loss": _Field("on_loss", lambda value: OnLoss(str(value))),
    "when": _Field("when", _text),
    "retry": _Field("retry", _retry),
    "output_limit": _Field("output_limit", lambda value: value if isinstance(value, int) else None),
    "on_overflow": _Field("on_overflow", lambda value: None if value is None else OnOverflow(str(value))),
    "leftovers": _Field(
        "leftovers", lambda value: Leftovers.KILL if value is None else Leftovers(str(value))
    ),
    "success_exit_codes": _Field("success_exit_codes", _codes),
    "skip_exit_codes": _Field("skip_exit_codes", _codes),
    "continue_on_error": _Field("continue_on_error", _is_true),
    "waits": _Field("waits", _is_true),
    "for_each": _Field("for_each", lambda value: ForEach.from_json(_object(value))),
    "item": _Field("item", lambda value: Item.from_json(_object(value))),
    "on_failure": _Field("on_failure", on_failure_of),
    "limits": _Field("limits", _limit_refs),
    "cost": _Field("cost", Estimate.from_json),
    "prefer": _Field("prefer", _texts),
    "on_exhausted": _Field("on_exhausted", lambda value: None if value is None else OnExhausted(str(value))),
    "tags": _Field("tags", _texts),
    "project": _Field("project", _text),
    "once": _Field("once", once_of),
    "set": _Field("set_", _object),
    "artifacts": _Field("artifacts", _object),
    "terms": _Field("terms", _terms),
    "meta": _Field("metadata", _object),
    "context": _Field("context", _object),
}
"""How each key is read; those of the watchdog make one field together."""
