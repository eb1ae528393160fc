"""Bring the tables of schema version 5 to version 6.

Loaded by Alembic. Version 6 has what keeps a store for years.
"""

from core.store.migration_steps import add_columns, run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE check_change (
	id INTEGER NOT NULL,
	backend TEXT NOT NULL,
	at INTEGER NOT NULL,
	status TEXT NOT NULL,
	reason TEXT DEFAULT '' NOT NULL,
	took_ms INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT check_change_status CHECK (status = 'unknown' OR status = 'up' OR status = 'slow' OR status = 'down')
)""",
)
INDEXES = (
    "CREATE INDEX check_change_of ON check_change (backend, id)",
    "CREATE INDEX gauge_down ON gauge (down_at) WHERE down_at IS NOT NULL",
)


def upgrade() -> None:
    """Make the tables; no backend is checked."""
    add_columns("gauge", "down_at INTEGER", "down_reason TEXT")
    for statement in (*TABLES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
