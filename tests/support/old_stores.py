"""Stores of earlier schema versions, as earlier releases wrote them."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "store" / "versions"


VERSIONS = ("1", "2", "2_families", "3", "4", "5", "6", "7", "8")
"""Older schema versions; code of version 2 kept families and run times before these had a version."""


def write_old_store(path: Path, version: str) -> Path:
    """Write a store of one of `VERSIONS`; its engine was killed, its write-ahead log is written back."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(gzip.decompress((FOLDER / f"version_{version}.sql.gz").read_bytes()).decode())
    connection.close()
    path.chmod(0o600)
    return path
