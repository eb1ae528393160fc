"""Metrics: how a deck does, as OpenMetrics.

Loaded where an endpoint is configured, and by the command `metrics`.
"""

from __future__ import annotations
