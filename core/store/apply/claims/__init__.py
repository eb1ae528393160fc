"""Claims: tasks picked from the heads of open lanes."""
