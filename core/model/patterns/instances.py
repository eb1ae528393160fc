"""Many instances of one task: `for_each`, `matrix`, thresholds.

Made by the expansion of documents; stored with the group; read by the engine and the store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import product

from msgspec import Struct

from core.model.errors import Invalid
from core.model.values import JsonObject, JsonValue

INSTANCES_MAX = 100_000
"""Instances of one group."""
ITEM = "item"
"""The name of an item where the document gives none."""
INDEX, MATRIX = "index", "matrix"
"""Names beside that of the item in the expressions of an instance."""
EXCLUDE = "exclude"
"""The word of a matrix that is not an axis."""
EMPTY = "empty"
"""Why a group without items succeeded."""
GROUP_FAILED = "group.failed"
"""The code of a group that failed for its instances; its facts say how many ended so."""
RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})")
"""A range, both ends included."""
_WHOLE = re.compile(r"\s*\d{1,18}\s*")
_PERCENT = re.compile(r"(\d{1,3})\s*%")
_OUTER = re.compile(r"(.*)\[(\d+)\]", re.DOTALL)


class AfterThreshold(StrEnum):
    """What becomes of the other instances once the threshold is met."""

    CANCEL_REST = "cancel_rest"
    RUN_ALL = "run_all"


class OnInstanceFailure(StrEnum):
    """What a failed instance means for its group."""

    STOP = "stop"
    """The group fails at once, the others are cancelled."""
    FINISH = "finish"
    """The others go on; then the group fails."""
    CONTINUE = "continue"
    """The others go on; then the group succeeds, and says which failed."""


class ForEach(Struct, frozen=True, kw_only=True):
    """What a task says of its instances, as it is stored; expressions unresolved."""

    over: JsonValue = None
    """A list, a mapping, a number, a range, or a text with expressions; None where there is a matrix."""
    matrix: JsonObject | None = None
    """Axes by name, and `exclude`."""
    name: str = ITEM
    """What an item is called in expressions."""
    max_parallel: int | None = None
    threshold: str | None = None
    """`3` or `80%`; None = all."""
    after: AfterThreshold = AfterThreshold.CANCEL_REST
    on_failure: OnInstanceFailure = OnInstanceFailure.STOP
    each: tuple[str, ...] = ()
    """Groups over the same items, each instance of which waits for theirs of its index."""
    judges_each: bool = False
    """Its `when` asks for the item: it is judged for each instance, not for the group."""

    @property
    def expressions(self) -> JsonValue:
        """What has to be worked out before its items are known."""
        return self.over if self.matrix is None else self.matrix

    def to_json(self) -> JsonObject:
        """Return the stored form; defaults are left out."""
        said: JsonObject = {
            "over": self.over,
            "matrix": self.matrix,
            "name": None if self.name == ITEM else self.name,
            "max_parallel": self.max_parallel,
            "threshold": self.threshold,
            "after": None if self.after is AfterThreshold.CANCEL_REST else self.after,
            "on_failure": None if self.on_failure is OnInstanceFailure.STOP else self.on_failure,
            "each": list(self.each) or None,
            "judges_each": self.judges_each or None,
        }
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def from_json(cls, stored: JsonObject) -> ForEach:
        """Read the stored form; raise `ValueError` for words this version does not know."""
        matrix, parallel, threshold = (stored.get(key) for key in ("matrix", "max_parallel", "threshold"))
        each = stored.get("each")
        return cls(
            over=stored.get("over"),
            matrix=matrix if isinstance(matrix, dict) else None,
            name=str(stored.get("name", ITEM)),
            max_parallel=parallel if isinstance(parallel, int) else None,
            threshold=threshold if isinstance(threshold, str) else None,
            after=AfterThreshold(str(stored.get("after", AfterThreshold.CANCEL_REST))),
            on_failure=OnInstanceFailure(str(stored.get("on_failure", OnInstanceFailure.STOP))),
            each=tuple(map(str, each)) if isinstance(each, list) else (),
            judges_each=stored.get("judges_each") is True,
        )


class Item(Struct, frozen=True, kw_only=True):
    """What an instance is made for."""

    index: int
    value: JsonValue
    name: str = ITEM
    """What its expressions call the value; `matrix` for a combination of axes."""
    each: tuple[str, ...] = ()
    """Groups that are, in its expressions, their instance of the same index."""

    @property
    def scope(self) -> JsonObject:
        """What expressions of the instance may ask beside what all may."""
        return {self.name: self.value, INDEX: self.index}

    def to_json(self) -> JsonObject:
        """Return the stored form."""
        said: JsonObject = {"index": self.index, "value": self.value}
        if self.name != ITEM:
            said["name"] = self.name
        if self.each:
            said["each"] = list(self.each)
        return said

    @classmethod
    def from_json(cls, stored: JsonObject) -> Item:
        """Read the stored form."""
        index, each = stored.get("index"), stored.get("each")
        return cls(
            index=index if isinstance(index, int) else 0,
            value=stored.get("value"),
            name=str(stored.get("name", ITEM)),
            each=tuple(map(str, each)) if isinstance(each, list) else (),
        )


def instance_key(key: str, index: int) -> str:
    return f"{key}[{index}]"


def group_key(key: str) -> str:
    """Return the key of the group of an instance; any other key is returned as it is."""
    found = _OUTER.fullmatch(key)
    return key if found is None else found[1]


def items_of(value: JsonValue) -> list[JsonValue]:
    """Return the items of a `for_each` that is worked out; raise `Invalid` (`for_each.*`)."""
    match value:
        case list():
            items: list[JsonValue] = value
        case dict():
            items = [{"key": key, "value": inner} for key, inner in value.items()]
        case bool():
            raise _unfit(value)
        case int() | float() | str():
            items = [*_counted(value)]
        case _:
            raise _unfit(value)
    return _within(items)


def combinations_of(matrix: Mapping[str, JsonValue]) -> list[JsonValue]:
    """Return the combinations of a matrix that is worked out, the last axis turning fastest."""
    axes = {name: values for name, values in matrix.items() if name != EXCLUDE}
    number = 1
    for name, values in axes.items():
        if not isinstance(values, list):
            raise Invalid(
                "for_each.matrix",
                f"the axis `{name}` of `matrix` is not a list",
                hint="give each axis a list",
                facts={"axis": name},
            )
        number *= len(values)
    _refuse_beyond(number)
    lists = [values for values in axes.values() if isinstance(values, list)]
    exclude = matrix.get(EXCLUDE)
    left_out = [one for one in exclude if isinstance(one, dict)] if isinstance(exclude, list) else []
    found: list[JsonValue] = []
    for combination in product(*lists):
        one: JsonObject = dict(zip(axes, combination, strict=True))
        if not any(all(one.get(name) == value for name, value in rule.items()) for rule in left_out):
            found.append(one)
    return found


def needed_of(threshold: str, total: int) -> int:
    """Return how many successes of so many instances decide; a share is rounded up."""
    percent = _PERCENT.fullmatch(threshold)
    return int(threshold) if percent is None else -(-total * int(percent[1]) // 100)


def read_threshold(value: object) -> str:
    """Return a threshold as it is stored; raise `ValueError` for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        percent = _PERCENT.fullmatch(value.strip())
        if percent is not None and 1 <= int(percent[1]) <= 100:
            return f"{int(percent[1])}%"
        if _WHOLE.fullmatch(value) and 1 <= int(value) <= INSTANCES_MAX:
            return str(int(value))
    raise ValueError(f"is a number of instances from 1 to {INSTANCES_MAX}, or a share such as 80%")


