"""Reports of the past: events, jobs as they stood, runs compared."""
