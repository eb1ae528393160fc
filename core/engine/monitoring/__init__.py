"""Monitoring: how backends, machine and loop are, and notices to operators."""
