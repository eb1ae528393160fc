"""New job: workflows to choose from, and what their forms ask for."""
