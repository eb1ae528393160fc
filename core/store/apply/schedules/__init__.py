"""Changes of schedules, and their fires."""
