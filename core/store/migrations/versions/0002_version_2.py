"""Bring the tables of schema version 1 to version 2.

Loaded by Alembic. Until version 2 is released, every change of `core/store/schema.py` adds its step to `upgrade`:

- a nullable column, or one with a constant default: `add_columns("task", "status_by TEXT")`; in `schema.py` the
  column stands last in its table, in the same order as here;
- a new table or index: `run("CREATE ...")` with the text that `schema.py` makes (tests/store/test_upgrade.py
  prints both where they differ);
- anything else, a CHECK, a key, a NOT NULL: `make_over(...)`, then `run("CREATE INDEX ...")` for its indexes;
- what old rows need to be right under the new rules: `run("UPDATE ...")`, last.

The whole runs in one transaction with foreign keys off; they are checked before the commit. Statements must be good
for a million tasks: no row-by-row Python. `tests/store/versions` holds a store of version 1 to try it on.
"""

from core.store.migration_steps import add_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add who and why to what was changed."""
    add_columns("job", "paused_at INTEGER", "paused_by TEXT", "pause_reason TEXT")
    add_columns("task", "actor TEXT", "status_by TEXT", "status_reason TEXT")


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