def is_count(text: str) -> bool:
    """Return whether a text without expressions says how many instances, or a range."""
    return bool(_WHOLE.fullmatch(text) or RANGE.fullmatch(text.strip()))


def _counted(value: float | str) -> Iterator[JsonValue]:
    if isinstance(value, str):
        bounds = RANGE.fullmatch(value.strip())
        if bounds is not None:
            first, last = int(bounds[1]), int(bounds[2])
            _refuse_beyond(last - first + 1)
            yield from range(first, last + 1)
            return
        if not _WHOLE.fullmatch(value):
            raise _unfit(value)
        value = int(value)
    if value != int(value) or value < 0:
        raise _unfit(value)
    _refuse_beyond(int(value))
    yield from range(int(value))


def _within(items: list[JsonValue]) -> list[JsonValue]:
    _refuse_beyond(len(items))
    return items


def _refuse_beyond(number: int) -> None:
    if number > INSTANCES_MAX:
        raise Invalid(
            "for_each.too_many",
            f"`for_each` gives {number:,} instances, and a group has at most {INSTANCES_MAX:,}",
            hint="split the list, or give each instance a part of it",
            facts={"instances": number, "most": INSTANCES_MAX},
        )


def _unfit(value: JsonValue) -> Invalid:
    shown = "null" if value is None else repr(value)[:60]
    return Invalid(
        "for_each.unfit",
        f"`for_each` is {shown}, which says neither items nor how many",
        hint="give a list, a mapping, a number, or a range such as 1..10",
        facts={"value": shown},
    )
