"""Stores of earlier schema versions, as earlier releases wrote them."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "store" / "versions"


def write_old_store(path: Path, version: int) -> Path:
    """Write the store of a schema version; its engine was killed, its write-ahead log is written back."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(gzip.decompress((FOLDER / f"version_{version}.sql.gz").read_bytes()).decode())
    connection.close()
    path.chmod(0o600)
    return path
