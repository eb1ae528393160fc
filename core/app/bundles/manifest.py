"""The manifest of a bundle: its files, with sizes and checksums.

Written and read by this room.
"""

from __future__ import annotations

import json
import re
from collections.abc import ItemsView
from dataclasses import dataclass, field
from typing import NamedTuple

from core.model.bundles import CONFIG, FORMAT, ROWS, VERSION, broken
from core.model.errors import Unavailable
from core.model.values import ID_MAX, JsonObject, JsonValue

MANIFEST_BYTES = 256 * 2**20
"""A manifest has at most so many bytes."""
_NAME = re.compile(
    rf"{re.escape(ROWS)}|{re.escape(CONFIG)}|output/[1-9][0-9]{{0,18}}/[1-9][0-9]{{0,18}}/(?:out|err)(?:\.times)?"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in a bundle."""

    size: int
    sha256: str


class KeptPiece(NamedTuple):
    """Bytes of an output that a bundle has."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output as it was: its size, and which bytes of it the bundle has, in order."""

    size: int
    pieces: tuple[KeptPiece, ...]
    cut: int = 0
    """Bytes that were there and were left out to keep the bundle small."""
    lost: bool = False

    @property
    def kept(self) -> int:
        """How many bytes the bundle has."""
        return sum(piece.length for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle says of itself; `outputs` by `TASK/EPOCH/STREAM`."""

    jobs: tuple[int, ...]
    facts: JsonObject
    """`taskdeck`, `schema`, `at` (ms UTC), `platform`, `engine`."""
    files: dict[str, Member] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    max_log: int | None = None

    @property
    def at(self) -> int:
        """When its rows were read, ms UTC."""
        at = self.facts.get("at")
        return at if isinstance(at, int) else 0

    @property
    def cut(self) -> int:
        """How many of its outputs were cut to keep the bundle small."""
        return sum(bool(output.cut) for output in self.outputs.values())


def is_name(name: str) -> bool:
    """Tell whether a bundle may have a file of this name."""
    return _NAME.fullmatch(name) is not None


def encode(manifest: Manifest, more: JsonObject) -> bytes:
    """Write a manifest as JSON; `more` is for people who read it."""
    value: JsonObject = {
        "format": FORMAT,
        "version": VERSION,
        **manifest.facts,
        **more,
        "jobs": list(manifest.jobs),
        "max_log": manifest.max_log,
        "files": {name: {"size": one.size, "sha256": one.sha256} for name, one in manifest.files.items()},
        "outputs": {
            name: {
                "size": one.size,
                "pieces": [list(piece) for piece in one.pieces],
                "cut": one.cut,
                "lost": one.lost,
            }
            for name, one in manifest.outputs.items()
        },
    }
    return json.dumps(value, indent=1).encode("ascii")


def decode(data: bytes) -> Manifest:
    """Read a manifest; raise `Invalid` (`bundle.broken`), `Unavailable` (`bundle.newer`)."""
    try:
        value: JsonValue = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise broken("its manifest is not JSON") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise broken("its manifest is that of something else")
    _check_version(_whole(value.get("version")))
    facts: JsonObject = {
        name: value[name] for name in ("taskdeck", "schema", "at", "platform", "engine") if name in value
    }
    _whole(facts.get("schema"))
    _whole(facts.get("at"))
    return Manifest(
        jobs=tuple(_whole(one) for one in _list(value.get("jobs"))),
        facts=facts,
        files={_name(name): _member(one) for name, one in _items(value.get("files"))},
        outputs={
            _name(f"output/{name}").removeprefix("output/"): _output(one)
            for name, one in _items(value.get("outputs"))
        },
        max_log=None if value.get("max_log") is None else _whole(value.get("max_log")),
    )


def _check_version(version: int) -> None:
    if version > VERSION:
        raise Unavailable(
            "bundle.newer",
            f"it was made by a newer taskdeck: its form has version {version}, this one reads {VERSION}",
            hint="open it with the newer taskdeck",
            facts={"version": version, "known": VERSION},
        )


def _member(value: JsonValue) -> Member:
    fields = dict(_items(value))
    digest = fields.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise broken("a checksum in its manifest is none")
    return Member(size=_whole(fields.get("size")), sha256=digest)


def _output(value: JsonValue) -> Output:
    fields = dict(_items(value))
    pieces = tuple(_piece(one) for one in _list(fields.get("pieces")))
    size, end = _whole(fields.get("size")), 0
    for offset, length in pieces:
        if offset < end:
            raise broken("pieces of an output overlap")
        end = offset + length
    if end > size:
        raise broken("pieces of an output lie beyond its end")
    return Output(size=size, pieces=pieces, cut=_whole(fields.get("cut")), lost=fields.get("lost") is True)


def _piece(value: JsonValue) -> KeptPiece:
    piece = [_whole(one) for one in _list(value)]
    if len(piece) != 2:
        raise broken("a piece of an output has no offset and length")
    return KeptPiece(*piece)


def _name(name: str) -> str:
    if not is_name(name):
        raise broken("it has a file that no bundle has")
    return name


def _items(value: JsonValue) -> ItemsView[str, JsonValue]:
    if not isinstance(value, dict):
        raise broken("its manifest has another form")
    return value.items()


def _list(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise broken("its manifest has another form")
    return value


def _whole(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ID_MAX:
        raise broken("a number in its manifest is none")
    return value
