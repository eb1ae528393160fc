"""What answers to verbs refuse, told by id and reason."""

from __future__ import annotations

from core.model.refusals import Refusal


class Refused(Refusal):
    """Equals a refusal of this id, reason and, if named, code, that says all that a single one says."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Refusal):
            return False
        told = (other.id, other.reason) == (self.id, self.reason) and self.code in ("", other.code)
        return told and not lacks(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


def lacks(refusal: Refusal) -> list[str]:
    """Return what a refusal lacks of what a single one says: code, what to do next, its own id by name."""
    has = {
        "code": "." in refusal.code,
        "hint": bool(refusal.hint.strip()),
        "facts": refusal.id in (refusal.facts.get("task"), refusal.facts.get("job")),
    }
    return [name for name, is_there in has.items() if not is_there]
