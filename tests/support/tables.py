"""Tables of cases, each of which is one test.

Beside `pytest.mark.parametrize`: for functions that start nothing, and share what fixtures they ask for.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest

_SHOWN = 10
"""Failures that are told with all they have; of the rest the first line is."""
_LONGEST = 100
Check = Callable[..., Any]


def each(names: str | Sequence[str], cases: Iterable[Any], *, ids: object = None) -> Callable[[Check], Check]:
    """Give a test all these cases, one after the other; it fails with all that fail.

    Names, cases and ids are as for `pytest.mark.parametrize`, and another table may stand above or below.
    """
    called = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
    table = [(case,) if len(called) == 1 else tuple(case) for case in cases]
    labels = _labels(table, ids)

    def decorate(test: Check) -> Check:
        signature = inspect.signature(test)
        left = [one for one in signature.parameters.values() if one.name not in called]

        if inspect.iscoroutinefunction(test):

            @wraps(test)
            async def run(**given: Any) -> None:
                failed = _Failed(test, len(table))
                for label, case in zip(labels, table, strict=True):
                    try:
                        await test(**given, **dict(zip(called, case, strict=True)))
                    except (Exception, pytest.fail.Exception) as error:
                        failed.note(label, error)
                failed.tell()

        else:

            @wraps(test)
            def run(**given: Any) -> None:
                failed = _Failed(test, len(table))
                for label, case in zip(labels, table, strict=True):
                    try:
                        test(**given, **dict(zip(called, case, strict=True)))
                    except (Exception, pytest.fail.Exception) as error:
                        failed.note(label, error)
                failed.tell()

        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorate


class _Failed:
    """The cases that failed."""

    def __init__(self, test: Check, number: int) -> None:
        assert number, f"{test.__name__} has no cases"
        self._number = number
        self._told: list[str] = []

    def note(self, label: str, error: BaseException) -> None:
        lines = [f"{type(error).__name__}: {error}".partition("\n")[0]]
        if len(self._told) < _SHOWN:
            lines = ["".join(traceback.format_exception(error))]
        self._told.append("\n".join([f"[{label}]", *lines]))

    def tell(self) -> None:
        if self._told:
            story = "\n".join(self._told)
            pytest.fail(f"{len(self._told)} of {self._number} cases fail\n{story}", pytrace=False)


def _labels(table: Sequence[tuple[Any, ...]], ids: object) -> list[str]:
    if callable(ids):
        return ["-".join(str(ids(value)) for value in case) for case in table]
    if isinstance(ids, Iterable):
        return [str(one) for one in ids]
    return ["-".join(_short(value) for value in case) for case in table]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else getattr(value, "__name__", None) or repr(value)
    return ascii(text)[1:-1][:_LONGEST]
