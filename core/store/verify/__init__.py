"""Verification of a store against its own rules.

Used by `doctor` and by the tests.
"""

from core.store.verify.findings import MOST, undrained_queues, verify, verify_path, verify_read_only

__all__ = ["MOST", "undrained_queues", "verify", "verify_path", "verify_read_only"]
