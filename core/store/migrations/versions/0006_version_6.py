"""Bring the tables of schema version 5 to version 6.

Loaded by Alembic. Version 6 has what keeps a store for years.
"""

from core.store.migration_steps import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()
INDEXES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make the tables."""
    for statement in (*TABLES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
