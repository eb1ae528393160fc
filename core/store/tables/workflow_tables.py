"""The tables of registered workflows, and of texts by content hash.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from core.store.tables.columns import metadata, required

definition = Table(
    "definition",
    metadata,
    Column("hash", Text, primary_key=True, nullable=False),
    required("name", Text),
    required("body", Text),
    required("created_at"),
)
"""Workflow documents by content hash; never changed."""

workflow_text = Table(
    "workflow_text",
    metadata,
    Column("hash", Text, primary_key=True, nullable=False),
    required("body", Text),
)
"""Texts of documents by content hash (`definition.hash`): what children and registered names begin from."""

pinned_text = Table(
    "pinned_text",
    metadata,
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    required("hash", Text),
    PrimaryKeyConstraint("job_id", "hash", name="pinned_text_pk"),
    Index("pinned_text_hash", "hash"),
    sqlite_with_rowid=False,
)
"""The hashes of the documents that a job has pinned (`job.documents`): their texts stay while it does."""

workflow = Table(
    "workflow",
    metadata,
    required("name", Text),
    required("number"),
    required("hash", Text),
    required("source", Text),
    Column("folder", Text),
    required("is_current", default="0"),
    required("added_at"),
    Column("added_by", Text),
    PrimaryKeyConstraint("name", "number", name="workflow_pk"),
    CheckConstraint("number > 0", name="workflow_number"),
    Index("workflow_current", "name", unique=True, sqlite_where=text("is_current = 1")),
    Index("workflow_hash", "name", "hash", unique=True),
    sqlite_with_rowid=False,
)
"""Versions of registered workflows, each content once; one of a name is current.

`source` is what messages call the document, `folder` where its paths begin (NULL = it has none).
"""

payload = Table(
    "payload",
    metadata,
    Column("hash", Text, primary_key=True, nullable=False),
    required("body", Text),
    required("used_at", default="0"),
)
"""Texts by content hash; `used_at` = engine time of the last row that was made to name it, to a minute.

They are outputs too large for a row, surroundings that many tasks share."""

TABLES = (workflow, workflow_text, pinned_text)
"""All but `definition` and `payload`, which the schema names."""
