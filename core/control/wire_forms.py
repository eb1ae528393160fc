"""Wire forms of request fields; a filter travels as noun and text.

Used by `wire`.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from types import UnionType
from typing import TypeVar, cast, get_args, get_type_hints

from msgspec import Struct, defstruct, field, structs

from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter
from core.filters.unparser import unparse

T = TypeVar("T")


class FilterForm(Struct, frozen=True, kw_only=True):
    """A filter as its noun and text."""

    noun: Noun
    text: str

    @classmethod
    def of(cls, where: Filter) -> FilterForm:
        return cls(noun=where.noun, text=unparse(where))

    def decode(self) -> Filter:
        """Return the filter; raise `Invalid` (`filter.*`)."""
        return parse(self.text, self.noun)


def form_of(kind: type) -> type:
    """Return the record as which a kind travels: itself, unless a filter is somewhere in it."""
    form = _FORMS.get(kind)
    if form is None:
        form = _FORMS[kind] = _make_form(kind)
    return form


def decode_form(form: object, kind: type[T]) -> T:
    """Return the value of a kind that a form stands for; raise `Invalid` for what has no meaning."""
    if isinstance(form, FilterForm):
        return cast("T", form.decode())
    if isinstance(form, kind):
        return form
    return kind(**{name: _decode_part(getattr(form, name), part) for name, part in _PARTS[kind].items()})


def _decode_part(form: object, kind: type | None) -> object:
    return form if form is None or kind is None else decode_form(form, kind)


def _make_form(kind: type) -> type:
    if kind is Filter:
        return FilterForm
    if not issubclass(kind, Struct):
        return kind
    hints = get_type_hints(kind)
    forms = {name: _form_of_hint(hint) for name, hint in hints.items()}
    if forms == hints:
        return kind
    _PARTS[kind] = {name: _formed_part(hint) for name, hint in hints.items()}
    return defstruct(
        kind.__name__,
        [(part.name, forms[part.name], _same_default(part)) for part in structs.fields(kind)],
        frozen=True,
        kw_only=True,
    )


def _same_default(part: structs.FieldInfo) -> object:
    made: object = field(default=part.default, default_factory=part.default_factory)  # type: ignore[call-overload]
    return made


def _form_of_hint(hint: object) -> object:
    if isinstance(hint, UnionType):
        return reduce(or_, map(form_of, get_args(hint)))
    return form_of(hint) if isinstance(hint, type) else hint


def _formed_part(hint: object) -> type | None:
    """Return the type of a hint (`X` or `X | None`) that travels in another form, if it does."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((kind for kind in kinds if isinstance(kind, type) and form_of(kind) is not kind), None)


_FORMS: dict[type, type] = {}
_PARTS: dict[type, dict[str, type | None]] = {}
"""Of kinds that travel in another form: the type of each field that does, too."""
