"""Read the zip archive of a bundle, of which nothing is believed.

Used by `opening`. Names only choose among files that a bundle may have; nothing is unpacked by them.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.app.bundles.manifest import MANIFEST_BYTES, Manifest, decode, is_name
from core.model.bundles import MANIFEST, broken
from core.model.errors import Invalid, NotFound
from core.model.text import safe_line

RATIO = 200
"""A bundle unpacks to so many times its size at most, but to `SMALL` in any case."""
SMALL = 2**30
_FILES_MOST = 1_000_000
_PIECE = 2**20
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class Contents:
    """The files of an open bundle, each checked while it is read."""

    def __init__(self, archive: zipfile.ZipFile, *, size: int) -> None:
        self._zip = archive
        self._infos = _listed(archive)
        self.manifest = self._read_manifest()
        self._check_sizes(size)

    @property
    def unpacked(self) -> int:
        """Bytes of all its files."""
        return sum(one.size for one in self.manifest.files.values())

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a file in pieces; raise `Invalid` (`bundle.broken`), if need be at its end."""
        member = self.manifest.files.get(name)
        if member is None:
            raise broken(f"{name} is missing")
        digest, left = hashlib.sha256(), member.size
        with _refusing(), self._zip.open(self._infos[name]) as stream:
            while data := stream.read(_PIECE):
                left -= len(data)
                if left < 0:
                    break
                digest.update(data)
                yield data
        if left or digest.hexdigest() != member.sha256:
            raise broken(f"the checksum of {name} is wrong")

    def _read_manifest(self) -> Manifest:
        info = self._infos.get(MANIFEST)
        if info is None:
            raise broken("it has no manifest")
        with _refusing(), self._zip.open(info) as stream:
            data = stream.read(MANIFEST_BYTES + 1)
        if len(data) > MANIFEST_BYTES:
            raise broken("its manifest is too large")
        manifest = decode(data)
        if manifest.files.keys() != self._infos.keys() - {MANIFEST}:
            raise broken("its files are not those of its manifest")
        return manifest

    def _check_sizes(self, size: int) -> None:
        for name, member in self.manifest.files.items():
            if self._infos[name].file_size != member.size:
                raise broken(f"{name} has another size than its manifest says")
        if self.unpacked > max(SMALL, RATIO * size):
            raise Invalid(
                "bundle.expands",
                f"the bundle would unpack to {self.unpacked / 2**20:,.0f} MiB,"
                f" {self.unpacked // max(size, 1):,} times its size;"
                f" {RATIO} times is the most above {SMALL // 2**20:,} MiB",
                hint="if you trust it: make it again with a smaller --max-log",
                facts={"unpacked": self.unpacked, "size": size},
            )


@contextmanager
def open_contents(path: Path) -> Iterator[Contents]:
    """Lend the files of a bundle; raise `NotFound`, `Invalid` and `Unavailable` (`bundle.*`)."""
    with _open(path) as stream:
        size = stream.seek(0, 2)
        with _refusing():
            archive = zipfile.ZipFile(stream)
        with archive:
            yield Contents(archive, size=size)


def _open(path: Path) -> IO[bytes]:
    name = safe_line(str(path))
    try:
        # Opening a pipe would wait for who writes it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise Invalid(
                "bundle.file",
                f"{name} is not a regular file",
                hint="name the file of a bundle",
                facts={"file": name},
            )
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotFound(
            "bundle.missing", f"no such file: {name}", hint="check the path", facts={"file": name}
        ) from error
    except OSError as error:
        raise Invalid(
            "bundle.file",
            f"cannot read {name}: {error.strerror}",
            hint="check that you may read it",
            facts={"file": name},
        ) from error


def _listed(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos: dict[str, zipfile.ZipInfo] = {}
    listed = archive.infolist()
    if len(listed) > _FILES_MOST:
        raise broken("it has too many files")
    for info in listed:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.filename != MANIFEST and not is_name(info.filename):
            raise broken(f"it has a file that no bundle has: {safe_line(info.filename[:80])}")
        if kind not in (0, stat.S_IFREG) or info.filename in infos or info.flag_bits & 1:
            raise broken(f"{info.filename} is a link, is there twice, or is encrypted")
        infos[info.filename] = info
    return infos


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Invalid:
        raise
    except _DAMAGED as error:
        raise broken(
            f"it is not a whole zip archive ({safe_line(str(error)) or type(error).__name__})"
        ) from error
