"""Steps that migrations share: columns added, tables made over.

Used by the files of `migrations/versions`, inside their transaction and with foreign keys off.
"""

from __future__ import annotations

from alembic import op


def run(statement: str) -> None:
    """Run one statement as it stands."""
    op.get_bind().exec_driver_sql(statement)


def add_columns(table: str, *columns: str) -> None:
    """Add columns, each as in `CREATE TABLE`, after the last one; no row is rewritten."""
    for column in columns:
        run(f"ALTER TABLE {table} ADD COLUMN {column}")


def add_missing_columns(table: str, *columns: str) -> None:
    """Add those of the columns that a table does not have."""
    known = {row[1] for row in op.get_bind().exec_driver_sql(f"PRAGMA table_info({table})")}
    add_columns(table, *(column for column in columns if column.partition(" ")[0] not in known))


def make_over(table: str, create: str, *, columns: str, values: str | None = None) -> None:
    """Replace a table by one of the same name, for what `ADD COLUMN` cannot do; its indexes go.

    `create` is the new `CREATE TABLE` with `{table}` for the name. `columns` are filled from `values`,
    expressions over the old table (default: the columns themselves).
    """
    run(create.format(table=f"new_{table}"))
    run(f"INSERT INTO new_{table} ({columns}) SELECT {values or columns} FROM {table}")
    run(f"DROP TABLE {table}")
    run(f"ALTER TABLE new_{table} RENAME TO {table}")
