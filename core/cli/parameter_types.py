"""The click parameters of fields, by their types.

Used by `commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, TypeAlias, get_args, get_origin

import click
from click.types import FuncParamType

from core.cli.parameters import Argument, Option, Parameter

if TYPE_CHECKING:
    ParamType: TypeAlias = click.ParamType[object]
    Finish: TypeAlias = Callable[[click.Context, click.Parameter, object], object]


_UNSET = click.Argument(["none"]).default
"""What click takes for no default: None is one."""


class _WholeNumber(click.IntRange):
    """A whole number within bounds, called so where a word is none."""

    name = "whole number"


class _Number(click.FloatRange):
    """A number within bounds, called so where a word is none."""

    name = "number"


def parameter_of(name: str, kind: object, declared: Parameter, *, default: object) -> click.Parameter:
    """Return the parameter of a field; a default of `...` means that it must be given."""
    is_list, item = _item(kind)
    is_required = default is ...
    if isinstance(declared, Argument):
        return click.Argument(
            [name],
            type=_type(item, declared),
            required=is_required,
            default=_UNSET if is_required else default,
            metavar=declared.metavar,
            nargs=-1 if is_list else 1,
            callback=_finish(item, default, is_list=is_list),
            help=declared.help,
        )
    is_flag = item is bool
    return click.Option(
        [name, f"--{name.rstrip('_').replace('_', '-')}", *filter(None, [declared.short])],
        type=None if is_flag else _type(item, declared),
        # False would let click take an option without a default for one whose value may be left out.
        is_flag=is_flag or None,
        required=is_required,
        default=_UNSET if is_required or is_list else _written(default),
        multiple=is_list,
        callback=_finish(item, default, is_list=is_list),
        metavar=declared.metavar,
        help=declared.help,
        hidden=declared.hidden,
        envvar=declared.variable,
        show_envvar=True,
        show_default=not is_flag and default not in (None, ""),
    )


def _item(kind: object) -> tuple[bool, object]:
    """Return whether a field takes many values, and the type of one."""
    named = [part for part in get_args(kind) if part is not NoneType]
    if get_origin(kind) is list:
        return True, named[0]
    # Optional; what is in it may be a list again.
    return _item(named[0]) if named else (False, kind)


def _written(default: object) -> object:
    return default.value if isinstance(default, Enum) else default


def _finish(item: object, default: object, *, is_list: bool) -> Finish | None:
    """Return what makes the value of a field of what click has read, where that is another."""
    if is_list:
        return lambda _context, _parameter, read: _listed(read, default)
    if isinstance(item, type) and issubclass(item, Enum):
        return lambda _context, _parameter, read: None if read is None else item(read)
    return None


def _listed(read: object, default: object) -> object:
    values = list(read) if isinstance(read, Sequence) else []
    return values or ([] if default is ... else default)


def _type(item: object, declared: Parameter) -> ParamType:
    if isinstance(declared, Option) and declared.read is not None:
        return FuncParamType(declared.read)
    if isinstance(item, type) and issubclass(item, Enum):
        return click.Choice([str(member.value) for member in item])
    if item is Path:
        return FuncParamType(Path)
    if item is int:
        return _WholeNumber(declared.min, declared.max)
    if item is float:
        return _Number(declared.min, declared.max)
    return click.STRING
