"""What the console can start an engine with."""
