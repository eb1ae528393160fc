"""Bring the tables of schema version 6 to version 7.

Loaded by Alembic. Version 7 has the patterns of workflows.
"""

from core.store.migration_steps import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES: tuple[str, ...] = ()
INDEXES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make the tables; nothing of an older store is in them."""
    for statement in (*TABLES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
