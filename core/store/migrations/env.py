"""Run migrations on the connection that `core.store.upgrade` hands over, or write them as SQL."""

from alembic import context

from core.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
