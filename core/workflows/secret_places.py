"""Secrets in documents: which a value names, and where one may stand.

Used by the validation of documents and by the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.model.errors import Fault, Invalid
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import references
from core.workflows.expressions.paths import write_steps
from core.workflows.outline import Outline
from core.workflows.positions import DocumentPath, Positions
from core.workflows.task_references import texts_in

SECRETS, EXPOSED = "secrets", "secret.exposed"
ALL_BELOW = "**"
"""The last step of a place: it, and all that stands below it."""
_ANY = "*"
_ELSEWHERE = ("when", "limits", "cost", "once", "set", "artifacts")
_HINT = "pass it by `env`, standard input or a header: this is seen in lists of processes or logs"

Places = Sequence[Sequence[str]]
"""Where secrets may stand in a `with:`: paths, with `*` for any step."""


def secrets_of(value: JsonValue) -> frozenset[str]:
    """Return the names of the secrets that the expressions in a value use."""
    named = (reference.path for reference in references(value))
    return frozenset(str(path[1]) for path in named if path[0] == SECRETS and len(path) > 1)


def secret_faults(outline: Outline, positions: Positions, checks: Checks) -> Iterator[Fault]:
    """Return the faults of all secrets of a document that stand where they would be seen, or be stored."""
    known = frozenset(checks.names())
    for task in outline.tasks:
        if task.uses in known:
            for path, message in exposed(task.with_, checks.secrets(str(task.uses))):
                yield positions.fault_at((*task.path, "with", *path), EXPOSED, message)
        for name in _ELSEWHERE:
            value = task.raw.get(name)
            # A condition needs no `${{ }}`.
            text = f"${{{{ {value} }}}}" if name == "when" and "${{" not in str(value) else value
            if names := secrets_of(text):
                message = f"`secrets.{min(names)}` may not stand in `{name}`: secrets are for `with`"
                yield positions.fault_at((*task.path, name), EXPOSED, message)
        if names := secrets_of([task.on_failure, f"${{{{ {task.on_failure.get('when')} }}}}"]):
            message = f"`secrets.{min(names)}` may not stand in `on_failure`: what a worklet gets is stored"
            yield positions.fault_at(task.on_failure_path, EXPOSED, message)


class Exposed(NamedTuple):
    """Where a secret stands below `with`, and what is wrong with that."""

    path: DocumentPath
    message: str


def exposed(with_: JsonObject, places: Places | None) -> Iterator[Exposed]:
    """Yield each secret that stands in another place.

    None = the connector says nothing of it, and may be given one anywhere.
    """
    for text in texts_in(with_, ()) if places is not None else ():
        names = secrets_of(text.text)
        if names and not any(_fits(text.path, place) for place in places or ()):
            shown = write_steps(text.path)
            yield Exposed(text.path, f"`secrets.{min(names)}` may not stand in `{shown}`: {_HINT}")


def refuse_exposed(with_: JsonObject, places: Places | None) -> None:
    """Raise `Invalid` (`secret.exposed`) for a secret in another place."""
    for path, message in exposed(with_, places):
        facts: JsonObject = {"field": write_steps(path)}
        raise Invalid(EXPOSED, message, hint="move it, then submit again", facts=facts)


def _fits(path: DocumentPath, place: Sequence[str]) -> bool:
    if place[-1:] == (ALL_BELOW,):
        place, path = place[:-1], path[: len(place) - 1]
    return len(path) == len(place) and all(
        wanted in (_ANY, step) for wanted, step in zip(place, path, strict=True)
    )
