"""Changes of children: jobs that tasks wait for, and worklets."""
