"""Changes of groups: instances made, aligned, decided on and run again.

Called by the consequences of final tasks, and by judgements that unfold a group.
"""
