"""Probes: one look at an outside system.

Called by the engine, which decides what many looks mean.
"""

from core.probes.looks import Prober

__all__ = ["Prober"]
