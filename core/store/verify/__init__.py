"""Verify: hold a store to its rules."""

from core.store.verify.findings import MOST, verify, verify_path

__all__ = ["MOST", "verify", "verify_path"]
