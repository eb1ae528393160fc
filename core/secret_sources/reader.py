"""SecretReader: the values of secrets by their names, read now.

Asked by the engine for each attempt that uses some. Nothing is remembered: the next attempt reads it again.
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.model.masking import LEAST
from core.secret_sources.commands import output_of
from core.secret_sources.refusals import unknown, unreadable, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from core.config.secrets_section import SecretTable

MOST = 65_536
"""Bytes of a secret."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable by which systemd tells a unit where its credentials are."""
_OF_OTHERS = 0o077


class SecretReader:
    """Read secrets where a configuration says; several attempts that ask at once share a look."""

    def __init__(self, home: Path, tables: Callable[[], Mapping[str, SecretTable]]) -> None:
        self._home = home
        self._tables = tables
        self._reading: dict[str, asyncio.Task[str]] = {}

    async def read(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values of these secrets.

        Raises `NotFound` (`secret.unknown`) and `SecretUnreadable` (`secret.unreadable`, `secret.unusable`).
        """
        tables, wanted = self._tables(), sorted(set(names))
        for name in wanted:
            if name not in tables:
                raise unknown(name, tables)
        found = await asyncio.gather(*[self._shared(name, tables[name]) for name in wanted])
        return dict(zip(wanted, found, strict=True))

    async def _shared(self, name: str, table: SecretTable) -> str:
        reading = self._reading.get(name)
        if reading is None:
            reading = self._reading[name] = asyncio.ensure_future(self._read(name, table))
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
        return await asyncio.shield(reading)

    async def _read(self, name: str, table: SecretTable) -> str:
        if table.command is not None:
            raw = await output_of(
                name, table.command, seconds=table.timeout / 1_000, cwd=self._home, most=MOST
            )
        elif table.env is not None:
            raw = _variable(name, table.env)
        elif table.credential is not None:
            raw = await asyncio.to_thread(_credential, name, table.credential)
        else:
            path = self._home / Path(str(table.file)).expanduser()
            raw = await asyncio.to_thread(_private_file, name, path)
        return _usable(name, raw)


def _usable(name: str, raw: bytes) -> str:
    if len(raw) > MOST:
        raise unusable(name, f"is longer than {MOST:,} bytes")
    # As `$(command)` takes it: an editor ends the last line.
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    if len(raw) < LEAST:
        raise unusable(name, f"is shorter than {LEAST} bytes: it would be found in any output")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise unusable(name, "is not UTF-8; keep it in base64, and let the task unpack it") from None


def _variable(name: str, variable: str) -> bytes:
    value = os.environb.get(variable.encode())
    if value is None:
        raise unreadable(
            name,
            f"the engine has no variable {variable}",
            hint="start the engine with it, or name another source",
        )
    return value


def _credential(name: str, credential: str) -> bytes:
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise unreadable(
            name,
            f"the engine has no ${CREDENTIALS}: systemd did not start it with credentials",
            hint=f"add LoadCredential={credential}:FILE to its unit, or name another source",
        )
    return _contents(name, Path(folder, credential), others=True)


def _private_file(name: str, path: Path) -> bytes:
    return _contents(name, path, others=False)


def _contents(name: str, path: Path, *, others: bool) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise unreadable(
            name, f"{path}: {reason}", hint="check the file, and `file` of the secret"
        ) from error
    try:
        if fault := _fault(os.fstat(descriptor), path, others=others):
            raise unreadable(name, fault.reason, hint=fault.hint)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MOST + 1)
    finally:
        os.close(descriptor)


class _Fault(NamedTuple):
    """What is wrong with a file, and what to do."""

    reason: str
    hint: str


def _fault(there: os.stat_result, path: Path, *, others: bool) -> _Fault | None:
    """Return why a file is not one that holds a secret; what systemd gives is kept by its folder."""
    if not stat.S_ISREG(there.st_mode):
        return _Fault(f"{path} is not a file", "name a file")
    if others:
        return None
    if there.st_uid not in (os.geteuid(), 0):
        return _Fault(f"{path} is another user's", "chown it to the user of the engine")
    if there.st_mode & _OF_OTHERS:
        mode = stat.S_IMODE(there.st_mode)
        return _Fault(f"{path} has the mode {mode:04o}, and others may use it", f"chmod 600 {path}")
    return None
