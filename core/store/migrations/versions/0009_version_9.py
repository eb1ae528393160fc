"""Bring the tables of schema version 8 to version 9.

Loaded by Alembic. Version 9 finds the instances of a set that are judged, and has no rows of purged jobs.
"""

from core.store.migration_steps import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES: tuple[str, ...] = (
    "CREATE INDEX task_judged ON task (set_id) WHERE wait_reason = 'condition' AND set_id IS NOT NULL",
)
# Purges left them behind for a while; an upgrade refuses rows that point to nothing.
LEFT_BEHIND = (
    "DELETE FROM variable WHERE job_id NOT IN (SELECT id FROM job)",
    "DELETE FROM instance_page WHERE set_id NOT IN (SELECT id FROM instance_set)",
)


def upgrade() -> None:
    """Add the index, and delete what purges left behind."""
    for statement in (*INDEXES, *LEFT_BEHIND):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
