"""The one place that wires everything: who owns, hosts, reads and reaches an engine."""
