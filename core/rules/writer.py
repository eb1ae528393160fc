"""The decisions that the store's writer is handed."""

from __future__ import annotations

from core.model.decisions import WriterRules
from core.rules.lanes import choose, sort_key

WRITER_RULES = WriterRules(choose=choose, sort_key=sort_key)
