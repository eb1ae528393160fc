"""Bring the tables of schema version 8 to version 9.

Loaded by Alembic. Version 9 finds the instances of a set that are judged.
"""

from core.store.migration_steps import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES: tuple[str, ...] = (
    "CREATE INDEX task_judged ON task (set_id) WHERE wait_reason = 'condition' AND set_id IS NOT NULL",
)


def upgrade() -> None:
    """Add the index."""
    for statement in INDEXES:
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
