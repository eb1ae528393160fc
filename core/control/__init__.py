"""The one hatch between the engine and everybody else."""
