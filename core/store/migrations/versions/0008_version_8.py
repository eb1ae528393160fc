"""Bring the tables of schema version 7 to version 8.

Loaded by Alembic. Version 8 counts children under limits, and knows which texts jobs have pinned.
"""

from core.store.migration_steps import add_columns, run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PINNED_TEXT = """CREATE TABLE pinned_text (
	job_id INTEGER NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT pinned_text_pk PRIMARY KEY (job_id, hash),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)
 WITHOUT ROWID"""
INDEXES: tuple[str, ...] = (
    "CREATE INDEX pinned_text_hash ON pinned_text (hash)",
    "CREATE INDEX job_place ON job (place_set) WHERE place_set > 0",
    "CREATE INDEX job_waits ON job (place_gauge, id) WHERE place_gauge IS NOT NULL",
)
PINS = (
    "INSERT OR IGNORE INTO pinned_text (job_id, hash) SELECT j.id, d.value->>'$.hash' FROM job j"
    " CROSS JOIN json_each(CASE WHEN json_valid(j.documents) THEN j.documents ELSE '{}' END) d"
    " WHERE d.value->>'$.hash' IS NOT NULL"
)


def upgrade() -> None:
    """Add what counts children, and note the texts that jobs have pinned.

    Children that have begun hold no place: no limit counted them when they did.
    """
    add_columns("job", "place_set INTEGER DEFAULT 0 NOT NULL", "place_gauge INTEGER")
    run(PINNED_TEXT)
    for statement in INDEXES:
        run(statement)
    run(PINS)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
