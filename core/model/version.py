"""What this program is called and which version it is."""

from __future__ import annotations

VERSION = "0.1.0"
"""The version of taskdeck; the only place that says it."""
