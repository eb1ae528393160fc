"""Reports: read the store for the views."""

from core.store.reports.reports import Reports

__all__ = ["Reports"]
