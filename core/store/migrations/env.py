"""The Alembic environment: runs migrations on a connection, or prints their SQL.

Loaded by Alembic; the connection comes from `core.store.upgrade`.
"""

from alembic import context

from core.store.tables.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
